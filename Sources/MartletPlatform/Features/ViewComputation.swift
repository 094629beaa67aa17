internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// The features of one view at given entities and times, by the kernels.
struct ViewComputation {
    let view: FeatureViewDefinition
    let rows: ViewRows
    let index: EntityIndex
    let events: EventColumns

    init(_ view: FeatureViewDefinition, _ rows: ViewRows) throws {
        self.view = view
        self.rows = rows
        index = try EntityIndex(rows.keys)
        events = EventColumns(
            ids: index.ids, eventTimes: rows.eventTimes, arrivalTimes: rows.arrivalTimes, positions: rows.positions,
            inputs: rows.inputs.map(\.column))
    }

    /// One column a feature, in the view's order, one row a label.
    /// - Parameter keys: the labels' key columns, in the order of the view's key.
    func features(keys: [Column], times: [Int64], asKnown: Bool, threads: Int) throws -> [Column] {
        let labels = LabelColumns(ids: try index.lookup(keys), times: times)
        switch view.features {
        case .latest(let features):
            let winners = try latestRows(
                labels: labels, events: events, ttl: view.ttl, asKnown: asKnown, threads: threads)
            return try features.map { try input($0.column).gathering(winners) }
        case .windowed:
            return try plan().compute(events: events, labels: labels, asKnown: asKnown, threads: threads)
        case .derived: throw view.hasNoRows
        }
    }

    func plan() throws -> WindowPlan {
        try view.windowPlan(inputs: rows.inputs.map(\.name))
    }

    func input(_ name: String) throws -> Column {
        guard let found = rows.inputs.first(where: { $0.name == name }) else {
            throw MartletError(.internalFault, "the input \(name) was not loaded")
        }
        return found.column
    }
}

extension FeatureViewDefinition {
    /// The plan of a windowed view over inputs in this order.
    func windowPlan(inputs: [String]) throws -> WindowPlan {
        guard case .windowed(let aggregates) = features else {
            throw MartletError(.internalFault, "\(about.name) has no windows")
        }
        let positions = Dictionary(uniqueKeysWithValues: inputs.enumerated().map { ($1, $0) })
        return try WindowPlan(aggregates: aggregates, inputColumns: positions)
    }
}

extension ViewComputation {
    /// For each label whether its entity has an event before it.
    func isKnown(keys: [Column], times: [Int64]) throws -> [Bool] {
        let labels = LabelColumns(ids: try index.lookup(keys), times: times)
        return try latestRows(labels: labels, events: events, ttl: nil).map { $0 >= 0 }
    }
}
