internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletLog
internal import MartletOnline
internal import MartletQuery
internal import MartletStreams
internal import MartletTables

/// The views of one revision that follow the log, and what turns events into their rows. Not for use from two threads
/// at once.
final class StreamSet {
    private struct Follower {
        let definition: FeatureViewDefinition
        let view: StreamedView
        let feed: ViewFeed
    }

    private let workspace: Workspace
    private let intake: EventIntake
    private let definitions: AppliedDefinitions
    private let followers: [Follower]
    /// Rows that a begin holds in memory at once.
    private static let beginRows = 2_000_000

    init(_ workspace: Workspace, _ intake: EventIntake, _ store: any OnlineStore) throws {
        self.workspace = workspace
        self.intake = intake
        let definitions = try workspace.appliedDefinitions()
        self.definitions = definitions
        followers = try definitions.streamedViews.map { definition in
            let online = try workspace.onlineView(definition, definitions)
            let plan: WindowPlan? =
                if case .windowed = definition.features {
                    try definition.windowPlan(inputs: definition.inputFields.map(\.name))
                } else { nil }
            return Follower(
                definition: definition, view: try StreamedView(online, plan: plan, store: store),
                feed: try ViewFeed(definition, definitions, engine: workspace.engine))
        }
    }

    var views: [StreamedView] { followers.map(\.view) }

    /// The first offset that any of them still needs.
    private(set) var firstOffset: Int64 = 0

    /// Takes up each view where the store has it, and begins those that it does not have, or had so long ago that the
    /// log has let go of what came since, with the live rows of their source's table.
    func begin(now: Timestamp) throws {
        var first = Int64.max
        for follower in followers {
            var position = try follower.view.resume()
            if let found = position, found.first < intake.log.startOffset { position = nil }
            let start = try position ?? begin(follower, now: now)
            first = min(first, start.first)
        }
        firstOffset = first
    }

    private func begin(_ follower: Follower, now: Timestamp) throws -> StreamPosition {
        guard let source = follower.definition.source else { throw follower.definition.hasNoRows }
        let silver = try workspace.table(.silver(source))
        // Nothing landed yet: all is in the log.
        guard try silver.exists() else {
            let position = StreamPosition(endOffset: intake.log.startOffset)
            follower.view.begin(at: position)
            // From now on it can be served: see `servedDefinitions`.
            try follower.view.checkpoint(at: now)
            return position
        }
        let snapshot = try silver.snapshot()
        let end = snapshot.transactionVersion(of: "refine") ?? 0
        let connection = try workspace.engine.connect()
        _ = try workspace.attachSources(of: follower.definition, definitions, to: connection)
        let query = try workspace.viewQuery(follower.definition, definitions, connection)
        let parts = 1 + Int(snapshot.rowCount ?? 0) / Self.beginRows
        for part in 0..<parts {
            let condition = "\(query.isOfPart(part, of: parts)) AND c\(query.keys.count + 2) < \(end)"
            let rows = try query.load(connection, where: condition)
            try follower.view.apply(StreamRows(rows), endOffset: 0, now: now)
        }
        follower.view.skip(to: end)
        try follower.view.checkpoint(at: now)
        return StreamPosition(endOffset: end)
    }

    /// Counts what the log has next.
    func count(_ batches: [LoggedBatch], endOffset: Int64) throws {
        let bySource = Dictionary(grouping: batches) { $0.events.source }
        for (source, logged) in bySource {
            let concerned = followers.filter { $0.definition.source == source }
            guard !concerned.isEmpty else { continue }
            let rows = try RecordBatch.joining(logged.map { try landed($0, source) })
            let hasChanges = logged.contains { $0.events.operations.contains { $0 != .insert } }
            if hasChanges {
                try settle(concerned, rows, source, logged[0].offsets[0], endOffset)
            } else {
                for follower in concerned {
                    try follower.view.apply(
                        StreamRows(try follower.feed.rows(of: rows)), endOffset: endOffset, now: workspace.time.now())
                }
            }
        }
        for follower in followers { follower.view.skip(to: endOffset) }
    }

    /// Updates and deletes take events back, which the tables know of: what they know by then of the entities concerned
    /// is what these have now.
    private func settle(
        _ concerned: [Follower], _ rows: RecordBatch, _ source: String, _ first: Int64, _ end: Int64
    ) throws {
        _ = try workspace.landAll(upTo: end)
        for follower in concerned {
            let connection = try workspace.engine.connect()
            _ = try workspace.attachSources(of: follower.definition, definitions, to: connection)
            let query = try workspace.viewQuery(follower.definition, definitions, connection)
            let keys = try touched(follower, rows, source, first, end)
            guard let count = keys.first?.count, count > 0 else { continue }
            try connection.register(
                "touched", RecordBatch(keys.enumerated().map { ("c\($0.offset)", $0.element) }))
            let list = query.keys.indices.map { "c\($0)" }.joined(separator: ", ")
            let condition = "(\(list)) IN (SELECT (\(list)) FROM touched) AND c\(query.keys.count + 2) < \(end)"
            let live = try query.load(connection, where: condition)
            try follower.view.replace(keys, with: StreamRows(live), endOffset: end, now: workspace.time.now())
        }
    }

    /// The entities of these rows, and of the rows that they take back.
    private func touched(
        _ follower: Follower, _ rows: RecordBatch, _ source: String, _ first: Int64, _ end: Int64
    ) throws -> [Column] {
        var keys = try follower.feed.rows(of: rows).keys
        let removed = try workspace.table(.removed(source))
        guard try removed.exists() else { return keys }
        let connection = try workspace.engine.connect()
        let silver = try workspace.table(.silver(source))
        try connection.execute(
            """
            CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(source)) AS
            SELECT * FROM (\(silver.scanSQL(silver.snapshot()))) WHERE _position IN (
                SELECT _position FROM (\(removed.scanSQL(removed.snapshot())))
                WHERE _removed_by >= \(first) AND _removed_by < \(end))
            """)
        let gone = try workspace.viewQuery(follower.definition, definitions, connection).load(connection).keys
        for index in keys.indices { keys[index] = try .joining([keys[index], gone[index]]) }
        return keys
    }

    private func landed(_ logged: LoggedBatch, _ source: String) throws -> RecordBatch {
        let events = logged.events
        let definition = try definitions.source(source)
        let reader = try intake.schemas.reader(
            source, written: events.schemaVersion, as: workspace.sourceVersion(source, definitions))
        return RecordBatch(
            schema: definition.landedSchema,
            columns: try reader.columns(events.payloads) + [
                Column(.timestamp(events.arrivalTimes)), Column(.int64(logged.offsets)),
                Column(.string(ByteStrings(repeatElement("", count: events.count)))),
            ])
    }

    /// - Returns: whether some events have not happened yet.
    func advance(to now: Timestamp) throws -> Bool {
        var hasWaiting = false
        for follower in followers {
            try follower.view.advance(to: now)
            if follower.view.hasWaiting { hasWaiting = true }
        }
        return hasWaiting
    }

    /// Stores all views, and takes note of what the log must keep for them.
    func checkpoint(at now: Timestamp) throws {
        for follower in followers { try follower.view.checkpoint(at: now) }
        firstOffset = try followers.compactMap { try $0.view.stored()?.first }.min() ?? firstOffset
    }
}

extension StreamRows {
    init(_ rows: ViewRows) {
        self.init(
            keys: rows.keys, eventTimes: rows.eventTimes, arrivalTimes: rows.arrivalTimes, positions: rows.positions,
            inputs: rows.inputs.map(\.column))
    }
}
