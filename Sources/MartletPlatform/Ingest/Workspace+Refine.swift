package import MartletCore
internal import MartletDefinitions
package import MartletQuality
internal import MartletQuery
internal import MartletTables

/// What a step from bronze to silver did.
package struct RefinementReport: Sendable {
    package var pendingRows = 0
    package var duplicates = 0
    /// Rows that failed a check of severity `error` or `critical`, now in `quarantine.SOURCE`.
    package var quarantined = 0
    package var silverRows = 0
    package var silverVersion: Int64?
    /// nil where the source has no checks.
    package var checks: CheckReport?
    /// Set where a critical check stopped the step: nothing went to silver and the rows stay pending.
    package var criticalFailure: MartletError?
}

extension Workspace {
    /// Appends the bronze rows that silver has not seen, less duplicates and less what checks hold back.
    ///
    /// Both tables remember in a transaction how far they have come (the next `_position`), so a crash between them is
    /// made good by the next run, and a repetition adds nothing.
    func refine(
        _ source: SourceDefinition, _ checks: [ChecksDefinition], _ connection: QueryConnection
    ) throws -> RefinementReport? {
        let name = source.about.name
        let (bronze, silver) = (try table(.bronze(name)), try table(.silver(name)))
        guard try bronze.exists() else { return nil }
        let landed = try bronze.snapshot()
        let refined = try silver.exists() ? silver.snapshot() : nil
        let from = refined?.transactionVersion(of: "refine") ?? 0
        let upTo = landed.rowCount ?? 0
        guard upTo > from else { return nil }

        var report = RefinementReport()
        report.pendingRows = Int(upTo - from)
        try stageCandidates(
            source, "(\(bronze.scanSQL(landed))) WHERE _position >= \(from) AND _position < \(upTo)", connection)
        defer { try? connection.execute("DROP TABLE IF EXISTS candidates") }
        let known = try refined.map { try silver.scanSQL($0) }
        try dropDuplicates(source, known, connection)
        let kept = Int(try connection.value("SELECT count(*) FROM candidates").number ?? 0)
        report.duplicates = report.pendingRows - kept

        var good = "SELECT * FROM candidates"
        if !checks.isEmpty {
            let run = try CheckRun(
                checks, rows: "candidates", known: known.map { "(\($0))" }, now: time.now(), connection: connection)
            report.checks = run.report
            let rows = run.failingRows
            report.quarantined = run.report.failingRowCount
            let isStopped = run.report.isCritical
            if report.quarantined > 0 {
                var options = WriteOptions()
                options.evolution = .addColumns
                // A critical failure leaves the rows pending: the stop is remembered apart, so that they are listed
                // once.
                options.transaction = .init(appID: isStopped ? "stopped" : "refine", version: upTo)
                try table(.quarantine(name)).append(
                    "SELECT * EXCLUDE (_arrival_time, _position), 'check' AS _stage FROM (\(rows))", on: connection,
                    options)
            }
            if isStopped {
                report.criticalFailure = MartletError(
                    .checkFailed, "a critical check of source \(name) failed: \(run.report.summary)",
                    fix: "\(report.quarantined) rows are in quarantine.\(name) with the reason; all rows are in "
                        + "bronze.\(name) and wait: mend the data or the checks, then run martlet ingest \(name)")
                return report
            }
            good = run.passingRows
        }
        var options = WriteOptions()
        options.schema = source.landedSchema
        options.transaction = .init(appID: "refine", version: upTo)
        options.notes = ["bronzeVersion": landed.version.description]
        let columns = source.landedSchema.names.map(quotedIdentifier).joined(separator: ", ")
        let result = try silver.append(
            "SELECT \(columns) FROM (\(good)) ORDER BY _position", on: connection, options)
        report.silverRows = Int(result.rowCount)
        report.silverVersion = result.version
        return report
    }

    private func stageCandidates(_ source: SourceDefinition, _ pending: String, _ connection: QueryConnection) throws {
        try connection.execute("CREATE OR REPLACE TEMP TABLE candidates AS SELECT * FROM \(pending)")
    }

    /// Of rows with equal id the one that arrived first stays, then the one with the lower position.
    private func dropDuplicates(_ source: SourceDefinition, _ known: String?, _ connection: QueryConnection) throws {
        if source.id.isEmpty { return }
        let id = source.id.map(quotedIdentifier).joined(separator: ", ")
        let equal = source.id.map { "candidates.\(quotedIdentifier($0)) = first.\(quotedIdentifier($0))" }
            .joined(separator: " AND ")
        try connection.execute(
            """
            DELETE FROM candidates USING (
                SELECT \(id), arg_min(_position, (_arrival_time, _position)) AS kept
                FROM candidates GROUP BY \(id) HAVING count(*) > 1
            ) AS first WHERE \(equal) AND candidates._position <> first.kept
            """)
        if let known {
            try connection.execute(
                "DELETE FROM candidates USING (SELECT \(id) FROM (\(known))) AS first WHERE \(equal)")
        }
    }
}
