internal import MartletCore

/// Takes lists or maps as `CellReader` writes them, one by one.
struct NestedFiller {
    private let isMap: Bool
    private let hasTexts: Bool
    private var offsets: [Int32] = [0]
    private var keys = ByteStrings()
    private var elements: ColumnFiller

    /// - Returns: nil for the type of a scalar.
    init?(_ type: DataType) {
        switch type {
        case .list(let element):
            isMap = false
            elements = ColumnFiller(element.type)
        case .map(let element):
            isMap = true
            elements = ColumnFiller(element.type)
        default: return nil
        }
        hasTexts = elements.type == .string || elements.type == .bytes
    }

    mutating func appendNothing() { offsets.append(offsets[offsets.count - 1]) }

    mutating func append(_ range: Range<Int>, of scratch: [UInt8]) {
        var place = range.lowerBound
        func text() -> Range<Int> {
            let length = scratch.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt32.self) }
            let found = place + 4..<place + 4 + Int(length)
            place = found.upperBound
            return found
        }
        var count: Int32 = 0
        while place < range.upperBound {
            if isMap { keys.append(contentsOf: scratch[text()]) }
            if hasTexts {
                elements.append(.written(text()), scratch: scratch)
            } else {
                let bits = scratch.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
                elements.append(.bits(bits), scratch: scratch)
                place += 8
            }
            count += 1
        }
        offsets.append(offsets[offsets.count - 1] + count)
    }

    consuming func finish() -> Column.Values {
        isMap
            ? .map(MapValues(offsets: offsets, keys: keys, values: elements.finish()))
            : .list(ListValues(offsets: offsets, elements: elements.finish()))
    }
}
