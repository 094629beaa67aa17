/// A column of one type: values beside an optional validity bitmap. Where a bit is clear the value beneath it is
/// unspecified (zero or empty by convention).
package struct Column: Sendable, Hashable {
    package enum Values: Sendable, Hashable {
        case bool([Bool])
        case int32([Int32])
        case int64([Int64])
        case float32([Float])
        case float64([Double])
        case string(ByteStrings)
        case bytes(ByteStrings)
        /// Microseconds since the epoch, UTC.
        case timestamp([Int64])
        indirect case list(ListValues)
        indirect case map(MapValues)
    }

    package var values: Values
    /// nil means that every value is present.
    package var validity: Bitmap?

    package init(_ values: Values, validity: Bitmap? = nil) {
        self.values = values
        self.validity = validity
        precondition(validity == nil || validity?.count == count, "validity has one bit a value")
    }

    package var type: DataType {
        switch values {
        case .bool: .bool
        case .int32: .int32
        case .int64: .int64
        case .float32: .float32
        case .float64: .float64
        case .string: .string
        case .bytes: .bytes
        case .timestamp: .timestamp
        case .list(let lists): .list(scalar(lists.elements))
        case .map(let maps): .map(scalar(maps.values))
        }
    }

    private func scalar(_ column: Column) -> DataType.Element {
        guard let element = column.type.element else { preconditionFailure("lists and maps hold scalars") }
        return element
    }

    package var count: Int {
        switch values {
        case .bool(let array): array.count
        case .int32(let array): array.count
        case .int64(let array), .timestamp(let array): array.count
        case .float32(let array): array.count
        case .float64(let array): array.count
        case .string(let strings), .bytes(let strings): strings.count
        case .list(let lists): lists.count
        case .map(let maps): maps.count
        }
    }

    package func isNull(_ row: Int) -> Bool {
        guard let validity else { return false }
        return !validity[row]
    }

    /// The bytes of its texts or byte strings; 0 for others.
    package var textBytes: Int {
        switch values {
        case .string(let strings), .bytes(let strings): strings.bytes.count
        default: 0
        }
    }

    package var nullCount: Int { validity.map { $0.count - $0.countOfOnes } ?? 0 }

    /// One value, boxed: for edges only.
    package subscript(row: Int) -> Value {
        if isNull(row) { return .null }
        switch values {
        case .bool(let array): return .bool(array[row])
        case .int32(let array): return .int32(array[row])
        case .int64(let array): return .int64(array[row])
        case .float32(let array): return .float32(array[row])
        case .float64(let array): return .float64(array[row])
        case .string(let strings): return .string(strings[row])
        case .bytes(let strings): return .bytes(Array(strings.slice(row)))
        case .timestamp(let array): return .timestamp(Timestamp(microseconds: array[row]))
        case .list(let lists): return .list(lists.range(row).map { lists.elements[$0] })
        case .map(let maps):
            let entries = maps.range(row).map { (maps.keys[$0], maps.values[$0]) }
            return .map(Dictionary(entries) { $1 })
        }
    }
}

extension Column.Values {
    /// These values and then others of the same type. O(others) where nobody else holds these.
    /// - Precondition: equal types, and no more text or elements than one column holds: see `checkColumn`.
    package consuming func appending(_ others: Column.Values) -> Column.Values {
        switch (consume self, others) {
        case (.bool(var array), .bool(let more)):
            array.append(contentsOf: more)
            return .bool(array)
        case (.int32(var array), .int32(let more)):
            array.append(contentsOf: more)
            return .int32(array)
        case (.int64(var array), .int64(let more)):
            array.append(contentsOf: more)
            return .int64(array)
        case (.timestamp(var array), .timestamp(let more)):
            array.append(contentsOf: more)
            return .timestamp(array)
        case (.float32(var array), .float32(let more)):
            array.append(contentsOf: more)
            return .float32(array)
        case (.float64(var array), .float64(let more)):
            array.append(contentsOf: more)
            return .float64(array)
        case (.string(var strings), .string(let more)):
            strings.append(contentsOf: more)
            return .string(strings)
        case (.bytes(var strings), .bytes(let more)):
            strings.append(contentsOf: more)
            return .bytes(strings)
        case (.list(let lists), .list(let more)):
            return .list(
                ListValues(
                    offsets: joinedOffsets(lists.offsets, more.offsets),
                    elements: .joining(fitting: [lists.elements, more.elements])))
        case (.map(let maps), .map(let more)):
            var keys = maps.keys
            keys.append(contentsOf: more.keys)
            return .map(
                MapValues(
                    offsets: joinedOffsets(maps.offsets, more.offsets), keys: keys,
                    values: .joining(fitting: [maps.values, more.values])))
        default: preconditionFailure("columns of one type are joined")
        }
    }
}

private func joinedOffsets(_ left: [Int32], _ right: [Int32]) -> [Int32] {
    let base = left[left.count - 1]
    return left + right.dropFirst().map { $0 + base }
}

extension Column {
    /// The column with every value null.
    package static func nulls(_ type: DataType, count: Int) -> Column {
        var builder = ColumnBuilder(type)
        for _ in 0..<count { builder.appendNull() }
        return builder.finish()
    }
}
