internal import MartletCore
internal import MartletObjects
internal import MartletQuery

extension TableLog {
    /// The actions of a checkpoint. Columns that a writer left out count as null.
    func readCheckpoint(_ names: [String], _ connection: QueryConnection) throws -> [DeltaAction] {
        let list = try names.map { quotedLiteral(try localPath($0)) }.joined(separator: ", ")
        // One row holds one action, so its non-null members as JSON are a line of a commit.
        let kinds = ["protocol", "metaData", "txn", "add", "remove"]
        do {
            let file = "read_parquet([\(list)], hive_partitioning = false)"
            let present = try connection.query("DESCRIBE SELECT * FROM \(file)").columns[0]
            let columns = (0..<present.count).compactMap { row -> String? in
                guard case .string(let name) = present[row], kinds.contains(name) else { return nil }
                return quotedIdentifier(name)
            }
            guard !columns.isEmpty else { throw MartletError(.corruptData, "the checkpoint has no actions") }
            let coalesced = columns.map {
                "WHEN \($0) IS NOT NULL THEN to_json({'\($0.dropFirst().dropLast())': \($0)})"
            }
            let rows = try connection.query(
                "SELECT CAST(CASE \(coalesced.joined(separator: " ")) END AS VARCHAR) FROM \(file)")
            return try (0..<rows.rowCount).compactMap { row in
                guard case .string(let text) = rows.columns[0][row] else { return nil }
                return try DeltaAction(JSONValue(parsing: text))
            }
        } catch {
            throw MartletError(
                .corruptData, "a checkpoint of a table's log cannot be read",
                place: .init(file: path(names.first ?? "")),
                fix: "delete the checkpoint if the commits before it are still there", cause: error)
        }
    }

    /// Writes the checkpoint of a snapshot and points `_last_checkpoint` to it. Repeating it does no harm.
    /// - Parameter retention: how long removed files are remembered.
    func writeCheckpoint(
        _ snapshot: Snapshot, now: Timestamp, retention: TimeSpan, random: UInt64, _ connection: QueryConnection
    ) throws {
        let state = snapshot.log
        let horizon = (now - retention).microseconds / 1_000
        let kept = state.removedFiles.filter { ($0.deletionTimestamp ?? 0) > horizon }
        var actions: [DeltaAction] = [.protocol(state.tableProtocol), .metadata(state.metadata)]
        actions += state.transactions.values.sorted { $0.appID < $1.appID }.map { .transaction($0) }
        // The protocol wants files in a checkpoint marked as changing nothing.
        actions += kept.map { file in
            var file = file
            file.isDataChange = false
            return .remove(file)
        }
        actions += state.liveFiles.map { file in
            var file = file
            file.isDataChange = false
            return .add(file)
        }

        let token = String(random, radix: 16)
        let lines = prefix + ".checkpoint-\(token).lines"
        let draft = prefix + ".checkpoint-\(token).draft"
        defer {
            for key in [lines, draft] { try? store.delete(key) }
        }
        try store.put(lines, DeltaAction.writeCommit(actions))
        guard let source = try store.localPath(lines), let target = try store.localPath(draft) else {
            throw MartletError(.internalFault, "checkpoints are written to local folders only")
        }
        let columns = checkpointColumns.map { "\($0.name): \(quotedLiteral($0.type))" }.joined(separator: ", ")
        try connection.execute(
            """
            COPY (SELECT * FROM read_json(\(quotedLiteral(source)), format = 'newline_delimited', \
            maximum_object_size = \(maximumActionBytes), columns = {\(columns)})) \
            TO \(quotedLiteral(target)) (FORMAT parquet, COMPRESSION snappy)
            """)
        // The checkpoint gets its name only when it is complete.
        let key = prefix + LogFileName.checkpointName(snapshot.version)
        try store.put(key, try store.get(draft))
        try store.put(
            prefix + LogFileName.lastCheckpoint,
            Array(
                JSONValue.object([
                    "version": .integer(snapshot.version), "size": .integer(Int64(actions.count)),
                    "numOfAddFiles": .integer(Int64(state.liveFiles.count)),
                ]).text.utf8))
    }

    func localPath(_ name: String) throws -> String {
        guard let path = try store.localPath(prefix + name) else {
            throw MartletError(.internalFault, "checkpoints are read from local folders only")
        }
        return path
    }
}

/// A line of a checkpoint, schema included, may be this long.
private let maximumActionBytes = 64 << 20

/// The columns of a classic checkpoint (Delta protocol, "Checkpoint Schema") as DuckDB types. Fields that we never
/// fill and that make other readers stumble when they are structs of nulls (delta-rs 3055), such as deletionVector,
/// are left out.
private let checkpointColumns: [(name: String, type: String)] = [
    ("txn", "STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)"),
    (
        "add",
        """
        STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, modificationTime BIGINT, \
        dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR))
        """
    ),
    (
        "remove",
        """
        STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, \
        partitionValues MAP(VARCHAR, VARCHAR), size BIGINT)
        """
    ),
    (
        "metaData",
        """
        STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, \
        "format" STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, \
        partitionColumns VARCHAR[], "configuration" MAP(VARCHAR, VARCHAR), createdTime BIGINT)
        """
    ),
    (
        "protocol",
        """
        STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], writerFeatures VARCHAR[])
        """
    ),
]
