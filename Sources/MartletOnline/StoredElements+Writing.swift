import MartletCore

/// The bytes that a list or a map takes in the tail of a record; see `StoredList`.
/// - Precondition: the row is present.
func storedByteCount(of values: Column.Values, _ row: Int) -> Int {
    switch values {
    case .list(let lists): elementByteCount(lists.elements.values, lists.range(row))
    case .map(let maps):
        4 + textByteCount(maps.keys, maps.range(row)) + elementByteCount(maps.values.values, maps.range(row))
    default: preconditionFailure("lists and maps have elements")
    }
}

/// Writes a list or a map.
/// - Parameter target: exactly as long as it is.
func writeStored(_ values: Column.Values, _ row: Int, to target: UnsafeMutableRawBufferPointer) {
    switch values {
    case .list(let lists): writeElements(lists.elements.values, lists.range(row), to: target)
    case .map(let maps):
        let range = maps.range(row)
        let keyBytes = textByteCount(maps.keys, range)
        target.storeBytes(of: UInt32(keyBytes).littleEndian, as: UInt32.self)
        writeTexts(maps.keys, range, to: UnsafeMutableRawBufferPointer(rebasing: target[4..<4 + keyBytes]))
        writeElements(
            maps.values.values, range, to: UnsafeMutableRawBufferPointer(rebasing: target[(4 + keyBytes)...]))
    default: preconditionFailure("lists and maps have elements")
    }
}

private func elementByteCount(_ values: Column.Values, _ range: Range<Int>) -> Int {
    switch values {
    case .bool: range.count
    case .int32, .float32: 4 * range.count
    case .int64, .float64, .timestamp: 8 * range.count
    case .string(let texts), .bytes(let texts): textByteCount(texts, range)
    case .list, .map: preconditionFailure("elements are scalars")
    }
}

private func textByteCount(_ texts: ByteStrings, _ range: Range<Int>) -> Int {
    4 + 4 * range.count + Int(texts.offsets[range.upperBound] - texts.offsets[range.lowerBound])
}

private func writeElements(_ values: Column.Values, _ range: Range<Int>, to target: UnsafeMutableRawBufferPointer) {
    func write<Element, Bits: FixedWidthInteger>(_ array: [Element], _ bits: (Element) -> Bits) {
        var offset = 0
        for index in range {
            target.storeBytes(of: bits(array[index]).littleEndian, toByteOffset: offset, as: Bits.self)
            offset += MemoryLayout<Bits>.size
        }
    }
    switch values {
    case .bool(let array): write(array) { $0 ? 1 as UInt8 : 0 }
    case .int32(let array): write(array) { $0 }
    case .int64(let array), .timestamp(let array): write(array) { $0 }
    case .float32(let array): write(array) { $0.bitPattern }
    case .float64(let array): write(array) { $0.bitPattern }
    case .string(let texts), .bytes(let texts): writeTexts(texts, range, to: target)
    case .list, .map: preconditionFailure("elements are scalars")
    }
}

private func writeTexts(_ texts: ByteStrings, _ range: Range<Int>, to target: UnsafeMutableRawBufferPointer) {
    target.storeBytes(of: UInt32(range.count).littleEndian, as: UInt32.self)
    let start = texts.offsets[range.lowerBound]
    for (place, index) in range.enumerated() {
        let end = UInt32(texts.offsets[index + 1] - start)
        target.storeBytes(of: end.littleEndian, toByteOffset: 4 + 4 * place, as: UInt32.self)
    }
    let bytes = Int(start)..<Int(texts.offsets[range.upperBound])
    texts.bytes.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: target[(4 + 4 * range.count)...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[bytes]))
    }
}
