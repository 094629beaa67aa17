internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// The features of one view at given entities and times, by the kernels.
struct ViewComputation {
    let view: FeatureViewDefinition
    let rows: ViewRows
    let index: EntityIndex
    var events: EventColumns
    /// The columns that features read, in the order of `rows.inputs` or of what `fetch` gives.
    let inputNames: [String]
    /// Reads the inputs of some rows; nil where `rows` has them all.
    let fetch: (([Int32]) throws -> [Column])?

    init(_ view: FeatureViewDefinition, _ rows: ViewRows) throws {
        try self.init(view, rows, inputNames: rows.inputs.map(\.name), fetch: nil)
    }

    /// - Parameter fetch: for latest values only: gives the inputs of rows, which `rows` then need not have.
    init(
        _ view: FeatureViewDefinition, _ rows: ViewRows, inputNames: [String], fetch: (([Int32]) throws -> [Column])?
    ) throws {
        self.view = view
        self.rows = rows
        self.inputNames = inputNames
        self.fetch = fetch
        index = try EntityIndex(rows.keys)
        events = EventColumns(
            ids: index.ids, eventTimes: rows.eventTimes, arrivalTimes: rows.arrivalTimes,
            removalTimes: rows.removalTimes, positions: rows.positions, inputs: rows.inputs.map(\.column))
    }

    /// One column a feature, in the view's order, one row a label.
    /// - Parameter keys: the labels' key columns, in the order of the view's key.
    func features(keys: [Column], times: [Int64], asKnown: Bool, threads: Int) throws -> [Column] {
        let moments = FeatureMoments(ids: try index.lookup(keys), times: times, clock: asKnown ? .asKnown : .asTrue)
        return try answers([moments], threads: threads)[0].columns
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
    func isKnown(ids: [Int32], times: [Int64]) throws -> [Bool] {
        try latestRows(labels: LabelColumns(ids: ids, times: times), events: events, ttl: nil).map { $0 >= 0 }
    }
}
