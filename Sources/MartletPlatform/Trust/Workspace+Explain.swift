package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
package import MartletOnline
internal import MartletQuery
internal import MartletRegistry

/// Where a value comes from.
package struct Explanation: Sendable {
    /// An event that took part.
    package struct Event: Sendable {
        package let eventTime: Timestamp
        package let arrivalTime: Timestamp
        /// The `_position` of the row in its silver table.
        package let position: Int64
        /// The value that the feature read; null for a count of rows.
        package let value: Value
    }

    /// What an expression read.
    package struct Input: Sendable {
        /// `view.feature` or `request.name`.
        package let name: String
        package let value: Value
    }

    package let feature: String
    package let entity: String
    package let time: Timestamp
    package let value: Value
    package let viewVersion: Int64
    package let tableVersions: [String: Int64]
    /// The rule that made the value, in words; of a derived feature its expression.
    package let rule: String
    /// Of a derived feature.
    package let inputs: [Input]
    /// Newest first.
    package let events: [Event]
    /// Events in the window that the aggregate skips (nulls, NaN).
    package let skipped: Int
    /// Events that had happened but not arrived at the time.
    package let notYetKnown: Int
    /// Of a value that was served: what its record had counted.
    package var basis: String?
}

extension Workspace {
    /// Takes a value back to the events, the table versions and the definition that make it.
    /// - Parameters:
    ///   - feature: `view:feature`.
    ///   - entity: join key to value, as text.
    ///   - time: nil means now.
    ///   - asKnown: whether only events that had arrived by then count.
    ///   - snapshot: of an answer: explains the value that it served, by the definitions, at the moment and from the
    ///     events that made it, in place of `time` and `asKnown`.
    ///   - request: for derived features the values given with the request, as text.
    package func explain(
        _ feature: String, entity: [String: String], at time: Timestamp? = nil, asKnown: Bool = false,
        snapshot: ServedSnapshot? = nil, request: [String: String] = [:]
    ) throws -> Explanation {
        let time = snapshot?.instant ?? time ?? self.time.now()
        let parts = feature.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            throw MartletError(.usage, "\(feature) does not name a feature", fix: "write view:feature")
        }
        let definitions =
            try snapshot.map { AppliedDefinitions(try registry.definitions(at: $0.revision)) }
            ?? appliedDefinitions()
        let view = try definitions.view(parts[0])
        guard let index = view.featureNames.firstIndex(of: parts[1]) else {
            throw MartletError(
                .unknownName, "features \(parts[0]) have no feature \(parts[1])",
                fix: nearestName(to: parts[1], among: view.featureNames).map { "did you mean \($0)?" })
        }
        if view.isDerived {
            return try explainDerived(
                FeatureReference(view: parts[0], feature: parts[1]), at: time, definitions, entity, request
            ) {
                try explain(
                    "\($0.view):\($0.feature)", entity: entity, at: time, asKnown: asKnown, snapshot: snapshot,
                    request: request)
            }
        }
        let connection = try engine.connect()
        let rowsToRead = try rows(of: view, at: snapshot, includesRemoved: asKnown, definitions, connection)
        let query = rowsToRead.query
        var conditions = try query.keys.enumerated().map { number, key in
            guard let text = entity[key.name] else {
                throw MartletError(
                    .missingColumn, "the join key \(key.name) is not given", fix: "--entity \(key.name)=VALUE")
            }
            guard let value = value(of: text, key.type) else {
                throw MartletError(.typeMismatch, "the value given for \(key.name) is not a \(key.type.rawValue)")
            }
            return "c\(number) = \(sqlLiteral(value))"
        }
        conditions.append("(\(rowsToRead.condition))")
        let rows = try query.load(connection, where: conditions.joined(separator: " AND "))
        let made = try explained(
            view, index, ViewComputation(view, rows), query.position, time, asKnown && snapshot == nil)
        return Explanation(
            feature: feature, entity: query.keys.map { "\($0.name)=\(entity[$0.name] ?? "")" }.joined(separator: ","),
            time: time, value: made.value,
            viewVersion: definitions.version(of: DefinitionKey(.features, parts[0])) ?? 0,
            tableVersions: rowsToRead.tableVersions, rule: made.rule, inputs: [], events: made.events,
            skipped: made.skipped, notYetKnown: made.notYetKnown, basis: snapshot == nil ? nil : rowsToRead.basis)
    }

    /// The rows that a value comes from: all that there are, or what a served record had counted.
    private func rows(
        of view: FeatureViewDefinition, at snapshot: ServedSnapshot?, includesRemoved: Bool,
        _ definitions: AppliedDefinitions, _ connection: QueryConnection
    ) throws -> ServedRows {
        guard let snapshot else {
            let versions = try attachSources(of: view, definitions, to: connection)
            let query = try viewQuery(view, definitions, connection, includesRemoved: includesRemoved)
            return ServedRows(tableVersions: versions, query: query, condition: "true", basis: "")
        }
        guard let served = snapshot.view(view.about.name) else {
            throw MartletError(
                .unknownName, "the answer of that snapshot has nothing of features \(view.about.name)",
                fix: "it has \(snapshot.views.map(\.name).joined(separator: ", "))")
        }
        var rows = try servedRows(of: view, served, at: snapshot.instant, definitions, connection)
        if !served.isExact {
            rows.basis += ", of the entity of the answer that knew most: ask with row_snapshots for each one's own"
        }
        return rows
    }

    private typealias Made = (value: Value, rule: String, events: [Explanation.Event], skipped: Int, notYetKnown: Int)

    private func explained(
        _ view: FeatureViewDefinition, _ index: Int, _ computation: ViewComputation, _ position: RowPosition,
        _ time: Timestamp, _ asKnown: Bool
    ) throws -> Made {
        // All loaded rows are of the one entity, whose number is 0; without rows it has none.
        let id: Int32 = computation.rows.count == 0 ? -1 : 0
        func events(_ rows: [Int32], _ input: Column?) -> [Explanation.Event] {
            rows.map { row in
                Explanation.Event(
                    eventTime: Timestamp(microseconds: computation.rows.eventTimes[Int(row)]),
                    arrivalTime: Timestamp(microseconds: computation.rows.arrivalTimes[Int(row)]),
                    position: position.given(computation.rows.positions[Int(row)]), value: input?[Int(row)] ?? .null)
            }.sorted { ($0.eventTime, $0.arrivalTime, $0.position) > ($1.eventTime, $1.arrivalTime, $1.position) }
        }
        switch view.features {
        case .latest(let features):
            let input = try computation.input(features[index].column)
            let why = try explainLatest(events: computation.events, id: id, at: time, ttl: view.ttl, asKnown: asKnown)
            let value: Value = why.outcome == .present ? why.winner.map { input[Int($0)] } ?? .null : .null
            return (
                value, rule(why, view.ttl), events([why.winner, why.runnerUp].compactMap { $0 }, input), 0,
                why.notYetKnown.count
            )
        case .windowed:
            let plan = try computation.plan()
            let feature = plan.features[index]
            let why = try plan.explain(feature: index, events: computation.events, id: id, at: time, asKnown: asKnown)
            let input = feature.column.map { computation.events.inputs[$0] }
            let hop = feature.window.hop
            let rounding = hop.microseconds == 1 ? "exact" : "rounded down to \(hop)"
            return (
                why.value[0], "\(feature.function) over \(why.left) <= event time < \(why.right) (\(rounding))",
                events(why.contributing, input), why.skipped.count, why.notYetKnown.count
            )
        case .derived: throw view.hasNoRows
        }
    }
}

private func rule(_ why: LatestExplanation, _ ttl: TimeSpan?) -> String {
    let limit = ttl.map { "within \($0) before" } ?? "at or before"
    switch why.outcome {
    case .notFound: return "no event \(limit) \(why.time)"
    case .outsideMaxAge: return "the newest event is older than the ttl of \(ttl?.description ?? "")"
    case .present: break
    }
    switch why.decision {
    case .onlyCandidate, nil: return "the only event \(limit) \(why.time)"
    case .eventTime: return "the greatest event time \(limit) \(why.time)"
    case .arrivalTime: return "two events with the greatest event time: the later arrival wins"
    case .position: return "events equal in event and arrival time: the later position wins"
    }
}
