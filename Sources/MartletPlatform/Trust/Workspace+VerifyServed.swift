package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

extension Workspace {
    /// Computes logged vectors of a service again by the offline path, as of the moments at which they were served and
    /// as known then, compares bit for bit, and tells for each difference where it comes from. A value that is what was
    /// known, but not what is known by now, is told too: late data.
    /// - Parameters:
    ///   - since: nil takes vectors of any age.
    ///   - limit: how many, the newest first.
    /// - Throws: `notFound` where nothing was logged.
    package func verifyServed(
        _ service: String, since: Timestamp? = nil, limit: Int = 10_000,
        progress: any ProgressReporter = SilentProgress()
    ) throws -> ServedReport {
        let started = time.monotonicNanoseconds()
        let today = try appliedDefinitions()
        _ = try today.service(service)
        var report = ServedReport(service: service)
        for logged in try loggedVectors(service, since: since, limit: limit) {
            progress.report("verify what \(service) served", done: report.vectors, total: nil)
            let rows = try landedRows(of: logged)
            report.notLanded += logged.count - rows.count
            if rows.isEmpty { continue }
            try compare(rows.count == logged.count ? logged : logged.gathering(rows), today, &report)
        }
        report.seconds = seconds(since: started)
        return report
    }

    /// The logged vectors by the revision that served them, the newest first.
    private func loggedVectors(_ service: String, since: Timestamp?, limit: Int) throws -> [LoggedVectors] {
        let table = try table(.served(service))
        guard try table.exists() else {
            throw MartletError(
                .notFound, "nothing that \(service) served was logged",
                fix: "set `logging: {sample_rate: 0.01}` in the service, apply, and serve")
        }
        let connection = try engine.connect()
        let served = quotedIdentifier(ServedColumn.servedAt)
        var sql = "SELECT * FROM (\(try table.scanSQL(table.snapshot())))"
        if let since { sql += " WHERE \(served) >= \(sqlLiteral(.timestamp(since)))" }
        let batch = try connection.query(sql + " ORDER BY \(served) DESC LIMIT \(limit)")
        guard case .int64(let revisions)? = batch[ServedColumn.revision]?.values else {
            throw MartletError(.corruptData, "the table served.\(service) has rows that are no served vectors")
        }
        return try Dictionary(grouping: revisions.indices) { revisions[$0] }.sorted { $0.key > $1.key }.map {
            try LoggedVectors(
                batch.gathering($0.value.map { Int32($0) }), service: service,
                AppliedDefinitions(registry.definitions(at: $0.key)))
        }
    }

    /// The rows whose records had counted nothing that the tables do not have yet.
    private func landedRows(of logged: LoggedVectors) throws -> [Int32] {
        var landed: [String: Int64] = [:]
        for view in Set(logged.snapshots.flatMap { $0.views.filter { $0.mark.mark > 0 }.map(\.name) }) {
            guard let source = try logged.definitions.view(view).source else { continue }
            let silver = try table(.silver(source))
            landed[view] = try silver.exists() ? silver.snapshot().transactionVersion(of: "refine") ?? 0 : 0
        }
        return logged.snapshots.indices.filter { row in
            logged.snapshots[row].views.allSatisfy { $0.mark.mark <= landed[$0.name] ?? .max }
        }.map { Int32($0) }
    }

    private func compare(
        _ logged: LoggedVectors, _ today: AppliedDefinitions, _ report: inout ServedReport
    ) throws {
        let offline = OfflineVectors(workspace: self, logged: logged)
        let (known, asTrue) = try offline.values(by: logged.definitions, logged.references)
        let served = try logged.references.map { try logged.column($0.feature) }
        let drifted = try driftedValues(offline, today)
        report.vectors += logged.count
        report.values += logged.count * served.count
        func differs(_ output: Int, _ row: Int) -> Bool { !isSame(served[output], known[output], row) }
        // What was not known so needs the records that were served.
        let strange = (0..<logged.count).filter { row in served.indices.contains { differs($0, row) } }
        let replay = try strange.isEmpty ? nil : ServedReplay(self, logged, rows: strange.map { Int32($0) })
        for output in served.indices {
            let isDerived = try logged.definitions.view(logged.references[output].view).isDerived
            for row in 0..<logged.count {
                let cause: ServedReport.Cause
                var value = known[output][row]
                if let drifted, let now = drifted[output], !isSame(served[output], now, row), !differs(output, row) {
                    cause = .definitionDrift
                    value = now[row]
                } else if drifted != nil, drifted?[output] == nil, isDrifted(logged, output, today) {
                    // Nothing of today is there to compare with.
                    cause = .definitionDrift
                    value = .null
                } else if !differs(output, row) {
                    if isSame(asTrue[output], known[output], row) { continue }
                    cause = .lateData
                    value = asTrue[output][row]
                } else if let place = replay?.place(row), let replay {
                    cause = replay.cause(served[output], row, output, place, isDerived: isDerived)
                } else {
                    cause = .unexplained
                }
                report.add(
                    ServedReport.Mismatch(
                        feature: "\(logged.references[output].view):\(logged.references[output].feature)",
                        entity: logged.entity(row), servedAt: logged.snapshots[row].instant,
                        served: served[output][row], offline: value, cause: cause,
                        snapshot: logged.snapshots[row].text))
            }
        }
    }

    /// The values that the definitions of today give, for features whose definitions are others now; nil for one that
    /// there is not any more. nil where all are the same.
    private func driftedValues(_ offline: OfflineVectors, _ today: AppliedDefinitions) throws -> [Int: Column]? {
        let logged = offline.logged
        let drifted = logged.references.indices.filter { isDrifted(logged, $0, today) }
        if drifted.isEmpty { return nil }
        let still = drifted.filter { output in
            (try? today.view(logged.references[output].view))?.featureNames
                .contains(logged.references[output].feature) == true
        }
        if still.isEmpty { return [:] }
        let values = try offline.values(by: today, still.map { logged.references[$0] }).known
        return Dictionary(uniqueKeysWithValues: zip(still, values))
    }

    /// Whether the view of a feature, or one that it is derived from, has another version now.
    private func isDrifted(_ logged: LoggedVectors, _ output: Int, _ today: AppliedDefinitions) -> Bool {
        let reference = logged.references[output]
        var names = [reference.view]
        if let derived = try? DerivedComputation([reference], logged.definitions) {
            names += derived.stored.map(\.view.about.name)
        }
        return names.contains { name in
            let key = DefinitionKey(.features, name)
            return logged.definitions.version(of: key) != today.version(of: key)
        }
    }
}

/// Vectors computed again from what their records had counted.
private struct ServedReplay {
    private let places: [Int: Int]
    /// By output: from the tables as they were loaded, and from those of today.
    private let asLoaded: [Column]
    private let asOfToday: [Column]

    init(_ workspace: Workspace, _ logged: LoggedVectors, rows: [Int32]) throws {
        let offline = OfflineVectors(workspace: workspace, logged: try logged.gathering(rows))
        places = Dictionary(uniqueKeysWithValues: rows.enumerated().map { (Int($0.element), $0.offset) })
        asLoaded = try offline.servedValues()
        asOfToday = try offline.servedValues(isAsLoaded: false)
    }

    func place(_ row: Int) -> Int? { places[row] }

    func cause(
        _ served: Column, _ row: Int, _ output: Int, _ place: Int, isDerived: Bool
    ) -> ServedReport.Cause {
        guard isSameValue(served[row], asLoaded[output][place]) else { return isDerived ? .onDemand : .unexplained }
        // Events that claim to have been there when the record was made, and were not in the tables then.
        let isLate = !isSameValue(asLoaded[output][place], asOfToday[output][place])
        return isLate ? .lateData : .staleLoad
    }
}
