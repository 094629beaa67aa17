package import MartletCore

/// A table at one version: what its log says once all actions up to that version are reconciled. A value; it does not
/// change when the table does, and its files stay readable.
package struct Snapshot: Sendable {
    /// Counted from 0, one a commit.
    package internal(set) var version: Int64
    package internal(set) var schema: Schema
    /// The absolute path or the key of the table's folder, for messages.
    package let location: String
    var log: LogState

    package var partitionColumns: [String] { log.metadata.partitionColumns }
    /// Identifies the table for as long as it exists.
    package var tableID: String { log.metadata.id }
    package var configuration: [String: String] { log.metadata.configuration }

    /// The data files in the order in which they were added.
    package var files: [DataFile] { log.liveFiles }

    package var sizeBytes: Int64 { log.liveFiles.reduce(0) { $0 + $1.sizeBytes } }

    /// nil where a file carries no count; our own all do.
    package var rowCount: Int64? {
        var total: Int64 = 0
        for file in log.liveFiles {
            guard let count = file.rowCount else { return nil }
            total += count
        }
        return total
    }

    /// The newest version that the application has written with an idempotent write.
    package func transactionVersion(of appID: String) -> Int64? { log.transactions[appID]?.version }

    /// - Throws: `corruptData` without protocol or metadata, `invalidInput` for features and types that Martlet lacks.
    init(version: Int64, state: LogState.Partial, location: String) throws {
        guard let tableProtocol = state.tableProtocol, let metadata = state.metadata else {
            let missing = state.tableProtocol == nil ? "protocol" : "metaData"
            throw MartletError(
                .corruptData, "the log of the table has no \(missing) action", place: .init(file: location),
                fix: "restore the log from a backup")
        }
        try tableProtocol.checkReadable(metadata, table: location)
        if let file = state.files.first(where: { $0?.deletionVector != nil }) {
            throw MartletError(
                .invalidInput,
                "cannot read the Delta table \(location): it needs deletion vectors, which Martlet lacks "
                    + "(file \(file?.path ?? ""))"
            )
        }
        self.version = version
        self.location = location
        schema = try SchemaText.parse(metadata.schemaString)
        for column in metadata.partitionColumns where schema[column] == nil {
            throw MartletError(
                .corruptData, "the partition column \(column) is not in the schema", place: .init(file: location))
        }
        log = LogState(tableProtocol: tableProtocol, metadata: metadata, partial: state)
    }
}
