package import MartletCore
package import MartletDatabase
package import MartletDefinitions

/// The definitions of one workspace as they were applied, every version of them, and the records of what was done with them.
///
/// A **version** of a definition is a text; applying a text that was there before brings back its old number. A **revision** is a
/// full set of definition versions: the state after an apply or a rollback, counted from 1.
package struct Registry: Sendable {
    let database: any Database
    let workspace: WorkspaceID

    /// Brings the database's schema up to date.
    package init(_ database: some Database, workspace: WorkspaceID, now: Timestamp) throws {
        try RegistryMigrations.all.migrate(database, now: now)
        self.database = database
        self.workspace = workspace
    }

    var scope: [Value] { [.string(workspace.tenant.name), .string(workspace.name)] }
}

/// A definition with the number of its version, counted from 1.
package struct VersionedDefinition: Sendable, Hashable {
    package let definition: Definition
    package let version: Int
}

package struct Revision: Sendable, Hashable {
    package let number: Int
    /// The revision before it; 0 for the first.
    package let parent: Int
    package let reason: String
    package let createdAt: Timestamp
    package let createdBy: String
}

extension Registry {
    /// The number of the current revision; 0 where nothing was ever applied.
    package func currentRevision() throws -> Int { try database.read { try newestRevision($0) } }

    /// The definitions of a revision, in the order of their kinds, then their names.
    /// - Parameter revision: nil means the current one.
    /// - Throws: `notFound` for a revision that does not exist.
    package func definitions(at revision: Int? = nil) throws -> [VersionedDefinition] {
        try database.read { session in
            let number = try revision ?? newestRevision(session)
            if number == 0 { return [] }
            try requireRevision(number, session)
            let rows = try session.query(
                """
                SELECT d.canonical AS canonical, d.version AS version FROM revision_definitions r
                JOIN definitions d ON d.tenant = r.tenant AND d.workspace = r.workspace AND d.kind = r.kind
                    AND d.name = r.name AND d.version = r.version
                WHERE r.tenant = ? AND r.workspace = ? AND r.revision = ?
                """, scope + [.int64(Int64(number))])
            return try rows.map {
                VersionedDefinition(
                    definition: try Definition(canonical: $0.text("canonical")), version: Int(try $0.integer("version")))
            }.sorted { $0.definition.key < $1.definition.key }
        }
    }

    /// Every version of one definition, oldest first.
    package func history(of key: DefinitionKey) throws -> [(version: VersionedDefinition, at: Timestamp, by: String)] {
        try database.read { session in
            let rows = try session.query(
                """
                SELECT canonical, version, created_at, created_by FROM definitions
                WHERE tenant = ? AND workspace = ? AND kind = ? AND name = ? ORDER BY version
                """, scope + [.string(key.kind.rawValue), .string(key.name)])
            return try rows.map { row in
                let definition = try Definition(canonical: row.text("canonical"))
                return (
                    VersionedDefinition(definition: definition, version: Int(try row.integer("version"))),
                    try row.timestamp("created_at"), try row.text("created_by")
                )
            }
        }
    }

    /// The revisions, newest first.
    package func revisions() throws -> [Revision] {
        try database.read { session in
            try session.query(
                """
                SELECT revision, parent, reason, created_at, created_by FROM revisions
                WHERE tenant = ? AND workspace = ? ORDER BY revision DESC
                """, scope
            ).map { row in
                Revision(
                    number: Int(try row.integer("revision")), parent: Int(try row.integer("parent")),
                    reason: try row.text("reason"), createdAt: try row.timestamp("created_at"),
                    createdBy: try row.text("created_by"))
            }
        }
    }

    func newestRevision(_ session: any DatabaseSession) throws -> Int {
        let rows = try session.query(
            "SELECT coalesce(max(revision), 0) AS revision FROM revisions WHERE tenant = ? AND workspace = ?", scope)
        return Int(try rows[0].integer("revision"))
    }

    func requireRevision(_ number: Int, _ session: any DatabaseSession) throws {
        let rows = try session.query(
            "SELECT revision FROM revisions WHERE tenant = ? AND workspace = ? AND revision = ?",
            scope + [.int64(Int64(number))])
        guard !rows.isEmpty else {
            throw MartletError(
                .notFound, "there is no revision \(number)", fix: "the newest is \(try newestRevision(session))")
        }
    }
}
