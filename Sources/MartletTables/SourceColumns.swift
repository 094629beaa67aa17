package import MartletCore
package import MartletQuery

/// The columns of a query as columns of a table.
/// A column that is `NULL` without a type counts as int32, as DuckDB has it.
/// - Throws: `typeMismatch` for a type that a table cannot hold.
func sourceColumns(of query: String, on connection: QueryConnection) throws -> [(name: String, type: DataType)] {
    let rows = try connection.query("DESCRIBE (\(query)\n)")
    return try (0..<rows.rowCount).map { row in
        guard case .string(let name) = rows.columns[0][row], case .string(let text) = rows.columns[1][row] else {
            throw MartletError(.internalFault, "DESCRIBE gave no names and types")
        }
        guard let type = tableType(text) else {
            throw MartletError(
                .typeMismatch, "column \(name) has the type \(text), which a table cannot hold",
                fix: "cast it in the query")
        }
        return (name, type)
    }
}

/// The schema that a table made from this query gets.
/// - Throws: `typeMismatch` for a type that a table cannot hold.
package func tableSchema(of query: String, on connection: QueryConnection) throws -> Schema {
    let columns = try sourceColumns(of: query, on: connection)
    var seen: Set<String> = []
    return Schema(
        try columns.map { name, type in
            guard seen.insert(name).inserted else {
                throw MartletError(.invalidInput, "the query has two columns named \(name)", fix: "rename one with AS")
            }
            return Field(name, type)
        })
}

/// Our type for a type of DuckDB: the same one, or the next wider. 128-bit and unsigned 64-bit integers (what sums of
/// integers are) become int64; a value that does not fit ends the query.
private func tableType(_ name: String) -> DataType? {
    switch name {
    case "BOOLEAN": .bool
    case "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT": .int32
    case "BIGINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT": .int64
    case "FLOAT": .float32
    case "DOUBLE": .float64
    case "VARCHAR", "UUID": .string
    case "BLOB": .bytes
    case "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE": .timestamp
    default: name.hasPrefix("DECIMAL(") ? .float64 : name.hasPrefix("ENUM(") ? .string : nestedType(name)
    }
}

/// `DOUBLE[]`, `MAP(VARCHAR, BIGINT)`.
private func nestedType(_ name: String) -> DataType? {
    let map = "MAP(VARCHAR, "
    if name.hasSuffix("[]") { return tableType(String(name.dropLast(2)))?.element.map { .list($0) } }
    guard name.hasPrefix(map), name.hasSuffix(")") else { return nil }
    return tableType(String(name.dropFirst(map.count).dropLast()))?.element.map { .map($0) }
}

/// Whether every value of `source` is a value of `target` too (int64 to float64 is not: it rounds).
func widens(_ source: DataType, to target: DataType) -> Bool {
    if source == target { return true }
    return switch (source, target) {
    case (.int32, .int64), (.int32, .float64), (.float32, .float64): true
    default: false
    }
}
