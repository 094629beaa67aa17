internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

/// What one request needs and the next one uses again.
final class OnlineScratch: @unchecked Sendable {
    // @unchecked: the pool gives it to one request at a time, and the pointers that it holds between requests are not
    // followed. For the same reason nothing needs a check of exclusive access, which would cost at every step.
    @exclusivity(unchecked) var columns: [OnlineRequest.EntityColumn] = []
    /// By key group.
    @exclusivity(unchecked) private(set) var keys: [EntityKeys] = []
    /// By key group, for each row its unique key; null keys have the last.
    @exclusivity(unchecked) private(set) var keyRows: [[Int]] = []
    /// By key group, how many unique keys there are.
    @exclusivity(unchecked) private var keyCounts: [Int] = []
    /// By part of the plan.
    @exclusivity(unchecked) private(set) var answers: [ViewAnswer] = []
    @exclusivity(unchecked) var table = RecordTable()
    /// Of the request before, which the next one is often like.
    @exclusivity(unchecked) var known: ServingState.KnownPlan?

    func encode(_ plan: ServingPlan, _ request: OnlineRequest, _ catalog: ServingCatalog) throws(FeastError) {
        while keys.count < plan.keyGroups.count {
            keys.append(EntityKeys())
            keyRows.append([])
            keyCounts.append(0)
        }
        for (index, group) in plan.keyGroups.enumerated() {
            try encodeKeys(group, request, catalog, into: &keys[index])
            // Through a pointer: an element taken from the array is a copy of all its own arrays.
            keys.withUnsafeBufferPointer { keyCounts[index] = $0[index].uniqueCount }
            let nullKey = keyCounts[index] - 1
            keyRows[index].removeAll(keepingCapacity: true)
            keys.withUnsafeBufferPointer { keys in
                for key in keys[index].rows.prefix(request.rowCount) {
                    keyRows[index].append(key < 0 ? nullKey : Int(key))
                }
            }
        }
    }

    func fillAnswers(_ plan: ServingPlan, _ table: borrowing RecordTable, _ time: Timestamp) throws {
        while answers.count < plan.parts.count { answers.append(ViewAnswer()) }
        for index in plan.parts.indices {
            let group = plan.parts[index].keyGroup
            try answers[index].fill(
                plan.parts[index].view, features: plan.parts[index].features, lookup: index,
                keyCount: keyCounts[group], from: table, at: time)
        }
    }
}
