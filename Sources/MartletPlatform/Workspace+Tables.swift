package import MartletCore
internal import MartletDefinitions
internal import MartletTables

/// The table that a text names, as opposed to a file: `silver.loans` is a table, `loans.parquet` is not.
func tableNamed(_ text: String) -> TableName? {
    guard let name = TableName(text),
        ["bronze", "silver", "removed", "gold", "quarantine", "served"].contains(name.layer)
    else {
        return nil
    }
    return name
}

/// Whether the text names a table rather than a file.
package func isTableName(_ text: String) -> Bool { tableNamed(text) != nil }

/// A table as a list shows it.
package struct TableSummary: Sendable {
    package let name: String
    package let version: Int64
    package let rowCount: Int64?
    package let fileCount: Int
    package let sizeBytes: Int64
    package let location: String
}

/// One version of a table as a list shows it.
package struct TableChange: Sendable {
    package let version: Int64
    package let time: Timestamp
    package let operation: String
    package let addedFiles: Int
    /// Rows written, as the commit tells; empty where it does not.
    package let rows: String
}

extension Workspace {
    package func tableSummaries() throws -> [TableSummary] {
        try tables.names(in: settings.workspace).map { name in
            let table = try tables.table(name, in: settings.workspace)
            let snapshot = try table.snapshot()
            return TableSummary(
                name: name.description, version: snapshot.version, rowCount: snapshot.rowCount,
                fileCount: snapshot.files.count, sizeBytes: snapshot.sizeBytes, location: table.location)
        }
    }

    /// - Throws: `unknownName` for a text that names no table, `notFound` for a table that is not there.
    package func tableHistory(_ name: String) throws -> [TableChange] {
        try table(TableName(parsing: name)).history().map {
            TableChange(
                version: $0.version, time: $0.time, operation: $0.operation, addedFiles: $0.addedFiles,
                rows: $0.metrics["numOutputRows"] ?? "")
        }
    }
}

extension Workspace {
    /// The newest rows of a table as SQL that can follow FROM.
    package func scan(of name: String) throws -> String {
        let table = try table(TableName(parsing: name))
        return "(\(try table.scanSQL(table.snapshot())))"
    }
}
