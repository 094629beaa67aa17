package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// What loading one view did.
package struct MaterializationReport: Sendable {
    package let view: String
    package let version: Int
    package let upTo: Timestamp
    package let tableVersions: [String: Int64]
    package let rowsRead: Int
    package let entities: Int
    /// Records written; the others were there already, or newer.
    package let written: Int
    /// Records that an interrupted load had written before.
    package let resumed: Int
    package let seconds: Double
}

extension Workspace {
    /// Loads views into the online store and appends what was loaded to `gold.VIEW`. Readers are never held up;
    /// interrupted, an equal load goes on where it stopped.
    ///
    /// Counts events before `upTo` (for latest values: at it, too) that had arrived by then, so that what is served at
    /// `upTo` is what a training set says as known at `upTo`.
    /// - Parameters:
    ///   - views: nil means every view that is online.
    ///   - upTo: nil means now.
    package func materialize(
        _ views: [String]? = nil, upTo: Timestamp? = nil, principal: Principal,
        progress: any ProgressReporter = SilentProgress()
    ) throws -> [MaterializationReport] {
        let definitions = try appliedDefinitions()
        let chosen = try views.map { try $0.map { try definitions.view($0) } } ?? definitions.loadedViews
        if let derived = chosen.first(where: \.isDerived) {
            let reads = derived.reads.map(\.view).joined(separator: " ")
            throw MartletError(
                .invalidInput, "features \(derived.about.name) are derived: nothing of them is stored",
                place: derived.about.place,
                fix: reads.isEmpty ? nil : "load what they read: martlet materialize \(reads)")
        }
        if let offline = chosen.first(where: { !$0.isOnline }) {
            throw MartletError(
                .invalidInput, "features \(offline.about.name) are not online", place: offline.about.place,
                fix: "set online: true and apply")
        }
        let now = time.now()
        let upTo = upTo ?? now
        guard upTo <= now else {
            throw MartletError(.invalidInput, "values of the future cannot be loaded: \(upTo) is after \(now)")
        }
        return try withLock("materialize") {
            try chosen.map { try materialize($0, upTo, definitions, principal, progress) }
        }
    }

    private func materialize(
        _ view: FeatureViewDefinition, _ upTo: Timestamp, _ definitions: AppliedDefinitions, _ principal: Principal,
        _ progress: any ProgressReporter
    ) throws -> MaterializationReport {
        let started = time.monotonicNanoseconds()
        let connection = try engine.connect()
        progress.report("read \(view.about.name)", done: 0, total: nil)
        let versions = try attachSources(of: view, definitions, to: connection)
        let online = try onlineView(view, definitions)
        var record = MaterializationRecord(
            view: view.about.name, version: Int64(online.identity.version), tableVersions: versions, upTo: upTo,
            startedAt: time.now(), principal: principal.name)
        record.id = try registry.record(record)
        let query = try viewQuery(view, definitions, connection)
        let rows = try query.load(connection, where: query.knownAt(upTo))
        let computation = try ViewComputation(view, rows)
        let identity = LoadIdentity(view: online.identity, upTo: upTo, input: versions.description(sortedBy: <))
        var load = try OnlineLoad(identity, of: online, into: self.online, progress: progress)
        switch view.features {
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
        case .derived: throw view.hasNoRows
        }
        let counts = try load.finish()
        progress.report("write gold.\(view.about.name)", done: 0, total: nil)
        try writeGold(view, query.keys.map(\.name), computation, upTo, version: online.identity.version)
        let report = MaterializationReport(
            view: view.about.name, version: online.identity.version, upTo: upTo, tableVersions: versions,
            rowsRead: rows.count, entities: computation.index.count, written: counts.written, resumed: counts.resumed,
            seconds: seconds(since: started))
        record.state = .finished
        record.rowCount = Int64(report.entities)
        record.endedAt = time.now()
        try registry.record(record)
        return report
    }

    /// Appends the features of all entities as of `upTo` to `gold.VIEW`, once for each (version, time).
    private func writeGold(
        _ view: FeatureViewDefinition, _ keyNames: [String], _ computation: ViewComputation, _ upTo: Timestamp,
        version: Int
    ) throws {
        let keys = computation.keys
        let count = computation.index.count
        let times = [Int64](repeating: upTo.microseconds, count: count)
        let features = try computation.features(keys: keys, times: times, asKnown: false, threads: threads)
        var columns = zip(keyNames, keys).map { ($0, $1) }
        columns.append(("_as_of", Column(.timestamp(times))))
        columns.append(("_version", Column(.int64([Int64](repeating: Int64(version), count: count)))))
        columns += zip(view.featureNames, features).map { ($0, $1) }
        var options = WriteOptions()
        options.evolution = .addColumns
        options.transaction = .init(appID: "materialize:v\(version)", version: upTo.microseconds)
        try table(.gold(view.about.name)).append(RecordBatch(columns), options)
    }
}

extension ViewComputation {
    /// The keys of all entities, by their number.
    var keys: [Column] { rows.keys.map { $0.gathering(index.firstRows) } }

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
            keys: rows.keys.map { $0.gathering(winners) },
            features: try features.map { try input($0.column).gathering(winners) },
            eventTimes: taken(rows.eventTimes), createdTimes: taken(rows.arrivalTimes), positions: taken(rows.positions)
        )
    }
}

extension TableVersions {
    /// `silver.customers@3,silver.payments@12`.
    fileprivate func description(sortedBy order: (String, String) -> Bool) -> String {
        sorted { order($0.key, $1.key) }.map { "\($0.key)@\($0.value)" }.joined(separator: ",")
    }
}
