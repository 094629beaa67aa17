extension Column {
    /// The rows of all columns, one column after the other. O(rows).
    /// - Precondition: there is a column, and all are of one type.
    package static func joining(_ columns: [Column]) -> Column {
        if columns.count == 1 { return columns[0] }
        var values = columns[0].values
        for column in columns.dropFirst() { values = values.appending(column.values) }
        guard columns.contains(where: { $0.validity != nil }) else { return Column(values) }
        var validity = Bitmap(repeating: true, count: columns.reduce(0) { $0 + $1.count })
        var first = 0
        for column in columns {
            for row in 0..<column.count where column.isNull(row) { validity[first + row] = false }
            first += column.count
        }
        return Column(values, validity: validity)
    }
}

extension RecordBatch {
    /// The rows of all batches, one after the other. O(rows).
    /// - Precondition: there is a batch, and all have one schema.
    package static func joining(_ batches: [RecordBatch]) -> RecordBatch {
        RecordBatch(
            schema: batches[0].schema,
            columns: batches[0].columns.indices.map { index in .joining(batches.map { $0.columns[index] }) })
    }
}
