internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletOnline
internal import MartletQuery
internal import MartletStreams

/// The online side of a comparison with the log: what views that follow it say, and which events that counts.
enum StreamedAnswers {
    /// No other process takes events in: the views as a server would have them that starts now, in memory, fed with the
    /// log to its end.
    case recovered(StreamSet, any OnlineStore, end: Int64, now: Timestamp)
    /// Another process does: the views as it has stored them.
    case stored(any OnlineStore)

    init(_ workspace: Workspace) throws {
        let intake: EventIntake
        do {
            intake = try workspace.intake
        } catch let error as MartletError where error.code == .conflict {
            self = .stored(try workspace.online)
            return
        }
        let base = try workspace.online
        let streams = try StreamSet(workspace, intake, base)
        try streams.begin(now: workspace.time.now())
        var reader = intake.log.reader(from: max(streams.firstOffset, intake.log.startOffset))
        while true {
            let batches = try reader.next(maximumBytes: 4 << 20)
            if batches.isEmpty { break }
            try streams.count(batches, endOffset: reader.offset)
        }
        let now = workspace.time.now()
        _ = try streams.advance(to: now)
        let store = StreamStore(base)
        store.follow(streams.views)
        self = .recovered(streams, store, end: reader.offset, now: now)
    }

    var isLive: Bool { if case .stored = self { true } else { false } }

    /// The end of the events that are compared, of a view.
    /// - Throws: `notFound` where the running process has not stored the view yet.
    func position(of view: OnlineView) throws -> StreamPosition {
        switch self {
        case .recovered(_, _, let end, _): return StreamPosition(endOffset: end)
        case .stored(let store):
            guard let position = try StreamPosition(storedOf: view, in: store) else {
                throw MartletError(
                    .notFound, "features \(view.name) have not been stored yet",
                    fix: "wait for limits.checkpoint_every, or stop the server first")
            }
            return position
        }
    }

    /// The answers at these moments.
    /// - Returns: nil where the view was stored anew meanwhile: the position is another one by now.
    func read(
        _ view: OnlineView, keys: [Column], at times: [Timestamp], position: StreamPosition
    ) throws -> OnlineMoments? {
        switch self {
        case .recovered(_, let store, _, _): return try store.read(view, keys: keys, at: times)
        case .stored(let store):
            let found: OnlineMoments
            do {
                found = try store.read(view, keys: keys, at: times)
            } catch let error as MartletError where error.code == .conflict {
                return nil
            }
            let isSame = try StreamPosition(storedOf: view, in: store) == position
            return isSame && found.marks.allSatisfy { $0 <= position.endOffset } ? found : nil
        }
    }

    /// A condition on rows of a view's query that the answers count.
    func counts(_ query: ViewQuery, _ position: StreamPosition) -> String {
        switch self {
        case .recovered(_, _, _, let now): return "c\(query.keys.count) < \(sqlLiteral(.timestamp(now)))"
        case .stored:
            if position.waiting.isEmpty { return "true" }
            let list = position.waiting.map(\.description).joined(separator: ", ")
            return "c\(query.keys.count + 2) NOT IN (\(list))"
        }
    }

    /// No moment before it can be asked for.
    func earliestMoment(_ workspace: Workspace) -> Timestamp {
        if case .recovered(_, _, _, let now) = self { now } else { workspace.time.now() }
    }
}
