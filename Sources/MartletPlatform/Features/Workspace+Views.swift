internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery
internal import MartletTables

/// The tables that values were computed from, with their versions: `["silver.payments": 12]`.
typealias TableVersions = [String: Int64]

extension Workspace {
    /// Makes each source that the view reads a temporary view of the connection, over its silver table.
    /// - Parameter pinned: versions to read where they are named; others are read as they are now.
    /// - Returns: the versions read.
    /// - Throws: `notFound` for a source that has no rows yet.
    func attachSources(
        of view: FeatureViewDefinition, _ definitions: AppliedDefinitions, pinned: TableVersions = [:],
        to connection: QueryConnection
    ) throws -> TableVersions {
        var versions: TableVersions = [:]
        for name in Set(view.querySources(among: definitions.sources.map(\.about.name)) + [view.source]).sorted() {
            let silver = try table(.silver(name))
            guard try silver.exists() else {
                throw MartletError(
                    .notFound, "source \(name) has no rows yet", fix: "ingest some: martlet ingest \(name) FILE")
            }
            let key = silver.name.description
            let snapshot = try pinned[key].map { try silver.snapshot(version: $0) } ?? silver.snapshot()
            versions[key] = snapshot.version
            try connection.execute(
                "CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(name)) AS \(silver.scanSQL(snapshot))")
        }
        return versions
    }

    /// The query that gives a view's rows; the connection must have the view's sources attached.
    func viewQuery(
        _ view: FeatureViewDefinition, _ definitions: AppliedDefinitions, _ connection: QueryConnection
    ) throws -> ViewQuery {
        try ViewQuery(
            view, keys: definitions.keys(of: view), source: definitions.source(view.source), connection: connection)
    }
}
