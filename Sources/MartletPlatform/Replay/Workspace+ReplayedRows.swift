internal import MartletCore
internal import MartletDefinitions
internal import MartletQuality
internal import MartletQuery
internal import MartletTables

extension Workspace {
    /// As `attachSources`, but from the events as they came: bronze within the window, of which duplicates, updates,
    /// deletes and checks, as they are applied now, make the rows anew. They are temporary tables, which spill to disk.
    /// - Throws: `checkFailed` where a critical check would stop them, `notFound` for a source without events.
    func attachReplayedSources(
        of view: FeatureViewDefinition, _ definitions: AppliedDefinitions, _ window: ReplayWindow,
        to connection: QueryConnection
    ) throws {
        let sources = definitions.sources.map(\.about.name)
        let needed = try definitions.closure(of: view).flatMap { view in
            view.querySources(among: sources) + (view.source.map { [$0] } ?? [])
        }
        for name in Set(needed).sorted() {
            let (live, held) = (quotedIdentifier(name), quotedIdentifier(LiveRows.heldName(name)))
            let rows = quotedIdentifier("_replayed_\(name)")
            let sql = try replayedRows(
                definitions.source(name), definitions.checks(of: name), window, connection)
            try connection.execute("CREATE OR REPLACE TEMP TABLE \(rows) AS \(sql)")
            try connection.execute(
                """
                CREATE OR REPLACE TEMP VIEW \(held) AS SELECT * FROM \(rows);
                CREATE OR REPLACE TEMP VIEW \(live) AS
                SELECT * EXCLUDE (_removed_time) FROM \(rows) WHERE _removed_time IS NULL
                """)
        }
    }

    /// A SELECT of the rows with `_removed_time`; it reads temporary tables that the next call makes anew.
    private func replayedRows(
        _ source: SourceDefinition, _ checks: [ChecksDefinition], _ window: ReplayWindow, _ connection: QueryConnection
    ) throws -> String {
        let name = source.about.name
        let bronze = try table(.bronze(name))
        guard try bronze.exists() else {
            throw MartletError(
                .notFound, "source \(name) has no events yet", fix: "ingest some: martlet ingest \(name) FILE")
        }
        let pending = try PendingRows(
            source, from: "(\(bronze.scanSQL(bronze.snapshot()))) WHERE \(window.condition)", connection)
        _ = try pending.dropDuplicates(known: nil)
        let heldRow = heldRowCondition(checks)
        if pending.changes > 0 {
            if let heldRow { _ = try pending.holdBackUpdates(where: heldRow) }
            try pending.settleChanges(heldWhere: heldRow)
        }
        var good = "SELECT * FROM candidates"
        if !checks.isEmpty, try pending.count() > 0 {
            let run = try CheckRun(checks, rows: "candidates", known: nil, now: time.now(), connection: connection)
            if run.report.isCritical {
                throw MartletError(
                    .checkFailed, "a critical check of source \(name) stops the replay: \(run.report.summary)",
                    fix: "mend the check, or replay a window without the rows that fail it")
            }
            good = run.passingRows
        }
        let columns = source.landedSchema.names.map(quotedIdentifier).joined(separator: ", ")
        guard pending.changes > 0 else {
            return "SELECT \(columns), NULL::TIMESTAMPTZ AS _removed_time FROM (\(good))"
        }
        return """
            SELECT made.*, gone._removed_time
            FROM (SELECT \(columns) FROM (SELECT * FROM (\(good)) UNION ALL BY NAME SELECT * FROM superseded)) AS made
            LEFT JOIN (\(pending.removed(from: nil, noted: nil, good: good))) AS gone ON made._position = gone._position
            """
    }
}
