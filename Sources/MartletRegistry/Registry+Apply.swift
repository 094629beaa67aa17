package import MartletCore
internal import MartletDatabase
package import MartletDefinitions

extension Registry {
    /// What applying the definitions would change.
    /// - Parameter definitions: a whole repository, checked by `FeatureRepository`.
    package func plan(_ definitions: [Definition]) throws -> ApplyPlan {
        let current = try current()
        return ApplyPlan(
            baseRevision: current.revision, diff: RepositoryDiff(from: current.definitions, to: definitions),
            definitions: definitions.sorted { $0.key < $1.key }, rolledBackTo: nil)
    }

    /// What going back to an earlier revision would change.
    /// - Throws: `notFound`.
    package func planRollback(to revision: Int64) throws -> ApplyPlan {
        let (current, old) = (try current(), try definitions(at: revision))
        return ApplyPlan(
            baseRevision: current.revision, diff: RepositoryDiff(from: current.definitions, to: old.definitions),
            definitions: old.definitions, rolledBackTo: revision)
    }

    /// Makes the plan's definitions the current ones, all or nothing. An empty plan makes no revision.
    /// - Parameter idempotencyKey: a repeated call with the key of an earlier one gives what that one made.
    /// - Throws: `stalePlan` where the workspace changed since the plan was made; `conflict` for a key used otherwise.
    package func apply(
        _ plan: ApplyPlan, principal: Principal, now: Timestamp, idempotencyKey: String? = nil
    ) throws -> ApplyResult {
        try admit(principal)
        return try database.write { connection in
            if let idempotencyKey, let revision = try revision(of: idempotencyKey, connection) {
                let made = try appliedSet(revision, connection)
                guard RepositoryDiff(from: made.definitions, to: plan.definitions).isEmpty else {
                    throw MartletError(
                        .conflict, "the idempotency key was used for other definitions", fix: "use a new key")
                }
                return ApplyResult(set: made, isNew: false)
            }
            let revision = try currentRevision(connection)
            guard revision == plan.baseRevision else {
                throw MartletError(
                    .stalePlan,
                    "the plan was made at revision \(plan.baseRevision), and the workspace is at \(revision) now",
                    fix: "make the plan again and look at what changed")
            }
            let current = try appliedSet(revision, connection)
            if plan.isEmpty {
                // A repetition changes nothing either, whatever was applied in between.
                if let idempotencyKey { try note(idempotencyKey, revision: revision, now, connection) }
                return ApplyResult(set: current, isNew: false)
            }
            let step = Step(number: revision + 1, principal: principal.name, now: now)
            try insertRevision(step, plan, idempotencyKey, connection)
            let held = Dictionary(uniqueKeysWithValues: current.members.map { ($0.key, $0) })
            for definition in plan.definitions {
                try insertMember(definition, held[definition.key], step, connection)
            }
            return ApplyResult(set: try appliedSet(step.number, connection), isNew: true)
        }
    }

    /// Takes up the set of an earlier revision again, as a new revision; 0 empties the workspace.
    /// - Throws: `notFound`; `stalePlan` where another change came in between.
    package func rollback(
        to revision: Int64, principal: Principal, now: Timestamp, idempotencyKey: String? = nil
    ) throws -> ApplyResult {
        try admit(principal)
        return try apply(
            try planRollback(to: revision), principal: principal, now: now, idempotencyKey: idempotencyKey)
    }

    /// The revision that an apply or a rollback with this idempotency key made or found; nil where there was none.
    package func revision(ofKey idempotencyKey: String) throws -> Int64? {
        try database.read { try revision(of: idempotencyKey, $0) }
    }

    /// The revision being made.
    private struct Step {
        let number: Int64
        let principal: String
        let now: Timestamp
    }

    private func revision(of idempotencyKey: String, _ connection: any DatabaseReading) throws -> Int64? {
        try connection.row(
            """
            SELECT revision FROM revisions WHERE tenant = $1 AND workspace = $2 AND idempotency_key = $3
            UNION ALL
            SELECT CAST(answer AS BIGINT) FROM idempotency_keys
            WHERE tenant = $1 AND workspace = $2 AND operation = 'apply' AND key = $3
            """, scope + [.text(idempotencyKey)]
        )?.integer(0)
    }

    /// Keeps the key of an apply that changed nothing, and so has no revision of its own.
    private func note(
        _ idempotencyKey: String, revision: Int64, _ now: Timestamp, _ connection: any DatabaseWriting
    ) throws {
        try connection.execute(
            """
            INSERT INTO idempotency_keys (tenant, workspace, operation, key, request, answer, created_at)
            VALUES ($1, $2, 'apply', $3, '', $4, $5)
            """, scope + [.text(idempotencyKey), .text("\(revision)"), .timestamp(now)])
    }

    private func insertRevision(
        _ step: Step, _ plan: ApplyPlan, _ idempotencyKey: String?, _ connection: any DatabaseWriting
    ) throws {
        try connection.execute(
            """
            INSERT INTO revisions
                (tenant, workspace, revision, parent, rolled_back_to, applied_at, principal, idempotency_key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            scope + [
                .integer(step.number), .integer(plan.baseRevision), .optional(plan.rolledBackTo), .timestamp(step.now),
                .text(step.principal), .optional(idempotencyKey),
            ])
    }

    private func insertMember(
        _ definition: Definition, _ held: DefinitionVersion?, _ step: Step, _ connection: any DatabaseWriting
    ) throws {
        let key: [DatabaseValue] = [.text(definition.kind.rawValue), .text(definition.name)]
        let version = try version(of: definition, held, key, step, connection)
        try connection.execute(
            """
            INSERT INTO revision_members (tenant, workspace, revision, kind, name, version)
            VALUES ($1, $2, $3, $4, $5, $6)
            """, scope + [.integer(step.number)] + key + [.integer(version)])
    }

    /// The version with the definition's text, made where there is none.
    private func version(
        of definition: Definition, _ held: DefinitionVersion?, _ key: [DatabaseValue], _ step: Step,
        _ connection: any DatabaseWriting
    ) throws -> Int64 {
        // Compared as texts of today, so that a new way of writing texts makes no new versions.
        let text = definition.canonicalText
        if let held, held.definition.canonicalText == text { return held.version }
        let rows = try connection.rows(
            """
            SELECT version, definition FROM definition_versions
            WHERE tenant = $1 AND workspace = $2 AND kind = $3 AND name = $4 ORDER BY version
            """, scope + key)
        for row in rows where try Definition(canonical: try row.text(1)).canonicalText == text {
            return try row.integer(0)
        }
        let version = (try rows.last?.integer(0) ?? 0) + 1
        try connection.execute(
            """
            INSERT INTO definition_versions
                (tenant, workspace, kind, name, version, definition, revision, applied_at, principal)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            scope + key + [
                .integer(version), .text(text), .integer(step.number), .timestamp(step.now), .text(step.principal),
            ])
        return version
    }
}
