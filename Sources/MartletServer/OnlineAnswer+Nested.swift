internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

extension ByteWriter {
    /// A list as Feast writes one: an array of what its elements are alone, times as epoch seconds.
    mutating func append(_ list: StoredList) {
        append(UInt8(ascii: "["))
        for index in 0..<list.count {
            if index > 0 { append(UInt8(ascii: ",")) }
            appendElement(of: list, index)
        }
        append(UInt8(ascii: "]"))
    }

    /// A map as an object, its keys ascending.
    mutating func append(_ map: StoredMap) {
        append(UInt8(ascii: "{"))
        for index in 0..<map.count {
            if index > 0 { append(UInt8(ascii: ",")) }
            appendJSON(utf8: map.keys.text(index))
            append(UInt8(ascii: ":"))
            appendElement(of: map.values, index)
        }
        append(UInt8(ascii: "}"))
    }

    private mutating func appendElement(of list: StoredList, _ index: Int) {
        switch list.element {
        case .bool: appendJSON(list.bits(index) != 0)
        case .int32, .int64: append(decimal: Int64(bitPattern: list.bits(index)))
        case .float32: appendJSON(Double(Float(bitPattern: UInt32(truncatingIfNeeded: list.bits(index)))))
        case .float64: appendJSON(Double(bitPattern: list.bits(index)))
        case .timestamp: appendSeconds(Int64(bitPattern: list.bits(index)))
        case .string: appendJSON(utf8: list.text(index))
        case .bytes: appendJSON(base64: list.text(index))
        }
    }
}

extension ByteWriter {
    /// A present value of a row.
    mutating func append(valueOf row: LatestRow, _ feature: Int, _ type: DataType) throws {
        switch type {
        case .bool: appendJSON(row.bits(feature) != 0)
        case .int32, .int64: append(decimal: Int64(bitPattern: row.bits(feature)))
        case .float32: appendJSON(Double(Float(bitPattern: UInt32(truncatingIfNeeded: row.bits(feature)))))
        case .float64: appendJSON(Double(bitPattern: row.bits(feature)))
        case .timestamp: appendSeconds(Int64(bitPattern: row.bits(feature)))
        case .string: appendJSON(utf8: try row.text(feature))
        case .bytes: appendJSON(base64: try row.text(feature))
        case .list(let element): append(try row.list(feature, of: element))
        case .map(let element): append(try row.map(feature, to: element))
        }
    }
}
