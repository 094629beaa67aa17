package import MartletCore
internal import MartletQuery

/// Which files of a snapshot a query has to read: those whose rows may satisfy all conditions. Rows of the files that
/// remain may still fail them, so the query filters as well.
package struct FileFilter: Sendable {
    /// Partition columns and the values wanted.
    package var partitions: [String: Set<Value>]
    /// A timestamp column and the times wanted, lower end included, upper end not.
    package var times: [String: Range<Timestamp>]

    package init(partitions: [String: Set<Value>] = [:], times: [String: Range<Timestamp>] = [:]) {
        self.partitions = partitions
        self.times = times
    }

    package static let all = FileFilter()
}

extension Snapshot {
    /// The files that may hold rows for which the filter is true, in their order.
    /// - Throws: `missingColumn` where the filter names a column that is not of its kind.
    package func files(where filter: FileFilter) throws -> [DataFile] {
        for column in filter.partitions.keys where !partitionColumns.contains(column) {
            throw MartletError(.missingColumn, "the table \(location) is not partitioned by \(column)")
        }
        for column in filter.times.keys where schema[column]?.type != .timestamp {
            throw MartletError(.missingColumn, "the table \(location) has no timestamp column \(column)")
        }
        return try files.filter { file in
            for (column, wanted) in filter.partitions {
                guard wanted.contains(try partitionValue(column, of: file)) else { return false }
            }
            guard !filter.times.isEmpty else { return true }
            let statistics = file.statistics.flatMap { FileStatistics(json: $0) }
            for (column, range) in filter.times {
                if partitionColumns.contains(column) {
                    guard case .timestamp(let time) = try partitionValue(column, of: file), range.contains(time) else {
                        return false
                    }
                } else if let statistics {
                    if statistics.rowCount == statistics.nullCounts[column] { return false }
                    guard let bounds = statistics.timeBounds(column) else { continue }
                    if bounds.upperBound < range.lowerBound.microseconds
                        || bounds.lowerBound >= range.upperBound.microseconds
                    {
                        return false
                    }
                }
            }
            return true
        }
    }

    /// - Throws: `corruptData` where the log holds a text that is no value of the column's type.
    package func partitionValue(_ column: String, of file: DataFile) throws -> Value {
        guard let type = schema[column]?.type else { return .null }
        return try PartitionText.parse(file.partitionValues[column] ?? nil, as: type, column: column)
    }
}

/// A snapshot as a table expression of SQL.
struct ScanPlan {
    let schema: Schema
    let partitionColumns: [String]
    let files: [(path: String, values: [Value])]
    /// The columns wanted, in this order.
    let columns: [String]

    /// With more different partitions than this, values come from a list indexed by file instead of a branch for each
    /// partition.
    static let branchesMax = 32

    /// A `SELECT` whose columns have the names, the types and the order of the schema; a column that a file lacks is
    /// null there.
    func sql() -> String {
        if files.isEmpty {
            let nulls = columns.map { "\(nullLiteral($0)) AS \(quotedIdentifier($0))" }
            return "SELECT \(nulls.joined(separator: ", ")) WHERE false"
        }
        if partitionColumns.isEmpty { return branch(files.map(\.path), values: []) }
        var order: [[Value]] = []
        var groups: [[Value]: [String]] = [:]
        for file in files {
            if groups[file.values] == nil { order.append(file.values) }
            groups[file.values, default: []].append(file.path)
        }
        if order.count <= Self.branchesMax {
            return order.map { branch(groups[$0] ?? [], values: $0) }.joined(separator: " UNION ALL ")
        }
        return indexed()
    }

    private func branch(_ paths: [String], values: [Value]) -> String {
        let selected = columns.map { column in
            let name = quotedIdentifier(column)
            guard let index = partitionColumns.firstIndex(of: column) else { return name }
            return "\(literal(values[index], column)) AS \(name)"
        }
        return "SELECT \(selected.joined(separator: ", ")) FROM \(reader(paths))"
    }

    private func indexed() -> String {
        let selected = columns.map { column in
            let name = quotedIdentifier(column)
            guard let index = partitionColumns.firstIndex(of: column) else { return name }
            let list = files.map { literal($0.values[index], column) }.joined(separator: ", ")
            return "([\(list)])[CAST(file_index AS BIGINT) + 1] AS \(name)"
        }
        return "SELECT \(selected.joined(separator: ", ")) FROM \(reader(files.map(\.path)))"
    }

    /// The schema is given, so that no file is opened when planning, and an older file without a column reads as null.
    private func reader(_ paths: [String]) -> String {
        let list = paths.map(quotedLiteral).joined(separator: ", ")
        let stored = schema.fields.filter { !partitionColumns.contains($0.name) }.map { field in
            let name = quotedLiteral(field.name)
            return "\(name): {'name': \(name), 'type': '\(field.type.sqlName)', 'default_value': NULL}"
        }
        return """
            read_parquet([\(list)], hive_partitioning = false, schema = MAP {\(stored.joined(separator: ", "))})
            """
    }

    private func literal(_ value: Value, _ column: String) -> String {
        value.isNull ? nullLiteral(column) : sqlLiteral(value)
    }

    private func nullLiteral(_ column: String) -> String {
        "CAST(NULL AS \(schema[column]?.type.sqlName ?? "VARCHAR"))"
    }
}
