internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

/// What one request needs and the next one uses again.
struct OnlineScratch: @unchecked Sendable {
    // @unchecked: the pool gives it to one request at a time, and the pointers that it holds between requests are not
    // followed.
    var columns: [OnlineRequest.EntityColumn] = []
    /// By key group.
    private(set) var keys: [EntityKeys] = []
    /// By key group, for each row its unique key; null keys have the last.
    private(set) var keyRows: [[Int]] = []
    /// By part of the plan.
    private(set) var answers: [ViewAnswer] = []

    mutating func encode(_ plan: ServingPlan, _ request: OnlineRequest, _ catalog: ServingCatalog) throws(FeastError) {
        while keys.count < plan.keyGroups.count {
            keys.append(EntityKeys())
            keyRows.append([])
        }
        for (index, group) in plan.keyGroups.enumerated() {
            try encodeKeys(group, request, catalog, into: &keys[index])
            keyRows[index].removeAll(keepingCapacity: true)
            let nullKey = keys[index].uniqueCount - 1
            for row in 0..<request.rowCount {
                let key = Int(keys[index].rows[row])
                keyRows[index].append(key < 0 ? nullKey : key)
            }
        }
    }

    mutating func fillAnswers(_ plan: ServingPlan, _ table: borrowing RecordTable, _ time: Timestamp) throws {
        while answers.count < plan.parts.count { answers.append(ViewAnswer()) }
        for index in plan.parts.indices {
            let group = plan.parts[index].keyGroup
            try answers[index].fill(
                plan.parts[index].view, features: plan.parts[index].features, lookup: index,
                keyCount: keys[group].uniqueCount, from: table, at: time)
        }
    }
}
