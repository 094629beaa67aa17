internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// Labels of one part of a training set: what a view needs of them.
struct MemberLabels {
    /// The number of each label in the whole input; nil means `0, 1, 2, …`.
    let rows: [Int64]?
    /// In the order of the view's key.
    let keys: [Column]
    let times: [Int64]

    func row(_ index: Int) -> Int64 { rows.map { $0[index] } ?? Int64(index) }
}

/// What is computed of a view for some labels.
struct MemberTask {
    enum Goal {
        /// Values on one clock; every `leakageStride`th label is looked at for leaks, none where it is nil.
        case values(Clock, needsKnown: Bool, leakageStride: Int?)
        /// What differs between the clocks, with so many examples a feature.
        case clocks(examples: Int)
    }

    let member: TrainingMember
    let goal: Goal
    let threads: Int
}

/// What came of it, one element a feature of the member.
struct MemberResult {
    var columns: [Column] = []
    var isKnown: [Bool]?
    var leakage: [LeakageCount] = []
    var clocks: [ClockCount] = []
}

extension MemberTask {
    func run(_ computation: ViewComputation, _ labels: MemberLabels) throws -> MemberResult {
        let ids = try computation.index.lookup(labels.keys)
        switch goal {
        case .values(let clock, let needsKnown, let stride):
            var result = try values(clock, stride, computation, labels, ids)
            if needsKnown { result.isKnown = try computation.isKnown(ids: ids, times: labels.times) }
            return result
        case .clocks(let examples):
            return MemberResult(clocks: try clocks(examples, computation, labels, ids))
        }
    }

    private func values(
        _ clock: Clock, _ stride: Int?, _ computation: ViewComputation, _ labels: MemberLabels, _ ids: [Int32]
    ) throws -> MemberResult {
        var moments = [FeatureMoments(ids: ids, times: labels.times, clock: clock)]
        let strict = Clock.before(asKnown: member.hasArrivalTimes || clock.needsArrivals)
        let isSame = computation.isWindowed && strict.needsArrivals == clock.needsArrivals
        var sample: [Int32] = []
        if let stride, !isSame {
            sample = ids.indices.filter { labels.row($0) % Int64(stride) == 0 }.map(Int32.init)
            let (ids, times) = (sample.map { ids[Int($0)] }, sample.map { labels.times[Int($0)] })
            moments.append(FeatureMoments(ids: ids, times: times, clock: strict))
        }
        var answers = try computation.answers(moments, threads: threads)
        var result = MemberResult(leakage: Array(repeating: LeakageCount(), count: member.features.count))
        if answers.count == 2 {
            result.leakage = try leakage(answers[1], answers[0], sample, computation)
        }
        let whole = answers.removeFirst().columns
        result.columns = member.features.map { whole[$0] }
        return result
    }

    private func leakage(
        _ strict: FeatureAnswer, _ given: FeatureAnswer, _ sample: [Int32], _ computation: ViewComputation
    ) throws -> [LeakageCount] {
        let empty = try computation.emptyWindow()
        return try member.features.map { feature in
            let values = given.columns[feature].gathering(fitting: sample)
            let hasSeen: (Int) -> Bool
            if let winners = given.winners {
                hasSeen = { winners[Int(sample[$0])] >= 0 }
            } else {
                let empty = try empty[feature].gathering([Int32](repeating: 0, count: sample.count))
                let filled = Set(values.rowsThatDiffer(from: empty))
                hasSeen = { filled.contains(Int32($0)) }
            }
            let changed = values.rowsThatDiffer(from: strict.columns[feature]).count { hasSeen(Int($0)) }
            return LeakageCount(seen: Int64(sample.indices.count(where: hasSeen)), changed: Int64(changed))
        }
    }

    private func clocks(
        _ examples: Int, _ computation: ViewComputation, _ labels: MemberLabels, _ ids: [Int32]
    ) throws -> [ClockCount] {
        let answers = try computation.answers(
            [
                FeatureMoments(ids: ids, times: labels.times, clock: .asTrue),
                FeatureMoments(ids: ids, times: labels.times, clock: .asKnown),
            ], threads: threads)
        let (times, removals) = (computation.events.eventTimes, computation.events.removalTimes)
        // Where what was taken back since makes no difference to what was known, what differs is late.
        var live = computation
        live.events = computation.events.withoutRemoved()
        let lasting =
            removals != nil && computation.isWindowed
            ? try live.answers([FeatureMoments(ids: ids, times: labels.times, clock: .asKnown)], threads: threads)[0]
            : nil
        return member.features.map { feature in
            let rows = answers[0].columns[feature].rowsThatDiffer(from: answers[1].columns[feature])
            var count = ClockCount(differing: Int64(rows.count))
            if let then = answers[1].winners, let now = answers[0].winners {
                for row in rows {
                    let (old, new) = (Int(then[Int(row)]), Int(now[Int(row)]))
                    if old < 0 { continue }
                    if new >= 0 && times[old] == times[new] {
                        count.corrected += 1
                    } else if let removals, removals[old] != .max {
                        count.takenBack += 1
                    }
                }
            } else if let lasting {
                let hasGone = Set(answers[1].columns[feature].rowsThatDiffer(from: lasting.columns[feature]))
                count.takenBack = Int64(rows.count { hasGone.contains($0) })
            }
            count.late = count.differing - count.corrected - count.takenBack
            count.examples = rows.map { labels.row(Int($0)) }.sorted().prefix(examples).map { $0 }
            return count
        }
    }
}

extension ViewComputation {
    var isWindowed: Bool { if case .windowed = view.features { true } else { false } }

    /// Of windowed views: what each feature is where nobody has done anything, in one row.
    fileprivate func emptyWindow() throws -> [Column] {
        guard isWindowed else { return [] }
        return try plan().compute(events: events, labels: LabelColumns(ids: [-1], times: [0]), threads: 1)
    }
}
