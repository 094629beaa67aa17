internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The tables that values were computed from, with their versions: `["silver.payments": 12]`.
typealias TableVersions = [String: Int64]

extension Workspace {
    /// Makes each source that the view and those read by it need a temporary view of the connection, over the live rows
    /// of its silver table.
    /// - Parameters:
    ///   - pinned: versions to read where they are named; others are read as they are now.
    ///   - offset: leaves out, and out of account, events from this offset of the log on; nil takes all.
    /// - Returns: the versions read.
    /// - Throws: `notFound` for a source that has no rows yet.
    func attachSources(
        of view: FeatureViewDefinition, _ definitions: AppliedDefinitions, pinned: TableVersions = [:],
        before offset: Int64? = nil, to connection: QueryConnection
    ) throws -> TableVersions {
        var versions: TableVersions = [:]
        let sources = definitions.sources.map(\.about.name)
        let needed = try definitions.closure(of: view).flatMap { view in
            view.querySources(among: sources) + (view.source.map { [$0] } ?? [])
        }
        for name in Set(needed).sorted() {
            guard let rows = try liveRows(of: name, pinned: pinned, before: offset) else {
                throw MartletError(
                    .notFound, "source \(name) has no rows yet", fix: "ingest some: martlet ingest \(name) FILE")
            }
            versions.merge(rows.versions) { $1 }
            try connection.execute("CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(name)) AS \(rows.sql)")
            let held = quotedIdentifier(LiveRows.heldName(name))
            if let sql = rows.heldSQL {
                try connection.execute("CREATE OR REPLACE TEMP VIEW \(held) AS \(sql)")
            } else {
                try connection.execute("DROP VIEW IF EXISTS \(held)")
            }
        }
        return versions
    }

    /// The query that gives a view's rows; the connection must have the view's sources attached.
    /// - Parameter includesRemoved: whether to give the rows that were taken back, too, and when: what counts as known.
    ///   The query of a `sql:` view sees live rows only.
    func viewQuery(
        _ view: FeatureViewDefinition, _ definitions: AppliedDefinitions, _ connection: QueryConnection,
        includesRemoved: Bool = false
    ) throws -> ViewQuery {
        guard let source = view.source else { throw view.hasNoRows }
        var relation: String?
        if includesRemoved, view.sql == nil {
            let held = LiveRows.heldName(source)
            let found = try connection.value(
                "SELECT count(*) FROM duckdb_views() WHERE temporary AND view_name = \(quotedLiteral(held))")
            if found.number == 1 { relation = quotedIdentifier(held) }
        }
        if !view.reads.isEmpty { relation = try rowsWithReads(view, definitions, connection, of: relation) }
        return try ViewQuery(
            view, keys: definitions.keys(of: view),
            relation: ViewRelation(
                view, source: definitions.source(source), sql: relation, connection: connection))
    }
}
