/// Columns of equal length beside their schema: what rooms hand one another.
package struct RecordBatch: Sendable, Hashable {
    package let schema: Schema
    package let columns: [Column]
    package let rowCount: Int

    /// - Precondition: one column a field, of the field's type, all of equal length.
    package init(schema: Schema, columns: [Column]) {
        precondition(schema.fields.count == columns.count, "one column for each field")
        rowCount = columns.first?.count ?? 0
        for (field, column) in zip(schema.fields, columns) {
            precondition(field.type == column.type, "column \(field.name) is \(column.type), not \(field.type)")
            precondition(column.count == rowCount, "column \(field.name) has \(column.count) rows, not \(rowCount)")
        }
        self.schema = schema
        self.columns = columns
    }

    package init(_ columns: [(String, Column)]) {
        self.init(schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1))
    }

    /// Linear in the number of fields: resolve names when planning.
    package subscript(name: String) -> Column? { schema.index(of: name).map { columns[$0] } }

    /// The rows named by `rows`, in that order; a negative row gives nulls.
    /// - Throws: `limitExceeded` where a column would hold more text or elements than one does.
    package func gathering(_ rows: [Int32]) throws(MartletError) -> RecordBatch {
        var gathered: [Column] = []
        for (field, column) in zip(schema.fields, columns) {
            gathered.append(try column.gathering(rows, named: field.name))
        }
        return RecordBatch(schema: schema, columns: gathered)
    }

    /// The named columns, in that order.
    /// - Precondition: every name is a column.
    package func selecting(_ names: [String]) -> RecordBatch {
        let indices = names.map { name in
            guard let index = schema.index(of: name) else { preconditionFailure("no column \(name)") }
            return index
        }
        return RecordBatch(
            schema: Schema(indices.map { schema.fields[$0] }), columns: indices.map { columns[$0] })
    }

    package func appending(_ name: String, _ column: Column) -> RecordBatch {
        RecordBatch(schema: Schema(schema.fields + [Field(name, column.type)]), columns: columns + [column])
    }
}
