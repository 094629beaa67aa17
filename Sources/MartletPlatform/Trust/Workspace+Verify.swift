package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery
internal import MartletRegistry

/// One value that is served otherwise than it is computed offline.
package struct Mismatch: Sendable {
    package let feature: String
    /// `customer_id=42`.
    package let entity: String
    package let time: Timestamp
    package let online: Value
    package let offline: Value
    package let cause: String
}

/// What a verification compared.
package struct VerificationReport: Sendable {
    package struct View: Sendable {
        package let name: String
        package let upTo: Timestamp
        package let entities: Int
        package let times: Int
        package let values: Int
        package let mismatches: Int
    }

    package internal(set) var views: [View] = []
    /// The first differences of each view.
    package internal(set) var mismatches: [Mismatch] = []
    package let seed: UInt64
    package internal(set) var seconds = 0.0

    package var values: Int { views.reduce(0) { $0 + $1.values } }
    package var isEqual: Bool { views.allSatisfy { $0.mismatches == 0 } }
}

extension Workspace {
    /// Reads sampled entities from the online store at sampled times and compares each value, bit for bit, with what
    /// the offline kernels compute from the tables that were loaded, as known at the load.
    ///
    /// The times are the load's own and later ones, up to the longest window beyond it: windows slide while nothing
    /// arrives.
    /// - Parameters:
    ///   - views: nil means every online view. Of a derived one, which is computed by one program for both sides, the
    ///     views that it reads.
    ///   - entities: how many of each view; one that nobody has seen is added where keys are int64.
    ///   - times: how many for each view.
    package func verify(
        _ views: [String]? = nil, entities: Int = 1_000, times: Int = 10, seed: UInt64 = 1,
        progress: any ProgressReporter = SilentProgress()
    ) throws -> VerificationReport {
        let started = time.monotonicNanoseconds()
        let definitions = try appliedDefinitions()
        let chosen = try views.map { try definitions.viewsWithRows($0) } ?? definitions.loadedViews
        var report = VerificationReport(seed: seed)
        for (number, view) in chosen.enumerated() {
            progress.report("verify \(view.about.name)", done: number, total: chosen.count)
            var random = SeededRandom(seed: seed, stream: UInt64(number))
            try verify(view, definitions, entities, times, &random, &report)
        }
        report.seconds = seconds(since: started)
        return report
    }

    private func verify(
        _ view: FeatureViewDefinition, _ definitions: AppliedDefinitions, _ entityCount: Int, _ timeCount: Int,
        _ random: inout SeededRandom, _ report: inout VerificationReport
    ) throws {
        let load = try lastMaterialization(of: view.about.name, definitions)
        let connection = try engine.connect()
        _ = try attachSources(of: view, definitions, pinned: load.tableVersions, to: connection)
        let query = try viewQuery(view, definitions, connection, includesRemoved: true)
        let computation = try ViewComputation(view, try query.load(connection, knownAt: load.upTo))
        let online = try onlineView(view, definitions)

        let keys = sampledKeys(computation, entityCount, &random)
        let count = keys.first?.count ?? 0
        let names = view.featureNames
        var mismatches = 0
        for round in 0..<timeCount {
            // The first round reads at the very moment of the load.
            let reach = UInt64(view.longestReach.microseconds)
            let time = round == 0 ? load.upTo : load.upTo + TimeSpan(microseconds: Int64(random.next() % reach))
            let served = try self.online.read(online, keys: keys, at: time)
            let computed = try computation.features(
                keys: keys, times: [Int64](repeating: time.microseconds, count: count), asKnown: false, threads: threads
            )
            for (feature, name) in names.enumerated() {
                for row in 0..<count where !isSame(served.columns[feature], computed[feature], row) {
                    mismatches += 1
                    guard mismatches <= 5 else { continue }
                    report.mismatches.append(
                        Mismatch(
                            feature: "\(view.about.name):\(name)",
                            entity: zip(query.keys, keys).map { "\($0.name)=\($1[row])" }.joined(separator: ","),
                            time: time, online: served.columns[feature][row], offline: computed[feature][row],
                            cause: cause(served.statuses[feature][row])))
                }
            }
        }
        report.views.append(
            VerificationReport.View(
                name: view.about.name, upTo: load.upTo, entities: count, times: timeCount,
                values: count * timeCount * names.count, mismatches: mismatches))
    }

    /// Entities drawn without repetition, and one that does not exist.
    private func sampledKeys(
        _ computation: ViewComputation, _ count: Int, _ random: inout SeededRandom
    ) -> [Column] {
        let total = computation.index.count
        var ids = Array(0..<Int32(total))
        let wanted = min(count, total)
        for index in 0..<wanted { ids.swapAt(index, index + Int(random.next() % UInt64(total - index))) }
        let keys = computation.keys.map { $0.gathering(fitting: Array(ids[..<wanted])) }
        guard keys.count == 1, case .int64(let values) = keys[0].values else { return keys }
        return [Column(.int64(values + [Int64.max]))]
    }
}

private func cause(_ status: FeatureStatus) -> String {
    switch status {
    case .notFound: "nothing is stored for the entity: the load is incomplete, or the store lost it"
    case .outsideMaxAge: "the stored row is older than the ttl: a newer one was not loaded"
    case .present, .nullValue: "the stored state was made from other events than the recorded load, or changed since"
    }
}

extension AppliedDefinitions {
    /// The named views, in place of each derived one the online views that its values come from.
    fileprivate func viewsWithRows(_ names: [String]) throws -> [FeatureViewDefinition] {
        var views: [FeatureViewDefinition] = []
        for name in names {
            let view = try view(name)
            var found = [view]
            if view.isDerived {
                let plan = try DerivedComputation(
                    view.featureNames.map { FeatureReference(view: name, feature: $0) }, self)
                found = plan.stored.map(\.view)
            }
            for view in found where !views.contains(where: { $0.about.name == view.about.name }) { views.append(view) }
        }
        return views
    }
}

extension FeatureViewDefinition {
    /// How long after a load its values still change: the longest window, or the ttl, and a day.
    var longestReach: TimeSpan {
        let span =
            switch features {
            case .latest: ttl ?? .days(30)
            case .windowed(let aggregates): aggregates.flatMap(\.windows).max() ?? .days(1)
            case .derived: TimeSpan.zero
            }
        return TimeSpan(microseconds: span.microseconds + TimeSpan.days(1).microseconds)
    }
}

/// Whether both hold the same bits in a row.
func isSame(_ left: Column, _ right: Column, _ row: Int) -> Bool { isSameValue(left[row], right[row]) }

/// Whether both are the same bits.
func isSameValue(_ left: Value, _ right: Value) -> Bool {
    switch (left, right) {
    case (.float64(let a), .float64(let b)): a.bitPattern == b.bitPattern
    case (.float32(let a), .float32(let b)): a.bitPattern == b.bitPattern
    case (let a, let b): a.hasSameBits(as: b)
    }
}
