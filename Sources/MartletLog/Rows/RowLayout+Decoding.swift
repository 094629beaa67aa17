package import MartletCore

extension RowLayout {
    /// All columns of rows.
    /// - Throws: `corruptData` where a payload is no row of this layout.
    package func decode(_ payloads: ByteStrings) throws(MartletError) -> [Column] {
        try decode(payloads, columns: Array(types.indices))
    }

    /// Some columns of rows, in the order in which they are named.
    package func decode(_ payloads: ByteStrings, columns wanted: [Int]) throws(MartletError) -> [Column] {
        let count = payloads.count
        for row in 0..<count where payloads.range(row).count < fixedBytes {
            throw corrupt(row, "has \(payloads.range(row).count) bytes, fewer than the \(fixedBytes) of its columns")
        }
        var readers = wanted.map { SlotReader(types[$0], slot: slot($0), column: $0, rows: count) }
        var fault: (row: Int, column: Int)?
        payloads.bytes.withUnsafeBytes { bytes in
            payloads.offsets.withUnsafeBufferPointer { offsets in
                for start in stride(from: 0, to: count, by: Self.blockRows) {
                    let block = start..<min(count, start + Self.blockRows)
                    for index in readers.indices where fault == nil {
                        if let row = readers[index].read(block, bytes: bytes, offsets: offsets, tail: fixedBytes) {
                            fault = (row, readers[index].column)
                        }
                    }
                }
            }
        }
        if let fault { throw corrupt(fault.row, "holds no \(types[fault.column]) in column \(fault.column)") }
        return readers.map { $0.finish() }
    }

    private func corrupt(_ row: Int, _ what: String) -> MartletError {
        MartletError(.corruptData, "payload \(row) \(what)")
    }
}

/// Reads one column's slots, block after block.
private struct SlotReader {
    let type: DataType
    let slot: Int
    let column: Int
    private var bools: [Bool] = []
    private var int32s: [Int32] = []
    private var int64s: [Int64] = []
    private var float32s: [Float] = []
    private var float64s: [Double] = []
    private var texts: [UInt8] = []
    private var textOffsets: [Int32] = []
    private var nested: ColumnBuilder?
    private var presence = Bitmap(repeating: false, count: 0)
    private var hasNull = false

    init(_ type: DataType, slot: Int, column: Int, rows: Int) {
        self.type = type
        self.slot = slot
        self.column = column
        switch type {
        case .bool: bools.reserveCapacity(rows)
        case .int32: int32s.reserveCapacity(rows)
        case .int64, .timestamp: int64s.reserveCapacity(rows)
        case .float32: float32s.reserveCapacity(rows)
        case .float64: float64s.reserveCapacity(rows)
        case .string, .bytes:
            textOffsets.reserveCapacity(rows + 1)
            textOffsets.append(0)
        case .list, .map: nested = ColumnBuilder(type)
        }
    }

    /// - Returns: the first row that holds no value of the type; nil where all do.
    mutating func read(
        _ block: Range<Int>, bytes: UnsafeRawBufferPointer, offsets: UnsafeBufferPointer<Int32>, tail: Int
    ) -> Int? {
        readPresence(block, bytes, offsets)
        func bits(_ row: Int) -> UInt64 { bytes.load(Int(offsets[row]) &+ slot) }
        switch type {
        case .bool:
            for row in block {
                let bits = bits(row)
                if bits > 1 { return row }
                bools.append(bits == 1)
            }
        case .int32: for row in block { int32s.append(Int32(truncatingIfNeeded: bits(row))) }
        case .int64, .timestamp: for row in block { int64s.append(Int64(bitPattern: bits(row))) }
        case .float32:
            for row in block { float32s.append(Float(bitPattern: UInt32(truncatingIfNeeded: bits(row)))) }
        case .float64: for row in block { float64s.append(Double(bitPattern: bits(row))) }
        case .string, .bytes:
            for row in block {
                guard let value = value(row, bytes, offsets, tail) else { return row }
                texts.append(contentsOf: value)
                textOffsets.append(Int32(texts.count))
            }
        case .list, .map:
            for row in block {
                if !presence[row] {
                    nested?.appendNull()
                    continue
                }
                guard let value = value(row, bytes, offsets, tail), let read = NestedTail(value).value(type),
                    nested?.append(read) == true
                else { return row }
            }
        }
        return nil
    }

    private mutating func readPresence(
        _ block: Range<Int>, _ bytes: UnsafeRawBufferPointer, _ offsets: UnsafeBufferPointer<Int32>
    ) {
        let (place, shift) = (column >> 3, UInt8(column & 7))
        for start in stride(from: block.lowerBound, to: block.upperBound, by: 64) {
            let end = min(block.upperBound, start + 64)
            var word: UInt64 = 0
            for row in start..<end {
                let bit = UInt64(bytes[Int(offsets[row]) &+ place] &>> shift & 1)
                word |= bit &<< UInt64(row &- start)
            }
            if word.nonzeroBitCount < end - start { hasNull = true }
            presence.append(word: word, count: end - start)
        }
    }

    /// - Returns: the bytes in the tail; nil where they do not lie within the row.
    @inline(__always)
    private func value(
        _ row: Int, _ bytes: UnsafeRawBufferPointer, _ offsets: UnsafeBufferPointer<Int32>, _ tail: Int
    ) -> UnsafeRawBufferPointer? {
        let start = Int(offsets[row])
        let span: UInt64 = bytes.load(start &+ slot)
        let (place, length) = (Int(UInt32(truncatingIfNeeded: span)), Int(span &>> 32))
        if length == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
        guard place >= tail, place &+ length <= Int(offsets[row + 1]) &- start else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start &+ place..<start &+ place &+ length])
    }

    consuming func finish() -> Column {
        let validity = hasNull ? presence : nil
        return switch type {
        case .bool: Column(.bool(bools), validity: validity)
        case .int32: Column(.int32(int32s), validity: validity)
        case .int64: Column(.int64(int64s), validity: validity)
        case .timestamp: Column(.timestamp(int64s), validity: validity)
        case .float32: Column(.float32(float32s), validity: validity)
        case .float64: Column(.float64(float64s), validity: validity)
        case .string: Column(.string(ByteStrings(offsets: textOffsets, bytes: texts)), validity: validity)
        case .bytes: Column(.bytes(ByteStrings(offsets: textOffsets, bytes: texts)), validity: validity)
        case .list, .map: nested?.finish() ?? .nulls(type, count: 0)
        }
    }
}

/// A list or a map as it lies in the tail.
private struct NestedTail {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// - Returns: nil where the bytes are no such value.
    consuming func value(_ type: DataType) -> Value? {
        guard let count = number() else { return nil }
        switch type {
        case .list(let element):
            var values: [Value] = []
            for _ in 0..<count {
                guard let value = scalar(element.type) else { return nil }
                values.append(value)
            }
            return place == bytes.count ? .list(values) : nil
        case .map(let element):
            var values: [String: Value] = [:]
            for _ in 0..<count {
                guard let key = text(), let value = scalar(element.type),
                    values.updateValue(value, forKey: String(decoding: key, as: UTF8.self)) == nil
                else { return nil }
            }
            return place == bytes.count ? .map(values) : nil
        default: return nil
        }
    }

    private mutating func number() -> Int? {
        guard place + 4 <= bytes.count else { return nil }
        defer { place += 4 }
        return Int(bytes.load(place, as: UInt32.self))
    }

    private mutating func text() -> UnsafeRawBufferPointer? {
        guard let length = number(), length <= bytes.count - place else { return nil }
        defer { place += length }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + length])
    }

    private mutating func scalar(_ type: DataType) -> Value? {
        switch type {
        case .string: return text().map { .string(String(decoding: $0, as: UTF8.self)) }
        case .bytes: return text().map { .bytes(Array($0)) }
        default: break
        }
        guard place + 8 <= bytes.count else { return nil }
        let bits: UInt64 = bytes.load(place)
        place += 8
        return switch type {
        case .bool: bits > 1 ? nil : .bool(bits == 1)
        case .int32: .int32(Int32(truncatingIfNeeded: bits))
        case .int64: .int64(Int64(bitPattern: bits))
        case .float32: .float32(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .float64: .float64(Double(bitPattern: bits))
        case .timestamp: .timestamp(Timestamp(microseconds: Int64(bitPattern: bits)))
        case .string, .bytes, .list, .map: nil
        }
    }
}
