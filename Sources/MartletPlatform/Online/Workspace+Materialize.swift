package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// What loading one view did.
package struct MaterializationReport: Sendable {
    package let plan: MaterializationPlan
    package let rowsRead: Int
    package let entities: Int
    /// Records written; the others were there already, or newer.
    package let written: Int
    /// Records that an interrupted load had written before.
    package let resumed: Int
    package let seconds: Double
}

extension Workspace {
    /// Loads views into the online store and appends what was loaded to `gold.VIEW`, as one version of that table once
    /// all is loaded, and once for each (version, time). Readers are never held up; interrupted, an equal load goes on
    /// where it stopped: one up to the same time, from the same tables, in as many pieces.
    ///
    /// Counts events before `upTo` (for latest values: at it, too) that had arrived by then, so that what is served at
    /// `upTo` is what a training set says as known at `upTo`. Only entities with rows that the last load did not count
    /// are computed again, late rows included; `MaterializationPlan.Mode` says when that cannot be. Rows are held in as
    /// many pieces as `limits.memory` needs.
    /// - Parameters:
    ///   - views: nil means every view that is online.
    ///   - upTo: nil means now.
    ///   - isFull: computes every entity, whatever was loaded before.
    ///   - memoryBytes: what the rows held at a time may take; nil means `limits.memory`.
    /// - Throws: `cancelled` among others; what was written stays, and an equal load goes on from there. Another one
    ///   writes all that it has to anew, whatever the first had written.
    package func materialize(
        _ views: [String]? = nil, upTo: Timestamp? = nil, isFull: Bool = false, memoryBytes: Int? = nil,
        principal: Principal, progress: any ProgressReporter = SilentProgress(),
        cancellation: Cancellation = Cancellation()
    ) throws -> [MaterializationReport] {
        let definitions = try appliedDefinitions()
        let chosen = try viewsToLoad(views, definitions)
        let upTo = try loadTime(upTo)
        sweepAbandonedWork()
        return try withTemporaryFolder(Self.loadFolder) { folder in
            try chosen.map { view in
                let connection = try engine.connect()
                return try connection.interrupted(by: cancellation) {
                    try materialize(
                        view, upTo, isFull: isFull, memoryBytes, definitions, principal, progress, cancellation,
                        connection, GoldRows(folder: "\(folder)/\(view.about.name)"))
                }
            }
        }
    }

    func viewsToLoad(_ views: [String]?, _ definitions: AppliedDefinitions) throws -> [FeatureViewDefinition] {
        let chosen = try views.map { try $0.map { try definitions.view($0) } } ?? definitions.loadedViews
        if let derived = chosen.first(where: \.isDerived) {
            let reads = derived.reads.map(\.view).joined(separator: " ")
            throw MartletError(
                .invalidInput, "features \(derived.about.name) are derived: nothing of them is stored",
                place: derived.about.place,
                fix: reads.isEmpty ? nil : "load what they read: martlet materialize \(reads)")
        }
        if let streamed = chosen.first(where: \.followsLog) {
            throw MartletError(
                .invalidInput,
                "features \(streamed.about.name) follow the log: a server counts their events as they come",
                place: streamed.about.place, fix: "run martlet serve; or set stream: false and apply")
        }
        if let offline = chosen.first(where: { !$0.isOnline }) {
            throw MartletError(
                .invalidInput, "features \(offline.about.name) are not online", place: offline.about.place,
                fix: "set online: true and apply")
        }
        return chosen
    }

    func loadTime(_ upTo: Timestamp?) throws -> Timestamp {
        let now = time.now()
        let upTo = upTo ?? now
        guard upTo <= now else {
            throw MartletError(.invalidInput, "values of the future cannot be loaded: \(upTo) is after \(now)")
        }
        return upTo
    }

    private func materialize(
        _ view: FeatureViewDefinition, _ upTo: Timestamp, isFull: Bool, _ memoryBytes: Int?,
        _ definitions: AppliedDefinitions, _ principal: Principal, _ progress: any ProgressReporter,
        _ cancellation: Cancellation, _ connection: QueryConnection, _ gold: GoldRows
    ) throws -> MaterializationReport {
        let started = time.monotonicNanoseconds()
        progress.report("read \(view.about.name)", done: 0, total: nil)
        let (plan, query) = try planLoad(view, upTo, isFull: isFull, memoryBytes, definitions, connection)
        let online = try onlineView(view, definitions)
        var record = MaterializationRecord(
            view: view.about.name, version: Int64(plan.version), tableVersions: plan.tableVersions, upTo: upTo,
            startedAt: time.now(), principal: principal.name)
        record.id = try registry.record(record)
        let input = LoadInput(plan, engine: try connection.value("SELECT version()").description)
        var load = try OnlineLoad(
            LoadIdentity(view: online.identity, upTo: upTo, input: input.text), of: online, into: self.online,
            mark: plan.removalMark, progress: progress, cancellation: cancellation)
        var gold = gold
        var read = (rows: 0, entities: 0)
        for part in 0..<plan.parts where plan.changedRows != 0 {
            try cancellation.check()
            var conditions = [query.isOfPart(part, of: plan.parts)]
            if plan.changedRows != nil { conditions.append(query.isOfChangedEntity) }
            let rows = try query.load(connection, knownAt: upTo, where: conditions)
            // All that an entity had may have been taken back.
            if rows.count == 0 { continue }
            let computation = try ViewComputation(view, rows)
            try store(computation, upTo, to: &load)
            progress.report("features of \(view.about.name)", done: part, total: plan.parts)
            try gold.add(goldRows(query.keys.map(\.name), computation, plan), isOnly: plan.parts == 1, engine)
            read.rows += rows.count
            read.entities += computation.index.count
        }
        if plan.removalMark > 0, let gone = try deletions(query, plan, connection) { try load.delete(gone) }
        try cancellation.check()
        progress.report("write gold.\(view.about.name)", done: 0, total: nil)
        var options = WriteOptions()
        options.evolution = .addColumns
        options.transaction = .init(appID: "materialize:v\(plan.version)", version: plan.upTo.microseconds)
        try gold.append(to: table(.gold(view.about.name)), options, connection)
        let counts = try load.finish()
        let report = MaterializationReport(
            plan: plan, rowsRead: read.rows, entities: read.entities, written: counts.written, resumed: counts.resumed,
            seconds: seconds(since: started))
        record.state = .finished
        record.rowCount = Int64(read.entities)
        record.endedAt = time.now()
        try registry.record(record)
        return report
    }

    func store(_ computation: ViewComputation, _ upTo: Timestamp, to load: inout OnlineLoad) throws {
        switch computation.view.features {
        case .latest:
            try load.write(computation.latestValues(at: upTo, threads: threads))
        case .windowed:
            let plan = try computation.plan()
            let keys = computation.keys
            // In parts, so that the tiles of all entities never lie in memory at once.
            for first in stride(from: Int32(0), to: Int32(computation.index.count), by: 65_536) {
                let part = first..<min(first + 65_536, Int32(computation.index.count))
                let records = try plan.buildTiles(
                    events: computation.events, upTo: upTo, entities: part, threads: threads)
                try load.write(TileStates(records, keys: keys, events: computation.events, upTo: upTo))
            }
        case .derived: throw computation.view.hasNoRows
        }
    }

    /// The features of the entities as of the plan's time, as `gold.VIEW` has them.
    private func goldRows(
        _ keyNames: [String], _ computation: ViewComputation, _ plan: MaterializationPlan
    ) throws -> RecordBatch {
        let keys = computation.keys
        let count = computation.index.count
        let view = computation.view
        let times = [Int64](repeating: plan.upTo.microseconds, count: count)
        let features = try computation.features(keys: keys, times: times, asKnown: false, threads: threads)
        var columns = zip(keyNames, keys).map { ($0, $1) }
        columns.append(("_as_of", Column(.timestamp(times))))
        columns.append(("_version", Column(.int64([Int64](repeating: Int64(plan.version), count: count)))))
        columns += zip(view.featureNames, features).map { ($0, $1) }
        return RecordBatch(columns)
    }
}

extension ViewComputation {
    /// The keys of all entities, by their number.
    var keys: [Column] { rows.keys.map { $0.gathering(fitting: index.firstRows) } }

    /// The newest row of each entity at `time`, without regard to the time to live, which is applied when it is read.
    func latestValues(at time: Timestamp, threads: Int) throws -> LatestValues {
        guard case .latest(let features) = view.features else {
            throw MartletError(.internalFault, "\(view.about.name) has no latest values")
        }
        let everyone = LabelColumns(
            ids: Array(0..<Int32(index.count)), times: [Int64](repeating: time.microseconds, count: index.count))
        let winners = try latestRows(labels: everyone, events: events, ttl: nil, threads: threads).filter { $0 >= 0 }
        func taken(_ values: [Int64]) -> [Int64] { winners.map { values[Int($0)] } }
        return LatestValues(
            keys: rows.keys.map { $0.gathering(fitting: winners) },
            features: try features.map { try input($0.column).gathering(winners, named: $0.name) },
            eventTimes: taken(rows.eventTimes), createdTimes: taken(rows.arrivalTimes), positions: taken(rows.positions)
        )
    }
}
