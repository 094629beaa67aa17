internal import MartletCore
internal import MartletDatabase
package import MartletDefinitions

extension Registry {
    /// The definitions that hold now.
    package func current() throws -> AppliedSet {
        try database.read { try appliedSet(currentRevision($0), $0) }
    }

    /// The definitions that held at a revision; 0 is the empty beginning.
    /// - Throws: `notFound`.
    package func definitions(at revision: Int64) throws -> AppliedSet {
        try database.read { connection in
            let last = try currentRevision(connection)
            guard (0...last).contains(revision) else {
                throw MartletError(
                    .notFound, "the workspace has no revision \(revision)",
                    fix: last == 0 ? "nothing was applied yet" : "revisions go from 1 to \(last)")
            }
            return try appliedSet(revision, connection)
        }
    }

    /// Every version of a definition, the oldest first; empty where there never was one.
    package func history(_ kind: Definition.Kind, _ name: String) throws -> [DefinitionVersion] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT version, definition, revision, applied_at, principal FROM definition_versions
                WHERE tenant = $1 AND workspace = $2 AND kind = $3 AND name = $4 ORDER BY version
                """, scope + [.text(kind.rawValue), .text(name)]
            ).map { try DefinitionVersion($0) }
        }
    }

    /// The definition of one version.
    /// - Throws: `notFound`.
    package func definition(_ kind: Definition.Kind, _ name: String, version: Int64) throws -> DefinitionVersion {
        guard let found = try history(kind, name).first(where: { $0.version == version }) else {
            throw MartletError(.notFound, "there is no version \(version) of \(kind.rawValue) \(name)")
        }
        return found
    }

    /// The newest first.
    package func revisions(limit: Int = 100) throws -> [Revision] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT revision, parent, rolled_back_to, applied_at, principal FROM revisions
                WHERE tenant = $1 AND workspace = $2 ORDER BY revision DESC LIMIT $3
                """, scope + [.integer(limit)]
            ).map { row in
                Revision(
                    number: try row.integer(0), parent: try row.integer(1), rolledBackTo: try row.optionalInteger(2),
                    appliedAt: try row.timestamp(3), principal: try row.text(4))
            }
        }
    }

    func currentRevision(_ connection: any DatabaseReading) throws -> Int64 {
        let sql = "SELECT COALESCE(MAX(revision), 0) FROM revisions WHERE tenant = $1 AND workspace = $2"
        return try connection.row(sql, scope)?.integer(0) ?? 0
    }

    func appliedSet(_ revision: Int64, _ connection: any DatabaseReading) throws -> AppliedSet {
        let members = try connection.rows(
            """
            SELECT v.version, v.definition, v.revision, v.applied_at, v.principal
            FROM revision_members AS m
            JOIN definition_versions AS v
                ON v.tenant = m.tenant AND v.workspace = m.workspace AND v.kind = m.kind AND v.name = m.name
                AND v.version = m.version
            WHERE m.tenant = $1 AND m.workspace = $2 AND m.revision = $3
            """, scope + [.integer(revision)]
        ).map { try DefinitionVersion($0) }
        return AppliedSet(revision: revision, members: members.sorted { $0.key < $1.key })
    }
}

extension DefinitionVersion {
    /// From a row of `version, definition, revision, applied_at, principal`.
    fileprivate init(_ row: DatabaseRow) throws {
        self.init(
            definition: try Definition(canonical: try row.text(1)), version: try row.integer(0),
            revision: try row.integer(2), appliedAt: try row.timestamp(3), principal: try row.text(4))
    }
}
