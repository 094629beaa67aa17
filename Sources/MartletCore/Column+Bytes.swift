/// Columns as bytes in the order of this machine, for files that only the process that writes them, or the next one of
/// the same program, reads again. A column is its type, the number of its rows, its validity and its values, each as
/// long as it says.
extension Column {
    /// Appends some rows.
    package func appendBytes(of rows: Range<Int>, to bytes: inout [UInt8]) {
        append([type.code, UInt64(rows.count), validity == nil ? 0 : 1], to: &bytes)
        if let validity {
            var part = Bitmap(repeating: true, count: 0)
            part.append(validity, rows)
            append(part.words, to: &bytes)
        }
        switch values {
        case .bool(let array): append(array[rows], to: &bytes)
        case .int32(let array): append(array[rows], to: &bytes)
        case .int64(let array), .timestamp(let array): append(array[rows], to: &bytes)
        case .float32(let array): append(array[rows], to: &bytes)
        case .float64(let array): append(array[rows], to: &bytes)
        case .string(let strings), .bytes(let strings): append(strings, rows, to: &bytes)
        case .list(let lists):
            let range = append(lists.offsets, rows, to: &bytes)
            lists.elements.appendBytes(of: range, to: &bytes)
        case .map(let maps):
            let range = append(maps.offsets, rows, to: &bytes)
            append(maps.keys, range, to: &bytes)
            maps.values.appendBytes(of: range, to: &bytes)
        }
    }

    /// - Throws: `corruptData` where the bytes are not those of a column.
    package init(reading bytes: inout ByteReader) throws(MartletError) {
        guard let type = DataType(code: try bytes.number()) else { throw ByteReader.broken }
        let count = try bytes.count()
        var validity: Bitmap?
        if try bytes.number() == 1 {
            validity = Bitmap(words: try bytes.array(UInt64.self, count: (count + 63) >> 6), count: count)
        }
        let values: Values
        switch type {
        case .bool: values = .bool(try bytes.array(UInt8.self, count: count).map { $0 != 0 })
        case .int32: values = .int32(try bytes.array(Int32.self, count: count))
        case .int64: values = .int64(try bytes.array(Int64.self, count: count))
        case .timestamp: values = .timestamp(try bytes.array(Int64.self, count: count))
        case .float32: values = .float32(try bytes.array(Float.self, count: count))
        case .float64: values = .float64(try bytes.array(Double.self, count: count))
        case .string: values = .string(try bytes.strings(count))
        case .bytes: values = .bytes(try bytes.strings(count))
        case .list:
            let offsets = try bytes.offsets(count)
            let elements = try Column(reading: &bytes)
            guard elements.type == type.scalarWithin, elements.count == Int(offsets[count]), elements.nullCount == 0
            else { throw ByteReader.broken }
            values = .list(ListValues(offsets: offsets, elements: elements))
        case .map:
            let offsets = try bytes.offsets(count)
            let keys = try bytes.strings(Int(offsets[count]))
            let elements = try Column(reading: &bytes)
            guard elements.type == type.scalarWithin, elements.count == keys.count, elements.nullCount == 0
            else { throw ByteReader.broken }
            values = .map(MapValues(offsets: offsets, keys: keys, values: elements))
        }
        self.init(values, validity: validity)
    }
}

extension DataType {
    /// The element, and which of scalar, list and map it is: read far more often than names could be taken apart.
    fileprivate var code: UInt64 {
        let (element, kind): (Element, Int) =
            switch self {
            case .list(let element): (element, 1)
            case .map(let element): (element, 2)
            default: (element ?? .bool, 0)
            }
        return UInt64(kind << 8 | (Element.allCases.firstIndex(of: element) ?? 0))
    }

    fileprivate init?(code: UInt64) {
        let index = Int(code & 0xFF)
        guard index < Element.allCases.count else { return nil }
        let element = Element.allCases[index]
        switch code >> 8 {
        case 0: self = element.type
        case 1: self = .list(element)
        case 2: self = .map(element)
        default: return nil
        }
    }

    /// What the lists or maps hold.
    fileprivate var scalarWithin: DataType? {
        switch self {
        case .list(let element), .map(let element): element.type
        default: nil
        }
    }
}

private func append<T: BitwiseCopyable>(_ array: [T], to bytes: inout [UInt8]) { append(array[...], to: &bytes) }

private func append<T: BitwiseCopyable>(_ array: ArraySlice<T>, to bytes: inout [UInt8]) {
    array.withUnsafeBytes { bytes.append(contentsOf: $0) }
}

private func append(_ strings: ByteStrings, _ rows: Range<Int>, to bytes: inout [UInt8]) {
    let range = append(strings.offsets, rows, to: &bytes)
    append(strings.bytes[range], to: &bytes)
}

/// The offsets of some rows, from 0 on.
/// - Returns: what lies between them.
private func append(_ offsets: [Int32], _ rows: Range<Int>, to bytes: inout [UInt8]) -> Range<Int> {
    let first = offsets[rows.lowerBound]
    append(offsets[rows.lowerBound...rows.upperBound].map { $0 - first }, to: &bytes)
    return Int(first)..<Int(offsets[rows.upperBound])
}

/// Takes arrays off the front of bytes, and never more than there are.
package struct ByteReader {
    private let bytes: [UInt8]
    private var place = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var isAtEnd: Bool { place == bytes.count }

    /// - Throws: `corruptData` where there are fewer.
    package mutating func array<T: BitwiseCopyable>(_: T.Type, count: Int) throws(MartletError) -> [T] {
        let (length, isOver) = count.multipliedReportingOverflow(by: MemoryLayout<T>.stride)
        guard count >= 0, !isOver, length <= bytes.count - place else { throw Self.broken }
        defer { place += length }
        return [T](count: count) { target in
            bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(target).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[place..<place + length]))
            }
        }
    }

    fileprivate mutating func number() throws(MartletError) -> UInt64 {
        guard bytes.count - place >= 8 else { throw Self.broken }
        defer { place += 8 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
    }

    fileprivate mutating func count() throws(MartletError) -> Int {
        let number = try number()
        guard number <= UInt64(Int32.max) else { throw Self.broken }
        return Int(number)
    }

    fileprivate mutating func offsets(_ count: Int) throws(MartletError) -> [Int32] {
        let offsets = try array(Int32.self, count: count + 1)
        guard offsets[0] == 0, zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }) else { throw Self.broken }
        return offsets
    }

    fileprivate mutating func strings(_ count: Int) throws(MartletError) -> ByteStrings {
        let offsets = try offsets(count)
        return ByteStrings(offsets: offsets, bytes: try array(UInt8.self, count: Int(offsets[count])))
    }

    static var broken: MartletError { MartletError(.corruptData, "a file of columns is not what was written") }
}
