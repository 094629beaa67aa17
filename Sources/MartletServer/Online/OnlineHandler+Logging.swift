internal import MartletCore
internal import MartletFeatures
internal import MartletHTTP
internal import MartletOnline
internal import MartletPlatform

extension OnlineHandler {
    /// Hands sampled vectors of an answer to Feast's door over to the log.
    func log(
        _ request: OnlineRequest, _ plan: ServingPlan, _ scratch: OnlineScratch, derived: [Column],
        _ table: borrowing RecordTable, _ instant: Timestamp, _ serving: ServingState
    ) throws {
        guard let featureLog, let service = plan.service else { return }
        // A scratch may have groups of an earlier request.
        let keys = Array(scratch.keys.prefix(plan.keyGroups.count))
        let rows = FeatureSampler(rate: plan.options.logSampleRate).rows(
            of: keys, scratch.keyRows, count: request.rowCount)
        if rows.isEmpty { return }
        let named = try serving.plan(services: [service], features: [], settings)
        var views: [Result<OnlineVectors.View, OnlineVectors.AbsentView>] = []
        for (index, part) in plan.parts.enumerated() {
            let keyRows = rows.map { scratch.keyRows[part.keyGroup][$0] }
            var marks: [RecordMark] = []
            for key in keyRows { marks.append(RecordMark(table.record(lookup: index, key: key))) }
            let values = try scratch.answers[index].columns(part.view, part.features, keyRows)
            views.append(.success(OnlineVectors.View(values: values, marks: marks)))
        }
        let gathered = rows.map { Int32($0) }
        let call = OnlineCall(
            serving: serving, plan: named, layout: .rows, keys: [], keyRows: [], rowCount: rows.count,
            entities: try entityColumns(of: plan, request, serving).map {
                OnlineCall.EntityColumn(name: $0.name, column: $0.column.gathering(fitting: gathered))
            },
            requestValues: try plan.derivation.request.map {
                try requestColumn($0, request).gathering(fitting: gathered)
            }, deadlineMilliseconds: nil, hasRowSnapshots: false, startNanoseconds: 0)
        let vectors = OnlineVectors(
            call: call, instant: instant, views: views, derived: derived.map { $0.gathering(fitting: gathered) },
            derivedAbsences: derived.map { _ in nil }, isStale: table.isStale)
        featureLog.add(vectors.served(0, as: named, rows: Array(0..<rows.count)))
    }

    /// Hands sampled vectors of one of our own answers over to the log. What came only in part is not logged: there is
    /// nothing to compare it with.
    func log(_ vectors: OnlineVectors) throws {
        guard let featureLog, !vectors.isPartial else { return }
        let serving = vectors.call.serving
        for (index, service) in vectors.call.plan.services.enumerated() {
            let rate = serving.catalog.serviceOptions[service.name]?.logSampleRate ?? 0
            guard rate > 0 else { continue }
            let plan = try serving.plan(services: [service.name], features: [], settings)
            // By the keys of the service, whatever else was asked for.
            let groups = plan.serving.keyGroups.compactMap { vectors.call.plan.serving.keyGroups.firstIndex(of: $0) }
            let rows = FeatureSampler(rate: rate).rows(
                of: groups.map { vectors.call.keys[$0] }, groups.map { vectors.call.keyRows[$0] },
                count: vectors.call.rowCount)
            if !rows.isEmpty { featureLog.add(vectors.served(index, as: plan, rows: rows)) }
        }
    }
}

extension OnlineVectors {
    /// The vectors of a service in these rows.
    /// - Parameters:
    ///   - service: index into the services of the call.
    ///   - plan: of that service alone.
    fileprivate func served(_ service: Int, as plan: NamedPlan, rows: [Int]) -> ServedVectors {
        let gathered = rows.map { Int32($0) }
        let outputs = call.plan.services[service].outputs
        let features = zip(plan.outputs, outputs).map { output, place in
            let column = column(place) ?? .nulls(output.type, count: call.rowCount)
            return ServedVectors.Feature(
                name: output.feature, values: column.gathering(fitting: gathered),
                statuses: rows.map { status(place, $0).stored })
        }
        var inputs: [(name: String, column: Column)] = []
        for key in plan.serving.keyGroups.joined() where !inputs.contains(where: { $0.name == key.name }) {
            guard let found = call.entities.first(where: { $0.name == key.name }) else { continue }
            inputs.append((key.name, found.column.gathering(fitting: gathered)))
        }
        for (field, column) in zip(call.plan.serving.derivation.request, call.requestValues)
        where plan.serving.derivation.request.contains(where: { $0.name == field.name }) {
            inputs.append((field.name, column.gathering(fitting: gathered)))
        }
        let parts = plan.serving.parts.compactMap { part in
            call.plan.serving.parts.firstIndex { $0.view.identity == part.view.identity }
        }
        var versions: [ServedVectors.View] = parts.map { part in
            let view = call.plan.serving.parts[part].view
            var times = ColumnBuilder(.timestamp)
            for row in rows {
                if case .success(let found) = views[part], found.marks[row].kind != .nothing {
                    times.append(.timestamp(found.values.eventTimes[row]))
                } else {
                    times.appendNull()
                }
            }
            return ServedVectors.View(
                name: view.name, version: view.identity.version, eventTimes: times.finish())
        }
        for output in plan.outputs where !versions.contains(where: { $0.name == output.view }) {
            versions.append(ServedVectors.View(name: output.view, version: output.version, eventTimes: nil))
        }
        let names = Set(versions.map(\.name))
        let snapshots = rows.map { row in
            var snapshot = self.snapshot(row..<row + 1)
            snapshot.views.removeAll { !names.contains($0.name) }
            return snapshot
        }
        return ServedVectors(
            service: plan.services[0].name, inputs: inputs, features: features, views: versions, snapshots: snapshots)
    }
}

extension VectorStatus {
    /// - Precondition: the view answered.
    fileprivate var stored: FeatureStatus {
        switch self {
        case .present: .present
        case .nullValue: .nullValue
        case .notFound: .notFound
        case .outsideMaxAge: .outsideMaxAge
        case .deadlineExceeded, .storeUnavailable: preconditionFailure("only whole answers are logged")
        }
    }
}

/// What became of sampled vectors, as Prometheus reads it.
func writeMetrics(of log: FeatureLog, labels: String, to writer: inout ByteWriter) {
    let statistics = log.statistics
    for (name, kind, help, value) in [
        ("served_vectors_logged_total", "counter", "Sampled vectors written to served.SERVICE.", statistics.logged),
        (
            "served_vectors_dropped_total", "counter", "Sampled vectors for which the buffer had no room.",
            statistics.dropped
        ),
        ("served_vectors_buffered", "gauge", "Sampled vectors that wait to be written.", statistics.buffered),
        ("served_log_failures_total", "counter", "Writes of sampled vectors that failed.", statistics.failures),
    ] {
        writer.append(
            text:
                "# HELP martlet_\(name) \(help)\n# TYPE martlet_\(name) \(kind)\nmartlet_\(name){\(labels)} \(value)\n")
    }
}
