internal import MartletCore
internal import MartletDefinitions
internal import MartletOnline
internal import MartletQuery
internal import MartletRegistry

/// The rows that a served record was made from, as a query of a connection that has the view's sources attached.
struct ServedRows {
    let tableVersions: TableVersions
    let query: ViewQuery
    /// Over the query's columns; which rows the record had counted.
    let condition: String
    /// The same in words.
    var basis: String
}

extension Workspace {
    /// What was counted when a view had a record with this mark.
    ///
    /// A view that follows the log counts what has a smaller offset; of a loaded one, tiles are complete up to their
    /// load, and a latest row is itself the last one that counts. Events that are not landed yet are not among the
    /// rows.
    /// - Parameter isAsLoaded: whether the tables of a loaded view are read as the load read them; otherwise as they
    ///   are now, up to the moment of that load.
    func servedRows(
        of view: FeatureViewDefinition, _ served: ServedSnapshot.View, at instant: Timestamp,
        _ definitions: AppliedDefinitions, _ connection: QueryConnection, isAsLoaded: Bool = true
    ) throws -> ServedRows {
        let mark = served.mark
        // Of a loaded record the mark says what was taken back.
        let followsLog = view.followsLog && mark.mark > 0
        let load = followsLog ? nil : try self.load(of: view.about.name, served, at: instant)
        let versions = try attachSources(
            of: view, definitions, pinned: isAsLoaded ? load?.tableVersions ?? [:] : [:],
            before: followsLog ? mark.mark : nil, to: connection)
        let query = try viewQuery(view, definitions, connection)
        var (condition, basis) = Self.counted(mark, query, followsLog: followsLog)
        if !isAsLoaded, let load {
            (condition, basis) = (query.knownAt(load.upTo), "what the tables say by now of \(load.upTo)")
        }
        return ServedRows(tableVersions: versions, query: query, condition: condition, basis: basis)
    }

    private static func counted(
        _ mark: RecordMark, _ query: ViewQuery, followsLog: Bool
    ) -> (condition: String, basis: String) {
        let count = query.keys.count
        if mark.kind == .nothing { return ("false", "nothing was stored of the entity") }
        if followsLog { return ("true", "events with an offset below \(mark.mark) were counted") }
        switch mark.kind {
        case .tiles:
            let upTo = Timestamp(microseconds: mark.position)
            return (query.knownAt(upTo), "loaded up to \(upTo)")
        case .latest, .nothing:
            let times = [mark.eventTime, mark.createdTime].map {
                sqlLiteral(.timestamp(Timestamp(microseconds: $0)))
            }
            return (
                "(c\(count), c\(count + 1), c\(count + 2)) <= (\(times[0]), \(times[1]), \(mark.position)::BIGINT)",
                "the row at position \(query.position.given(mark.position)) was the newest that was loaded"
            )
        }
    }

    /// The load that wrote the record, as far as it can be told, or the last one that had begun by then.
    private func load(
        of view: String, _ served: ServedSnapshot.View, at instant: Timestamp
    ) throws -> MaterializationRecord? {
        let loads = try registry.materializations(view: view).filter {
            $0.version == served.version && $0.startedAt <= instant
        }
        let upTo = served.mark.kind == .tiles ? Timestamp(microseconds: served.mark.position) : nil
        return loads.first { $0.upTo == upTo } ?? loads.first
    }
}
