internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// A training set computed all at once, in memory.
struct WholeTrainingSet {
    let plan: TrainingSetPlan
    let connection: QueryConnection
    let query: (TrainingMember) throws -> ViewQuery
    let threads: Int
    let progress: any ProgressReporter
    let cancellation: Cancellation

    /// The rows, all in one batch.
    func rows(leakageStride: Int?) throws -> RecordBatch {
        let labels = try plan.labels.load(connection)
        let clock: Clock = plan.request.asKnown ? .asKnown : .asTrue
        var columns: [(String, Column)] = zip(labels.rows.schema.names, labels.rows.columns).map { ($0, $1) }
        var isKnown: [Bool]?
        try forEachMember(
            labels,
            goal: .values(clock, needsKnown: plan.request.keepsOnlyKnownEntities, leakageStride: leakageStride)
        ) { member, result in
            try refuseLeaks(
                member.columnNames, result.leakage, allowed: plan.request.allowedLeakage,
                hasArrivalTimes: member.hasArrivalTimes)
            columns += zip(member.columnNames, result.columns)
            guard let known = result.isKnown else { return }
            isKnown = isKnown.map { zip($0, known).map { $0 && $1 } } ?? known
        }
        return try plan.completed(RecordBatch(columns), isKnown: isKnown)
    }

    /// What differs between the clocks, for each feature.
    func clocks(examples: Int) throws -> [ClockCount] {
        var counts: [ClockCount] = []
        try forEachMember(try plan.labels.load(connection), goal: .clocks(examples: examples)) {
            counts += $1.clocks
        }
        return counts
    }

    private func forEachMember(
        _ labels: LabelSet, goal: MemberTask.Goal, _ body: (TrainingMember, MemberResult) throws -> Void
    ) throws {
        for (number, member) in plan.members.enumerated() {
            try cancellation.check()
            progress.report(
                "features of \(member.view.about.name)", done: number * plan.labels.rowCount,
                total: plan.members.count * plan.labels.rowCount)
            let keys = try member.keys.map { key in
                guard let column = labels.rows[key.name] else {
                    throw MartletError(.missingColumn, "no column \(key.name)")
                }
                return column
            }
            let task = MemberTask(member: member, goal: goal, threads: threads)
            let computation = try computation(member, goal, plan.eventCounts[number])
            try body(member, task.run(computation, MemberLabels(rows: nil, keys: keys, times: labels.times)))
        }
        let total = plan.members.count * plan.labels.rowCount
        progress.report("features", done: total, total: total)
    }

    /// Of latest values most rows are read to be dropped: where there are many more rows than labels, keys and times
    /// are read first and then the columns of the rows that win. Decoding twice costs less than copying all out once.
    private func computation(
        _ member: TrainingMember, _ goal: MemberTask.Goal, _ events: Int64
    ) throws -> ViewComputation {
        let query = try query(member)
        let condition = try query.condition(forLabels: plan.labels.times, anyAge: plan.request.keepsOnlyKnownEntities)
        let isLatest = if case .latest = member.view.features { true } else { false }
        let isDeferred = isLatest && query.hasUniquePositions && events > 2 * Int64(plan.labels.rowCount)
        let rows = try query.rows(from: "(\(query.sql))", connection, where: condition, withInputs: !isDeferred)
        guard isDeferred else { return try ViewComputation(member.view, rows) }
        return try ViewComputation(member.view, rows, inputNames: query.inputs.map(\.name)) { wanted in
            try query.inputs(at: wanted.map { rows.positions[Int($0)] }, connection)
        }
    }
}
