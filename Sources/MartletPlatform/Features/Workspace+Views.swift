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
        }
        return versions
    }

    /// The query that gives a view's rows; the connection must have the view's sources attached.
    func viewQuery(
        _ view: FeatureViewDefinition, _ definitions: AppliedDefinitions, _ connection: QueryConnection
    ) throws -> ViewQuery {
        guard let source = view.source else { throw view.hasNoRows }
        let relation = view.reads.isEmpty ? nil : try rowsWithReads(view, definitions, connection)
        return try ViewQuery(
            view, keys: definitions.keys(of: view),
            relation: ViewRelation(
                view, source: definitions.source(source), sql: relation, connection: connection))
    }
}
