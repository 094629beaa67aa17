/// A Parquet file of a table.
package struct DataFile: Sendable, Hashable {
    /// As the log has it: URI-encoded, relative to the table or absolute.
    package var path: String
    /// The text of each partition column's value; nil stands for a null.
    package var partitionValues: [String: String?]
    package var sizeBytes: Int64
    /// Milliseconds since the epoch.
    package var modificationTime: Int64
    /// Whether adding it changed the rows of the table (false after compaction).
    package var isDataChange: Bool
    /// Statistics as JSON, read only where they are asked for.
    package var statistics: String?
    /// Free annotations of other writers, as JSON.
    var tags: String?
    /// The identifier of a deletion vector; a table that has one is refused by its protocol.
    var deletionVector: String?

    package init(
        path: String, partitionValues: [String: String?], sizeBytes: Int64, modificationTime: Int64,
        isDataChange: Bool = true, statistics: String? = nil
    ) {
        self.path = path
        self.partitionValues = partitionValues
        self.sizeBytes = sizeBytes
        self.modificationTime = modificationTime
        self.isDataChange = isDataChange
        self.statistics = statistics
    }

    /// nil where the file carries no count.
    package var rowCount: Int64? { statistics.flatMap { FileStatistics(json: $0)?.rowCount } }
}

/// A file that is no longer part of a table but may still be read by those who hold an older snapshot.
struct RemovedFile: Sendable, Hashable {
    var path: String
    /// Milliseconds since the epoch.
    var deletionTimestamp: Int64?
    var isDataChange: Bool
    var partitionValues: [String: String?]?
    var sizeBytes: Int64?
}
