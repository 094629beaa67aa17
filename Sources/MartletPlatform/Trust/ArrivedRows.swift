internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletQuality
internal import MartletQuery
internal import MartletTables

/// All events of a source up to an offset of the log, and which of them are live, told from the events alone: from
/// `bronze.SOURCE` and what only the log has yet, not from what landing or the stream have made of them.
struct ArrivedRows {
    private let source: SourceDefinition
    private let columns: String
    /// Inserts, updates and deletes, without what checks hold back: it never was.
    private let arrived: String

    /// Makes the temporary table `_logged` of what is in the log alone.
    /// - Parameters:
    ///   - end: events with greater offsets are left out.
    ///   - readsLog: whether this process has the log; otherwise all is in bronze.
    /// - Throws: `notFound` where the log has let go of events that bronze does not have.
    init(
        _ source: SourceDefinition, upTo end: Int64, readsLog: Bool, _ definitions: AppliedDefinitions,
        _ workspace: Workspace, _ connection: QueryConnection
    ) throws {
        self.source = source
        columns = source.landedSchema.names.map(quotedIdentifier).joined(separator: ", ")
        let name = source.about.name
        let bronze = try workspace.table(.bronze(name))
        let landed = try bronze.exists() ? bronze.snapshot() : nil
        var logged: LoggedRows?
        if readsLog {
            let intake = try workspace.intake
            let start = landed?.transactionVersion(of: Workspace.logTransaction) ?? 0
            logged = try LoggedRows(
                source, version: try workspace.sourceVersion(name, definitions),
                from: max(start, intake.log.startOffset), to: end, in: intake.log, intake.schemas)
        }
        let schema = source.arrivedSchema
        if let logged {
            try connection.register("_logged_rows", logged.rows)
        } else {
            try connection.register(
                "_logged_rows", RecordBatch(schema: schema, columns: schema.fields.map { .nulls($0.type, count: 0) }))
        }
        try connection.execute("CREATE OR REPLACE TEMP TABLE _logged AS SELECT * FROM _logged_rows")
        var all = "SELECT * FROM _logged"
        if let landed { all += " UNION ALL BY NAME SELECT * FROM (\(try bronze.scanSQL(landed)))" }
        var condition = "_position < \(end)"
        if let held = heldRowCondition(definitions.checks(of: name)) {
            condition += " AND (_operation = 'delete' OR NOT coalesce((\(held)), false))"
        }
        arrived = "SELECT * FROM (\(all)) WHERE \(condition)"
    }

    /// The rows of all events but deletes, whether they are live or not.
    var said: String { "SELECT \(columns) FROM (\(arrived)) WHERE _operation <> 'delete'" }

    /// The rows that are live when all events have happened: of an id the last one that says something, where that is
    /// no delete; an insert whose id was there before says nothing.
    /// - Parameter positions: a SELECT of positions; ids that none of these events has are left out.
    func live(withIDsAt positions: String) -> String {
        if source.id.isEmpty { return said }
        let id = source.id.map(quotedIdentifier).joined(separator: ", ")
        let wanted = "SELECT (\(id)) FROM (\(arrived)) WHERE _position IN (\(positions))"
        return """
            SELECT \(columns) FROM (
                SELECT *, row_number() OVER (PARTITION BY \(id) ORDER BY _position DESC) AS _newest FROM (
                    SELECT *, min(_position) FILTER (WHERE _operation <> 'delete') OVER (PARTITION BY \(id)) AS _first
                    FROM (\(arrived)) WHERE (\(id)) IN (\(wanted))
                ) WHERE _operation <> 'insert' OR _position = _first
            ) WHERE _newest = 1 AND _operation <> 'delete'
            """
    }
}
