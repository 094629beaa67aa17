extension Column {
    /// The rows of this column, then those of another one of its type.
    package func appending(_ other: Column) -> Column {
        precondition(type == other.type, "columns of one type are put together")
        let joined: Values
        switch (values, other.values) {
        case (.bool(let a), .bool(let b)): joined = .bool(a + b)
        case (.int32(let a), .int32(let b)): joined = .int32(a + b)
        case (.int64(let a), .int64(let b)): joined = .int64(a + b)
        case (.timestamp(let a), .timestamp(let b)): joined = .timestamp(a + b)
        case (.float32(let a), .float32(let b)): joined = .float32(a + b)
        case (.float64(let a), .float64(let b)): joined = .float64(a + b)
        case (.string(var a), .string(let b)):
            a.append(contentsOf: b)
            joined = .string(a)
        case (.bytes(var a), .bytes(let b)):
            a.append(contentsOf: b)
            joined = .bytes(a)
        case (.list(let a), .list(let b)):
            joined = .list(
                ListValues(offsets: joinedOffsets(a.offsets, b.offsets), elements: a.elements.appending(b.elements)))
        case (.map(let a), .map(let b)):
            var keys = a.keys
            keys.append(contentsOf: b.keys)
            joined = .map(
                MapValues(
                    offsets: joinedOffsets(a.offsets, b.offsets), keys: keys, values: a.values.appending(b.values)))
        default: preconditionFailure("columns of one type have values of one kind")
        }
        guard validity != nil || other.validity != nil else { return Column(joined) }
        var bits = validity ?? Bitmap(repeating: true, count: count)
        for row in 0..<other.count { bits.append(!other.isNull(row)) }
        return Column(joined, validity: bits)
    }
}

private func joinedOffsets(_ left: [Int32], _ right: [Int32]) -> [Int32] {
    let base = left[left.count - 1]
    return left + right.dropFirst().map { $0 + base }
}

extension RecordBatch {
    /// The rows of this batch, then those of another one of its schema.
    package func appending(_ other: RecordBatch) -> RecordBatch {
        RecordBatch(schema: schema, columns: zip(columns, other.columns).map { $0.appending($1) })
    }
}
