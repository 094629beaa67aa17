package import MartletCore
internal import MartletDefinitions
internal import MartletQuery

extension Workspace {
    /// Joins the features of a service to label rows, each as of its own time, and holds them in memory. Exactly the
    /// label rows come out, in their order.
    /// - Parameter memoryBytes: what building may take; nil means `limits.memory`.
    /// - Throws: `unknownName` for the service, `missingColumn`, `missingTimeZone`, `typeMismatch` for labels that do
    ///   not fit, `notFound` for a source without rows, `labelLeakage`, `limitExceeded`, `cancelled`.
    package func trainingSet(
        _ request: TrainingSetRequest, memoryBytes: Int? = nil, progress: any ProgressReporter = SilentProgress(),
        cancellation: Cancellation = Cancellation()
    ) throws -> TrainingSet {
        try withTrainingSet(request, memoryBytes: memoryBytes, progress: progress, cancellation: cancellation) { set in
            let cursor = set.rows.makeCursor()
            var batches: [RecordBatch] = []
            while let batch = try cursor.next() { batches.append(batch) }
            if batches.isEmpty { throw MartletError(.invalidInput, "no label row is of a known entity") }
            return TrainingSet(
                rows: try .joining(batches), timeColumn: request.timeColumn, featureNames: set.plan.featureNames,
                tableVersions: set.plan.tableVersions, definitionVersions: set.plan.definitionVersions)
        }
    }

    /// Computes the features of a training set, in memory or part by part, and lets `body` read the rows once.
    func withTrainingSet<T>(
        _ request: TrainingSetRequest, memoryBytes: Int? = nil, progress: any ProgressReporter,
        cancellation: Cancellation, _ body: (BuiltSet) throws -> T
    ) throws -> T {
        sweepAbandonedWork()
        let connection = try engine.connect()
        return try connection.interrupted(by: cancellation) {
            let plan = try trainingSetPlan(request, connection)
            // What was built before is built again as it was, whatever it tells.
            let stride = request.revision == nil ? LeakageRule.stride(plan.labels.rowCount) : nil
            func checked(_ rows: RowSource) -> RowSource {
                guard let stride else { return rows }
                let given = plan.givenNames
                return rows.checkedForCopies(
                    LabelCopies(
                        rows.schema, labels: plan.labels.names.filter { !given.contains($0) },
                        features: plan.featureNames.filter { !request.allowedLeakage.contains($0) }, stride: stride))
            }
            if usesSpark {
                let rows = try sparkRows(plan, connection, progress, cancellation)
                return try body(BuiltSet(plan: plan, rows: checked(RowSource(rows))))
            }
            switch try way(of: plan, memoryBytes, connection, progress, cancellation) {
            case .whole(let whole):
                return try body(BuiltSet(plan: plan, rows: checked(RowSource(whole.rows(leakageStride: stride)))))
            case .spilled(let spilled):
                return try spilled.run { try body(BuiltSet(plan: plan, rows: checked($0))) }
            }
        }
    }
}

extension Workspace {
    /// The rows with the features of the views as Spark computes them. Features are not computed a second time there,
    /// so that only copies of a label are found to leak.
    fileprivate func sparkRows(
        _ plan: TrainingSetPlan, _ connection: QueryConnection, _ progress: any ProgressReporter,
        _ cancellation: Cancellation
    ) throws -> RecordBatch {
        guard !plan.request.keepsOnlyKnownEntities else { throw knownOnlyOnSpark }
        let labels = try plan.labels.load(connection)
        let views = try sparkFeatures(
            plan.members.map { ($0.view, $0.keys) }, labels: labels, asKnown: plan.request.asKnown, plan.definitions,
            versions: plan.tableVersions, connection, progress: progress, cancellation: cancellation)
        var columns = Array(zip(labels.rows.schema.names, labels.rows.columns))
        for (member, features) in zip(plan.members, views) {
            columns += zip(member.columnNames, member.features.map { features[$0] })
        }
        return try plan.completed(RecordBatch(columns), isKnown: nil)
    }
}

extension RowSource {
    /// The same rows, looked at as they pass.
    /// - Throws: at their end, what the check finds.
    fileprivate func checkedForCopies(_ copies: LabelCopies) -> RowSource {
        let makeCursor = makeCursor
        return RowSource(schema: schema, rowCount: rowCount) { CopyCheckingCursor(makeCursor(), copies) }
    }
}

/// `@unchecked Sendable` because a scan calls its cursor under a lock.
private final class CopyCheckingCursor: BatchCursor, @unchecked Sendable {
    private let cursor: any BatchCursor
    private var copies: LabelCopies

    init(_ cursor: any BatchCursor, _ copies: LabelCopies) {
        self.cursor = cursor
        self.copies = copies
    }

    func next() throws -> RecordBatch? {
        guard let batch = try cursor.next() else {
            try copies.finish()
            return nil
        }
        copies.update(batch)
        return batch
    }
}
