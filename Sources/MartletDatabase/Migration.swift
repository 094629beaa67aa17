package import MartletCore

/// A numbered step of a schema, with the way back.
package struct Migration: Sendable, Hashable {
    /// From 1 on, without gaps.
    package let number: Int
    package let name: String
    package let up: String
    package let down: String

    package init(_ number: Int, _ name: String, up: String, down: String) {
        self.number = number
        self.name = name
        self.up = up
        self.down = down
    }
}

/// Brings a database to a version of its schema, up or down, one transaction for the whole way.
package struct Migrator: Sendable {
    package let migrations: [Migration]

    /// - Precondition: the numbers are 1, 2, 3, …
    package init(_ migrations: [Migration]) {
        precondition(migrations.map(\.number) == Array(1..<migrations.count + 1), "migrations are numbered from 1 on")
        self.migrations = migrations
    }

    package struct Step: Sendable, Hashable, CustomStringConvertible {
        package let migration: Migration
        package let isUp: Bool
        package var sql: String { isUp ? migration.up : migration.down }
        package var description: String { "\(isUp ? "up" : "down") \(migration.number) \(migration.name)" }
    }

    /// The number of the newest migration that is in place; 0 for an empty database.
    package func version(of database: some Database) throws -> Int {
        try database.write { session in
            try session.runScript(Self.table)
            return try Int(session.query("SELECT coalesce(max(number), 0) AS number FROM schema_migrations")[0].integer("number"))
        }
    }

    /// What `migrate` would run: the dry run.
    /// - Parameter target: the version wanted; nil means the newest.
    /// - Throws: `conflict` where the database is newer than this program knows.
    package func plan(_ database: some Database, to target: Int? = nil) throws -> [Step] {
        let current = try version(of: database)
        let target = target ?? migrations.count
        guard current <= migrations.count else {
            throw MartletError(
                .conflict, "the registry has schema version \(current), this program knows \(migrations.count)",
                fix: "use the version of martlet that made it, or a newer one")
        }
        precondition((0...migrations.count).contains(target), "the target is a known version")
        if target >= current { return migrations[current..<target].map { Step(migration: $0, isUp: true) } }
        return migrations[target..<current].reversed().map { Step(migration: $0, isUp: false) }
    }

    /// Runs the plan; nothing of it stands where one step fails.
    @discardableResult
    package func migrate(_ database: some Database, to target: Int? = nil, now: Timestamp) throws -> [Step] {
        let steps = try plan(database, to: target)
        if steps.isEmpty { return [] }
        try database.write { session in
            for step in steps {
                try session.runScript(step.sql)
                if step.isUp {
                    try session.execute(
                        "INSERT INTO schema_migrations (number, name, applied_at) VALUES (?, ?, ?)",
                        [.int64(Int64(step.migration.number)), .string(step.migration.name), .timestamp(now)])
                } else {
                    try session.execute(
                        "DELETE FROM schema_migrations WHERE number = ?", [.int64(Int64(step.migration.number))])
                }
            }
        }
        return steps
    }

    private static let table = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)
        """
}
