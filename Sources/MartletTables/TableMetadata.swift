internal import MartletCore

/// Name, schema and settings of a table as its log has them.
struct TableMetadata: Sendable, Hashable {
    var id: String
    var name: String?
    var description: String?
    /// The schema in Spark's JSON, kept as it is, with the annotations of other writers.
    var schemaString: String
    var partitionColumns: [String]
    var configuration: [String: String]
    /// Milliseconds since the epoch.
    var createdTime: Int64?

    var isAppendOnly: Bool { configuration["delta.appendOnly"] == "true" }

    /// How many leading columns get minimum and maximum; -1 means all.
    var indexedColumns: Int { configuration["delta.dataSkippingNumIndexedCols"].flatMap { Int($0) } ?? 32 }

    var checkpointInterval: Int64 {
        configuration["delta.checkpointInterval"].flatMap { Int64($0) }.map { max(1, $0) } ?? 10
    }

    var columnWithInvariant: String? {
        guard let fields = try? JSONValue(parsing: schemaString)["fields"]?.array else { return nil }
        return fields.first { $0["metadata"]?["delta.invariants"] != nil }?["name"]?.string
    }
}
