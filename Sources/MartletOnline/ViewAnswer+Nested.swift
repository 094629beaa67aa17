internal import MartletCore

extension ViewAnswer {
    /// A feature of lists or maps, row by row, taken over element by element without boxes.
    func nestedColumn(of feature: Int, _ type: DataType, rows: [Int]) throws -> Column {
        var filler = StoredFiller(type)
        for key in rows {
            guard let row = self.rows[key], row.isPresent(feature) else {
                filler.appendNull()
                continue
            }
            switch type {
            case .list(let element): filler.append(nil, try row.list(feature, of: element))
            case .map(let element):
                let map = try row.map(feature, to: element)
                filler.append(map.keys, map.values)
            default: preconditionFailure("lists and maps are nested")
            }
        }
        return filler.finish()
    }
}

/// Lists or maps of records, put together as a column.
private struct StoredFiller {
    private let element: DataType.Element
    private let isMap: Bool
    private var offsets: [Int32] = [0]
    private var keys = ByteStrings()
    private var words: [UInt64] = []
    private var texts = ByteStrings()
    private var present = Bitmap(repeating: false, count: 0)

    init(_ type: DataType) {
        switch type {
        case .list(let element): (self.element, isMap) = (element, false)
        case .map(let element): (self.element, isMap) = (element, true)
        default: preconditionFailure("lists and maps are nested")
        }
    }

    mutating func appendNull() {
        present.append(false)
        offsets.append(offsets[offsets.count - 1])
    }

    mutating func append(_ names: StoredList?, _ values: StoredList) {
        present.append(true)
        for index in 0..<values.count {
            if let names { keys.append(names.text(index)) }
            if element == .string || element == .bytes {
                texts.append(values.text(index))
            } else {
                words.append(values.bits(index))
            }
        }
        offsets.append(offsets[offsets.count - 1] + Int32(values.count))
    }

    consuming func finish() -> Column {
        let values: Column =
            switch element {
            case .bool: Column(.bool(words.map { $0 != 0 }))
            case .int32: Column(.int32(words.map { Int32(truncatingIfNeeded: $0) }))
            case .int64: Column(.int64(words.map { Int64(bitPattern: $0) }))
            case .timestamp: Column(.timestamp(words.map { Int64(bitPattern: $0) }))
            case .float32: Column(.float32(words.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }))
            case .float64: Column(.float64(words.map { Double(bitPattern: $0) }))
            case .string: Column(.string(texts))
            case .bytes: Column(.bytes(texts))
            }
        let validity = present.allSet ? nil : present
        return isMap
            ? Column(.map(MapValues(offsets: offsets, keys: keys, values: values)), validity: validity)
            : Column(.list(ListValues(offsets: offsets, elements: values)), validity: validity)
    }
}
