package import MartletCore

/// Takes the schema of one component of a database up and down. Several components may share a database.
package struct Migrator: Sendable {
    private let database: any Database
    private let component: String
    private let migrations: [Migration]

    /// - Parameter component: whose schema this is, such as `registry`.
    package init(database: any Database, component: String, migrations: [Migration]) {
        precondition(
            migrations.map(\.number) == Array(1..<(migrations.count + 1)), "migrations are numbered from 1 without gaps"
        )
        self.database = database
        self.component = component
        self.migrations = migrations
    }

    /// The number of the last migration that was applied; 0 for a new database.
    package func current() throws -> Int {
        try database.read { connection in
            try hasTable(connection) ? try current(connection) : 0
        }
    }

    /// What would be done.
    /// - Parameter number: nil means the newest.
    /// - Throws: `conflict` where the database was made by a newer program or by scripts that differ from these.
    package func plan(to number: Int? = nil) throws -> MigrationPlan {
        try database.read { connection in
            try plan(from: try hasTable(connection) ? try current(connection) : 0, to: number)
        }
    }

    /// Applies what is missing, all or nothing.
    /// - Parameter isDryRun: runs every script and undoes it, so that a script that fails is found.
    /// - Returns: what was done; empty where there was nothing to do.
    @discardableResult
    package func apply(to number: Int? = nil, now: Timestamp, isDryRun: Bool = false) throws -> MigrationPlan {
        // Most starts find nothing to do, and reading does not wait for another writer.
        let known = try plan(to: number)
        if known.isEmpty { return known }
        return try run(now: now, isDryRun: isDryRun) { try plan(from: $0, to: number) }
    }

    /// Goes back to an earlier number, all or nothing.
    @discardableResult
    package func rollback(to number: Int, now: Timestamp, isDryRun: Bool = false) throws -> MigrationPlan {
        try run(now: now, isDryRun: isDryRun) { current in
            guard (0...current).contains(number) else {
                throw MartletError(
                    .usage, "the schema of \(component) is at \(current) and cannot go back to \(number)")
            }
            let steps = migrations[number..<current].reversed().map {
                MigrationPlan.Step(migration: $0, direction: .down)
            }
            return MigrationPlan(from: current, to: number, steps: steps)
        }
    }

    /// Ends a dry run, carrying what was done out of the transaction that it undoes.
    private struct DryRun: Error { let plan: MigrationPlan }

    private func run(
        now: Timestamp, isDryRun: Bool, _ makePlan: (Int) throws -> MigrationPlan
    ) throws -> MigrationPlan {
        do {
            return try database.write { connection in
                try connection.execute(createTable)
                let plan = try makePlan(current(connection))
                for step in plan.steps { try take(step, connection, now) }
                if isDryRun { throw DryRun(plan: plan) }
                return plan
            }
        } catch let end as DryRun {
            return end.plan
        }
    }

    private func take(_ step: MigrationPlan.Step, _ connection: any DatabaseWriting, _ now: Timestamp) throws {
        do {
            try connection.executeScript(step.sql)
        } catch let error as MartletError {
            throw MartletError(
                error.code, "the migration of \(component), \(step), failed", place: error.place, cause: error)
        }
        let migration = step.migration
        switch step.direction {
        case .up:
            try connection.execute(
                """
                INSERT INTO schema_migrations (component, number, name, fingerprint, applied_at)
                VALUES ($1, $2, $3, $4, $5)
                """,
                [
                    .text(component), .integer(migration.number), .text(migration.name), .text(migration.fingerprint),
                    .timestamp(now),
                ])
        case .down:
            try connection.execute(
                "DELETE FROM schema_migrations WHERE component = $1 AND number = $2",
                [.text(component), .integer(migration.number)])
        }
    }

    private func plan(from current: Int, to number: Int?) throws -> MigrationPlan {
        let target = number ?? migrations.count
        guard target <= migrations.count else {
            throw MartletError(.usage, "the schema of \(component) has \(migrations.count) migrations, not \(target)")
        }
        let steps = migrations[min(current, target)..<target].map { MigrationPlan.Step(migration: $0, direction: .up) }
        return MigrationPlan(from: current, to: max(current, target), steps: steps)
    }

    private func hasTable(_ connection: any DatabaseReading) throws -> Bool {
        try connection.tableNames().contains("schema_migrations")
    }

    /// The number reached; the scripts that led there must be these.
    private func current(_ connection: any DatabaseReading) throws -> Int {
        let rows = try connection.rows(
            "SELECT number, fingerprint FROM schema_migrations WHERE component = $1 ORDER BY number", [.text(component)]
        )
        for (index, row) in rows.enumerated() {
            guard index < migrations.count else {
                throw MartletError(
                    .conflict,
                    "the schema of \(component) is at \(rows.count), newer than the \(migrations.count) known here",
                    fix: "use the newer version of Martlet, or go back with it first")
            }
            guard try row.integer(0) == Int64(index + 1), try row.text(1) == migrations[index].fingerprint else {
                throw MartletError(
                    .conflict,
                    "the schema of \(component) was made by another migration \(index + 1) than the one known here",
                    fix: "use the version of Martlet that made it")
            }
        }
        return rows.count
    }
}

private let createTable = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        component TEXT NOT NULL,
        number BIGINT NOT NULL,
        name TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        applied_at BIGINT NOT NULL,
        PRIMARY KEY (component, number)
    )
    """
