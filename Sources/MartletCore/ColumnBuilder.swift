/// Builds a column value by value. For edges and cold paths; hot loops fill typed arrays and make the `Column` at the
/// end.
package struct ColumnBuilder: Sendable {
    package let type: DataType
    // Only the array of `type` is used; the others stay empty and cost nothing.
    private var bools: [Bool] = []
    private var int32s: [Int32] = []
    private var int64s: [Int64] = []
    private var float32s: [Float] = []
    private var float64s: [Double] = []
    private var strings = ByteStrings()
    private var offsets: [Int32] = []
    /// Of a list or a map: the builder of its elements. An array because a struct cannot hold itself.
    private var elements: [ColumnBuilder] = []
    private var present = Bitmap(repeating: false, count: 0)
    private var hasNull = false

    package init(_ type: DataType) {
        self.type = type
        switch type {
        case .list(let element), .map(let element):
            offsets = [0]
            elements = [ColumnBuilder(element.type)]
        default: break
        }
    }

    package var count: Int { present.count }

    package mutating func appendNull() {
        hasNull = true
        present.append(false)
        switch type {
        case .bool: bools.append(false)
        case .int32: int32s.append(0)
        case .int64, .timestamp: int64s.append(0)
        case .float32: float32s.append(0)
        case .float64: float64s.append(0)
        case .string, .bytes: strings.append("")
        case .list, .map: offsets.append(Int32(elements[0].count))
        }
    }

    /// - Returns: false, with nothing appended, where the value does not fit the column's type. A null always fits; an
    ///   int32 widens to int64, a float32 and an int32 to float64.
    @discardableResult
    package mutating func append(_ value: Value) -> Bool {
        switch (type, value) {
        case (_, .null):
            appendNull()
            return true
        case (.bool, .bool(let x)): bools.append(x)
        case (.int32, .int32(let x)): int32s.append(x)
        case (.int64, .int64(let x)): int64s.append(x)
        case (.int64, .int32(let x)): int64s.append(Int64(x))
        case (.float32, .float32(let x)): float32s.append(x)
        case (.float64, .float64(let x)): float64s.append(x)
        case (.float64, .float32(let x)): float64s.append(Double(x))
        case (.float64, .int32(let x)): float64s.append(Double(x))
        case (.string, .string(let x)): strings.append(x)
        case (.bytes, .bytes(let x)): strings.append(contentsOf: x)
        case (.timestamp, .timestamp(let x)): int64s.append(x.microseconds)
        case (.list(let element), .list(let values)):
            guard values.allSatisfy({ fits($0, element) }) else { return false }
            for value in values { elements[0].append(value) }
            offsets.append(Int32(elements[0].count))
        case (.map(let element), .map(let values)):
            guard values.values.allSatisfy({ fits($0, element) }) else { return false }
            for (key, value) in values.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                strings.append(key)
                elements[0].append(value)
            }
            offsets.append(Int32(elements[0].count))
        default: return false
        }
        present.append(true)
        return true
    }

    private func fits(_ value: Value, _ element: DataType.Element) -> Bool {
        var trial = ColumnBuilder(element.type)
        return !value.isNull && trial.append(value)
    }

    package consuming func finish() -> Column {
        let validity = hasNull ? present : nil
        return switch type {
        case .bool: Column(.bool(bools), validity: validity)
        case .int32: Column(.int32(int32s), validity: validity)
        case .int64: Column(.int64(int64s), validity: validity)
        case .float32: Column(.float32(float32s), validity: validity)
        case .float64: Column(.float64(float64s), validity: validity)
        case .string: Column(.string(strings), validity: validity)
        case .bytes: Column(.bytes(strings), validity: validity)
        case .timestamp: Column(.timestamp(int64s), validity: validity)
        case .list: Column(.list(ListValues(offsets: offsets, elements: elements[0].finish())), validity: validity)
        case .map:
            Column(
                .map(MapValues(offsets: offsets, keys: strings, values: elements[0].finish())), validity: validity)
        }
    }
}
