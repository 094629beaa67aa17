package import MartletCore
internal import MartletDefinitions
package import MartletRegistry

extension Workspace {
    /// Compares the files of the repository with what is applied. Changes nothing.
    /// - Throws: the first fault of the files, with the others as its cause.
    package func plan() throws -> ApplyPlan {
        let repository: FeatureRepository
        do {
            repository = try FeatureRepository.load(directory: directory)
        } catch {
            throw error.summary
        }
        return try plan(repository.definitions)
    }

    /// - Throws: `checkFailed` where a source may not change so.
    func plan(_ definitions: [Definition]) throws -> ApplyPlan {
        let plan = try registry.plan(definitions)
        for case .source(let old) in try registry.current().definitions {
            for case .source(let new) in definitions where new.about.name == old.about.name {
                try new.checkFollows(old)
            }
        }
        return plan
    }

    /// Makes the plan's definitions current, all or none.
    /// - Throws: `stalePlan` where the applied definitions changed since the plan was made.
    @discardableResult
    package func apply(
        _ plan: ApplyPlan, idempotencyKey: String? = nil, principal: Principal
    ) throws -> ApplyResult {
        try registry.apply(plan, principal: principal, now: time.now(), idempotencyKey: idempotencyKey)
    }

    /// Takes up the definitions of an earlier revision again, as a new revision.
    package func rollback(
        to revision: Int64, idempotencyKey: String? = nil, principal: Principal
    ) throws -> ApplyResult {
        try registry.rollback(to: revision, principal: principal, now: time.now(), idempotencyKey: idempotencyKey)
    }
}
