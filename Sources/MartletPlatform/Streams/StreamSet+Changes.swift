internal import MartletCore
internal import MartletDefinitions
internal import MartletOnline
internal import MartletQuery
internal import MartletStreams
internal import MartletTables

extension StreamSet {
    /// Counts events some of which take earlier ones back. What that leaves the tables know: the events are landed
    /// first. Those that are live are counted, and the entities of which one was taken back are made anew.
    /// - Parameter offsets: of the events.
    func countChanges(_ concerned: [Follower], _ source: String, _ offsets: Range<Int64>) throws {
        _ = try workspace.landAll(upTo: offsets.upperBound)
        for follower in concerned {
            let (connection, query) = try live(follower)
            let position = "c\(query.keys.count + 2)"
            let new = try query.load(
                connection,
                where: "\(position) >= \(offsets.lowerBound) AND \(position) < \(offsets.upperBound)")
            try follower.view.apply(StreamRows(new), endOffset: offsets.upperBound, now: workspace.time.now())
            let keys = try takenBack(follower, source, offsets)
            if let count = keys.first?.count, count > 0 { try makeAnew(follower, keys, upTo: offsets.upperBound) }
        }
    }

    private func live(_ follower: Follower) throws -> (QueryConnection, ViewQuery) {
        let connection = try workspace.engine.connect()
        _ = try workspace.attachSources(of: follower.definition, definitions, to: connection)
        return (connection, try workspace.viewQuery(follower.definition, definitions, connection))
    }

    private func makeAnew(_ follower: Follower, _ keys: [Column], upTo end: Int64) throws {
        // Where the log is read again, events behind these may be counted already: they must stay so.
        let mark = max(end, try follower.view.markBound(of: keys))
        if mark > end { _ = try workspace.landAll(upTo: mark) }
        let (connection, query) = try live(follower)
        try connection.register("touched", RecordBatch(keys.enumerated().map { ("c\($0.offset)", $0.element) }))
        let list = query.keys.indices.map { "c\($0)" }.joined(separator: ", ")
        let rows = try query.load(
            connection, where: "(\(list)) IN (SELECT (\(list)) FROM touched) AND c\(query.keys.count + 2) < \(mark)")
        try follower.view.replace(keys, with: StreamRows(rows), endOffset: end, mark: mark, now: workspace.time.now())
    }

    /// The entities of the earlier events that updates and deletes among these take back. By bronze: an event that was
    /// counted from the log and landed together with the one that takes it back was never in silver.
    private func takenBack(_ follower: Follower, _ source: String, _ offsets: Range<Int64>) throws -> [Column] {
        let definition = try definitions.source(source)
        let bronze = try workspace.table(.bronze(source))
        let arrived = try bronze.scanSQL(bronze.snapshot())
        let id = definition.id.map(quotedIdentifier)
        let equal = id.map { "earlier.\($0) = changes.\($0)" }.joined(separator: " AND ")
        let columns = definition.landedSchema.names.map { "earlier.\(quotedIdentifier($0))" }
        let connection = try workspace.engine.connect()
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE _changes AS SELECT \(id.joined(separator: ", ")), max(_position) AS _until
            FROM (\(arrived)) WHERE _position >= \(offsets.lowerBound) AND _position < \(offsets.upperBound)
            AND _operation <> 'insert' GROUP BY ALL;
            CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(source)) AS SELECT \(columns.joined(separator: ", "))
            FROM (\(arrived)) AS earlier JOIN _changes AS changes
            ON \(equal) AND earlier._position < changes._until AND earlier._operation <> 'delete'
            """)
        return try workspace.viewQuery(follower.definition, definitions, connection).load(connection).keys
    }
}
