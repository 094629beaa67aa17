package import MartletCore
internal import MartletDatabase
package import MartletDefinitions

extension Registry {
    /// Makes `definitions` the whole of the workspace, as one revision, or changes nothing.
    /// - Parameter base: the revision that the change was planned against.
    /// - Returns: the revision now current; `base` itself where nothing differs from it.
    /// - Throws: `stalePlan` where another revision has become current since.
    package func apply(
        _ definitions: [Definition], basedOn base: Int, reason: String, principal: Principal, now: Timestamp
    ) throws -> Int {
        try database.write { session in
            try requireCurrent(base, session)
            var members: [(key: DefinitionKey, version: Int)] = []
            for definition in definitions {
                members.append((definition.key, try version(of: definition, principal, now, session)))
            }
            if base > 0, try members.elementsEqual(self.members(of: base, session), by: ==) { return base }
            return try addRevision(members, parent: base, reason: reason, principal, now, session)
        }
    }

    /// Makes the definitions of an earlier revision current again, as a new revision.
    /// - Throws: `notFound` for a revision that does not exist.
    package func rollback(to revision: Int, principal: Principal, now: Timestamp) throws -> Int {
        try database.write { session in
            try requireRevision(revision, session)
            let current = try newestRevision(session)
            let members = try members(of: revision, session)
            if try members.elementsEqual(self.members(of: current, session), by: ==) { return current }
            return try addRevision(members, parent: current, reason: "rollback to \(revision)", principal, now, session)
        }
    }

    private func requireCurrent(_ base: Int, _ session: any DatabaseSession) throws {
        let current = try newestRevision(session)
        guard current == base else {
            throw MartletError(
                .stalePlan, "the plan was made for revision \(base), the current one is \(current)",
                fix: "run martlet plan again, look at it, and apply that")
        }
    }

    /// The number of the version that has this text; a new one where there is none.
    private func version(
        of definition: Definition, _ principal: Principal, _ now: Timestamp, _ session: any DatabaseSession
    ) throws -> Int {
        let identity = scope + [.string(definition.kind.rawValue), .string(definition.name)]
        let text = definition.canonicalText
        let known = try session.query(
            """
            SELECT version, canonical FROM definitions
            WHERE tenant = ? AND workspace = ? AND kind = ? AND name = ? ORDER BY version
            """, identity)
        for row in known where try row.text("canonical") == text { return Int(try row.integer("version")) }
        let version = known.count + 1
        try session.execute(
            """
            INSERT INTO definitions (tenant, workspace, kind, name, version, canonical, created_at, created_by)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """, identity + [.int64(Int64(version)), .string(text), .timestamp(now), .string(principal.name)])
        return version
    }

    /// The set of a revision in the order of keys.
    private func members(of revision: Int, _ session: any DatabaseSession) throws -> [(key: DefinitionKey, version: Int)] {
        try session.query(
            "SELECT kind, name, version FROM revision_definitions WHERE tenant = ? AND workspace = ? AND revision = ?",
            scope + [.int64(Int64(revision))]
        ).map { row in
            guard let kind = Definition.Kind(rawValue: try row.text("kind")) else {
                throw MartletError(.corruptData, "the registry holds a kind of definition that this program does not know")
            }
            return (DefinitionKey(kind, try row.text("name")), Int(try row.integer("version")))
        }.sorted { $0.0 < $1.0 }
    }

    private func addRevision(
        _ members: [(key: DefinitionKey, version: Int)], parent: Int, reason: String, _ principal: Principal,
        _ now: Timestamp, _ session: any DatabaseSession
    ) throws -> Int {
        let number = parent + 1
        try session.execute(
            """
            INSERT INTO revisions (tenant, workspace, revision, parent, reason, created_at, created_by)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            scope + [
                .int64(Int64(number)), .int64(Int64(parent)), .string(reason), .timestamp(now), .string(principal.name),
            ])
        for member in members {
            try session.execute(
                """
                INSERT INTO revision_definitions (tenant, workspace, revision, kind, name, version) VALUES (?, ?, ?, ?, ?, ?)
                """,
                scope + [
                    .int64(Int64(number)), .string(member.key.kind.rawValue), .string(member.key.name),
                    .int64(Int64(member.version)),
                ])
        }
        return number
    }
}
