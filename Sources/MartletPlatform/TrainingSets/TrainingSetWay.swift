internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// How a training set is computed.
enum TrainingSetWay {
    case whole(WholeTrainingSet)
    case spilled(SpilledTrainingSet)
}

extension Workspace {
    /// At once where that takes at most half of the memory, else part by part.
    /// - Parameters:
    ///   - memoryBytes: nil means `limits.memory`.
    ///   - clockExamples: nil for the values of a training set, else for the comparison of the clocks.
    func way(
        of plan: TrainingSetPlan, _ memoryBytes: Int?, _ connection: QueryConnection,
        _ progress: any ProgressReporter, _ cancellation: Cancellation, clockExamples: Int? = nil
    ) throws -> TrainingSetWay {
        let budget = MemoryBudget(bytes: memoryBytes ?? settings.limits.memoryBytes, threads: threads)
        guard plan.wholeBytes(threads: threads) <= budget.bytes / 2 else {
            return .spilled(
                try SpilledTrainingSet(self, plan, budget, progress, cancellation, clockExamples: clockExamples))
        }
        return .whole(
            WholeTrainingSet(
                plan: plan, connection: connection,
                query: { try self.viewQuery($0.view, plan.definitions, connection, includesRemoved: true) },
                threads: threads, progress: progress, cancellation: cancellation))
    }
}
