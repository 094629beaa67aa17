internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery

/// Logged vectors as the offline path computes them.
struct OfflineVectors {
    let workspace: Workspace
    let logged: LoggedVectors

    /// The features as of the moments at which they were served, one column each, from the tables of today: as known
    /// then, and as is known now.
    func values(by definitions: AppliedDefinitions, _ references: [FeatureReference]) throws
        -> (known: [Column], asTrue: [Column])
    {
        let computation = try DerivedComputation(references, definitions)
        var known: [FeatureReference: Column] = [:]
        var asTrue: [FeatureReference: Column] = [:]
        for (view, features) in computation.stored {
            let connection = try workspace.engine.connect()
            _ = try workspace.attachSources(of: view, definitions, to: connection)
            let query = try workspace.viewQuery(view, definitions, connection, includesRemoved: true)
            let keys = try logged.keys(of: view)
            let rows = try query.load(connection, entities: keys, where: "true")
            let made = try ViewComputation(view, rows)
            for (isKnown, clock) in [(true, Clock.asKnown), (false, .asTrue)] {
                let moments = FeatureMoments(ids: try made.index.lookup(keys), times: logged.times, clock: clock)
                let columns = try made.answers([moments], threads: workspace.threads)[0].columns
                for feature in features {
                    let reference = FeatureReference(view: view.about.name, feature: feature)
                    let column = columns[try view.place(of: feature)]
                    if isKnown { known[reference] = column } else { asTrue[reference] = column }
                }
            }
        }
        return (try combine(computation, known), try combine(computation, asTrue))
    }

    /// The features from the events that the records had counted which were served.
    /// - Parameter isAsLoaded: whether from the tables as the load read them; otherwise from those of today.
    func servedValues(isAsLoaded: Bool = true) throws -> [Column] {
        let computation = try DerivedComputation(logged.references, logged.definitions)
        var stored: [FeatureReference: Column] = [:]
        for (view, features) in computation.stored {
            let columns = try servedValues(of: view, isAsLoaded: isAsLoaded)
            for feature in features {
                stored[FeatureReference(view: view.about.name, feature: feature)] =
                    columns[try view.place(of: feature)]
            }
        }
        return try combine(computation, stored)
    }

    /// All features of a view with rows, row by row.
    private func servedValues(of view: FeatureViewDefinition, isAsLoaded: Bool) throws -> [Column] {
        var groups: [ServedSnapshot.View: [Int32]] = [:]
        for (row, snapshot) in logged.snapshots.enumerated() {
            guard let served = snapshot.view(view.about.name) else {
                throw MartletError(.corruptData, "a logged vector has no record of features \(view.about.name)")
            }
            groups[basis(served, of: view), default: []].append(Int32(row))
        }
        var parts: [[Column]] = []
        var places = [Int32](repeating: -1, count: logged.count)
        var next: Int32 = 0
        for (served, rows) in groups {
            let part = try logged.gathering(rows)
            parts.append(try servedValues(of: view, served, part, isAsLoaded: isAsLoaded))
            for row in rows {
                places[Int(row)] = next
                next += 1
            }
        }
        return try view.featureNames.enumerated().map { feature, name in
            try Column.joining(parts.map { $0[feature] }, named: name).gathering(fitting: places)
        }
    }

    /// What decides which events a record had counted: records that agree in it are replayed together.
    private func basis(_ served: ServedSnapshot.View, of view: FeatureViewDefinition) -> ServedSnapshot.View {
        var basis = served
        let mark = served.mark
        if view.followsLog, mark.mark > 0 {
            basis.mark = RecordMark(kind: mark.kind, eventTime: 0, createdTime: 0, position: 0, mark: mark.mark)
        } else if mark.kind == .tiles {
            basis.mark = RecordMark(kind: .tiles, eventTime: 0, createdTime: 0, position: mark.position, mark: 0)
        }
        return basis
    }

    private func servedValues(
        of view: FeatureViewDefinition, _ served: ServedSnapshot.View, _ part: LoggedVectors, isAsLoaded: Bool
    ) throws -> [Column] {
        let connection = try workspace.engine.connect()
        let instant = part.snapshots.map(\.instant).max() ?? .epoch
        let rows = try workspace.servedRows(
            of: view, served, at: instant, part.definitions, connection, isAsLoaded: isAsLoaded)
        let keys = try part.keys(of: view)
        let loaded = try rows.query.load(connection, entities: keys, where: rows.condition)
        return try ViewComputation(view, loaded).features(
            keys: keys, times: part.times, asKnown: false, threads: workspace.threads)
    }

    private func combine(_ computation: DerivedComputation, _ stored: [FeatureReference: Column]) throws -> [Column] {
        try computation.columns(
            stored: { reference in
                guard let column = stored[reference] else {
                    throw MartletError(
                        .internalFault, "\(reference.view):\(reference.feature) was not computed")
                }
                return column
            }, request: try computation.request.map { try logged.column($0.name) }, count: logged.count)
    }
}

extension FeatureViewDefinition {
    /// - Throws: `unknownName`.
    fileprivate func place(of feature: String) throws -> Int {
        guard let place = featureNames.firstIndex(of: feature) else {
            throw MartletError(.unknownName, "features \(about.name) have no feature \(feature)")
        }
        return place
    }
}
