package import MartletCore

extension StoredList {
    /// One element, boxed: for edges.
    package subscript(index: Int) -> Value {
        switch element {
        case .bool: .bool(bits(index) != 0)
        case .int32: .int32(Int32(truncatingIfNeeded: bits(index)))
        case .int64: .int64(Int64(bitPattern: bits(index)))
        case .float32: .float32(Float(bitPattern: UInt32(truncatingIfNeeded: bits(index))))
        case .float64: .float64(Double(bitPattern: bits(index)))
        case .string: .string(String(decoding: text(index), as: UTF8.self))
        case .bytes: .bytes(Array(text(index)))
        case .timestamp: .timestamp(Timestamp(microseconds: Int64(bitPattern: bits(index))))
        }
    }

    var value: Value { .list((0..<count).map { self[$0] }) }
}

extension StoredMap {
    var value: Value {
        .map(Dictionary((0..<count).map { (String(decoding: keys.text($0), as: UTF8.self), values[$0]) }) { $1 })
    }
}
