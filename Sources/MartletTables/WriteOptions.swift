package import MartletCore

/// How rows are written.
package struct WriteOptions: Sendable {
    /// For a table that does not exist yet; nil means none there, and those the table has otherwise.
    package var partitionColumns: [String]?
    /// The schema of a table that does not exist yet; nil means the columns of the query.
    package var schema: Schema?
    package var evolution: SchemaEvolution = .none
    /// Makes the write idempotent: it is skipped where the application has written this version or a later one.
    package var transaction: Transaction?
    /// Free notes that the version's history carries (`commitInfo`), such as the run that made it.
    package var notes: [String: String] = [:]

    package init() {}

    package struct Transaction: Sendable, Hashable {
        package var appID: String
        package var version: Int64
        package init(appID: String, version: Int64) {
            self.appID = appID
            self.version = version
        }
    }
}

/// What a write did.
package struct WriteResult: Sendable, Hashable {
    /// The version that holds the rows; for a skipped or an empty write the table's version then.
    package var version: Int64
    package var outcome: Outcome
    package var rowCount: Int64
    package var fileCount: Int
    package var sizeBytes: Int64
    /// How often the commit was tried.
    package var attempts: Int
    /// Why the checkpoint due after this commit was not written. The commit itself stands.
    package var checkpointFailure: String?

    package enum Outcome: Sendable, Hashable {
        case committed
        /// The transaction had been written before: nothing changed.
        case alreadyWritten
        /// There were no rows and nothing else to record: nothing changed.
        case nothingToWrite
    }
}
