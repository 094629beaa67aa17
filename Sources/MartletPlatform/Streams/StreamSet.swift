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
    struct Follower {
        let definition: FeatureViewDefinition
        let view: StreamedView
        let feed: ViewFeed
    }

    let workspace: Workspace
    private let intake: EventIntake
    let definitions: AppliedDefinitions
    private let followers: [Follower]
    /// Rows that a begin holds in memory at once.
    private static let beginRows = 2_000_000
    private static let feedMemoryBytes = 256 << 20

    init(_ workspace: Workspace, _ intake: EventIntake, _ store: any OnlineStore) throws {
        self.workspace = workspace
        self.intake = intake
        let definitions = try workspace.appliedDefinitions()
        self.definitions = definitions
        let streamed = definitions.streamedViews
        // Half of the memory is for what queries and loads hold.
        let memoryBytes = workspace.settings.limits.memoryBytes / 2 / max(1, streamed.count)
        // An engine without threads of its own: small batches are not to wait for large queries.
        let feedEngine = try QueryEngine(QuerySettings(threads: 1, memoryLimitBytes: Self.feedMemoryBytes))
        followers = try streamed.map { definition in
            let online = try workspace.onlineView(definition, definitions)
            let plan: WindowPlan? =
                if case .windowed = definition.features {
                    try definition.windowPlan(inputs: definition.inputFields.map(\.name))
                } else { nil }
            return Follower(
                definition: definition,
                view: try StreamedView(online, plan: plan, store: store, memoryBytes: memoryBytes),
                feed: try ViewFeed(definition, definitions, engine: feedEngine))
        }
    }

    var views: [StreamedView] { followers.map(\.view) }

    func isFollowed(_ source: String) -> Bool { followers.contains { $0.definition.source == source } }

    /// Whether the arrival times of a source's events are those of the way in.
    func arrivesHere(_ source: String) -> Bool { (try? definitions.source(source).arrivalTime) == .some(nil) }

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
            if logged.contains(where: { $0.events.operations.contains { $0 != .insert } }) {
                try countChanges(concerned, source, logged[0].offsets[0]..<endOffset)
                continue
            }
            let rows = try landed(logged, source)
            for follower in concerned {
                try follower.view.apply(
                    StreamRows(try follower.feed.rows(of: rows)), endOffset: endOffset, now: workspace.time.now())
            }
        }
        for follower in followers { follower.view.skip(to: endOffset) }
    }

    /// The events as rows with the source's landed columns. Pushes of one event each are decoded together.
    private func landed(_ logged: [LoggedBatch], _ source: String) throws -> RecordBatch {
        let definition = try definitions.source(source)
        let version = try workspace.sourceVersion(source, definitions)
        let byVersion = Dictionary(grouping: logged) { $0.events.schemaVersion }
        return try .joining(
            byVersion.sorted { $0.key < $1.key }.map { written, logged in
                var payloads = ByteStrings()
                for batch in logged { payloads.append(contentsOf: batch.events.payloads) }
                let reader = try intake.schemas.reader(source, written: written, as: version)
                return RecordBatch(
                    schema: definition.landedSchema,
                    columns: try reader.columns(payloads) + [
                        Column(.timestamp(logged.flatMap(\.events.arrivalTimes))),
                        Column(.int64(logged.flatMap(\.offsets))),
                        Column(.string(ByteStrings(repeatElement("", count: payloads.count)))),
                    ])
            })
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

    /// Begins to store all views as they are now.
    func beginCheckpoint() -> [StreamCheckpoint] { followers.map { $0.view.beginCheckpoint() } }

    /// Takes note of what was stored: events before it need not be read again.
    func settle(_ stored: [StreamCheckpoint]) {
        firstOffset = stored.map(\.position.first).min() ?? firstOffset
    }
}

extension StreamRows {
    init(_ rows: ViewRows) {
        self.init(
            keys: rows.keys, eventTimes: rows.eventTimes, arrivalTimes: rows.arrivalTimes, positions: rows.positions,
            inputs: rows.inputs.map(\.column))
    }
}
