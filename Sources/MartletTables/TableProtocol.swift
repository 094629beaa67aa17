internal import MartletCore

/// What a reader and a writer of a table must be able to do (Delta protocol, "Protocol Evolution").
struct TableProtocol: Sendable, Hashable {
    var minReaderVersion: Int
    var minWriterVersion: Int
    /// Present only with reader version 3.
    var readerFeatures: [String]?
    /// Present only with writer version 7.
    var writerFeatures: [String]?

    /// What new tables get: every reader and writer of Delta Lake knows it.
    static let ours = TableProtocol(minReaderVersion: 1, minWriterVersion: 2)

    /// What each legacy writer version added, from version 2 on.
    private static let legacyWriterFeatures: [(version: Int, features: [String])] = [
        (2, ["appendOnly", "invariants"]), (3, ["checkConstraints"]), (4, ["changeDataFeed", "generatedColumns"]),
        (5, ["columnMapping"]), (6, ["identityColumns"]),
    ]
    private static let writable: Set<String> = ["appendOnly", "invariants"]
    private static let readable: Set<String> = ["columnMapping"]

    /// - Throws: `invalidInput` with the name of the first feature that is not known.
    func checkReadable(_ metadata: TableMetadata, table: String) throws {
        // Column mapping is a feature that a table may list without using it.
        let mode = metadata.configuration["delta.columnMapping.mode"] ?? "none"
        if mode != "none" { throw refusal("read", "columnMapping (mode \(mode))", table) }
        guard minReaderVersion <= 3 else { throw refusal("read", "reader version \(minReaderVersion)", table) }
        guard minReaderVersion == 3 else { return }
        for feature in readerFeatures ?? [] where !Self.readable.contains(feature) {
            throw refusal("read", feature, table)
        }
    }

    /// - Throws: `invalidInput` with the name of the first feature that is not known.
    func checkWritable(_ metadata: TableMetadata, table: String) throws {
        try checkReadable(metadata, table: table)
        guard minWriterVersion <= 7 else { throw refusal("write", "writer version \(minWriterVersion)", table) }
        let required =
            minWriterVersion == 7
            ? writerFeatures ?? []
            : Self.legacyWriterFeatures.filter { $0.version <= minWriterVersion }.flatMap(\.features)
        for feature in required where !Self.writable.contains(feature) { throw refusal("write", feature, table) }
        if let column = metadata.columnWithInvariant {
            throw refusal("write", "invariants (of column \(column))", table)
        }
    }

    private func refusal(_ verb: String, _ feature: String, _ table: String) -> MartletError {
        MartletError(
            .invalidInput,
            "cannot \(verb) the Delta table \(table): it needs the feature \(feature), which Martlet lacks",
            fix: "drop the feature from the table, or write a copy of it without the feature")
    }
}
