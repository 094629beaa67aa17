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
    /// Rows of silver that updates and deletes took back, now in `removed.SOURCE`.
    package var removedRows = 0
    package var silverVersion: Int64?
    /// nil where the source has no checks.
    package var checks: CheckReport?
    /// Set where a critical check stopped the step: nothing went to silver and the rows stay pending.
    package var criticalFailure: MartletError?
}

extension Workspace {
    /// Appends the bronze rows that silver has not seen, less duplicates and less what checks hold back, and notes
    /// which rows their updates and deletes take back.
    ///
    /// Both tables remember in a transaction how far they have come (an offset of the log), so a crash between them is
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
        let upTo = landed.transactionVersion(of: Self.logTransaction) ?? 0
        guard upTo > from else { return nil }

        var report = RefinementReport()
        let pending = try PendingRows(
            source, from: "(\(bronze.scanSQL(landed))) WHERE _position >= \(from) AND _position < \(upTo)", connection)
        defer { pending.drop() }
        report.pendingRows = try pending.count()
        guard report.pendingRows > 0 else { return nil }
        let live = try liveRows(of: name)?.sql
        report.duplicates = try pending.dropDuplicates(known: refined.map { try silver.scanSQL($0) })
        var heldUpdates: String?
        if pending.changes > 0 {
            heldUpdates = try holdBackUpdates(pending, checks, connection)
            try pending.settleChanges(heldWhere: heldRowCondition(checks))
        }

        var good = "SELECT * FROM candidates"
        var failing: [String] = []
        if let heldUpdates {
            failing.append(heldUpdates)
            report.quarantined += Int(try connection.value("SELECT count(*) FROM (\(heldUpdates))").number ?? 0)
        }
        // Where only deletes are pending there is nothing to check.
        if !checks.isEmpty, try pending.count() > 0 {
            let run = try CheckRun(
                checks, rows: "candidates", known: live.map { "(\(pending.left(of: $0)))" }, now: time.now(),
                connection: connection)
            report.checks = run.report
            failing.append(run.failingRows)
            report.quarantined += run.report.failingRowCount
            good = run.passingRows
        }
        let isStopped = report.checks?.isCritical ?? false
        if report.quarantined > 0 {
            let rows = failing.map { "(\($0))" }.joined(separator: " UNION ALL BY NAME ")
            var options = WriteOptions()
            options.evolution = .addColumns
            // A critical failure leaves the rows pending: the stop is remembered apart, so that they are listed once.
            options.transaction = .init(appID: isStopped ? "stopped" : "refine", version: upTo)
            try table(.quarantine(name)).append(
                "SELECT * EXCLUDE (_arrival_time, _position, _operation), 'check' AS _stage FROM (\(rows))",
                on: connection, options)
        }
        if isStopped {
            report.criticalFailure = MartletError(
                .checkFailed, "a critical check of source \(name) failed: \(report.checks?.summary ?? "")",
                fix: "\(report.quarantined) rows are in quarantine.\(name) with the reason; all rows are in "
                    + "bronze.\(name) and wait: mend the data or the checks, then run martlet ingest \(name)")
            return report
        }
        if pending.changes > 0 {
            // Before the rows that take their place: who reads in between misses them, and none is there twice.
            var options = WriteOptions()
            options.schema = LiveRows.removedSchema
            options.transaction = .init(appID: "refine", version: upTo)
            let removed = try table(.removed(name))
            let noted = try removed.exists() ? removed.scanSQL(removed.snapshot()) : nil
            let gone = try removed.append(
                pending.removed(from: refined.map { try silver.scanSQL($0) }, noted: noted, good: good),
                on: connection, options)
            report.removedRows = Int(gone.rowCount)
            // What was replaced before it came here counted until then, as known.
            good = "SELECT * FROM (\(good)) UNION ALL BY NAME SELECT * FROM superseded"
        }
        var options = WriteOptions()
        options.schema = source.landedSchema
        options.evolution = .addColumns
        options.transaction = .init(appID: "refine", version: upTo)
        options.notes = ["bronzeVersion": landed.version.description]
        let columns = source.landedSchema.names.map(quotedIdentifier).joined(separator: ", ")
        let result = try silver.append(
            "SELECT \(columns) FROM (\(good)) ORDER BY _position", on: connection, options)
        report.silverRows = Int(result.rowCount)
        report.silverVersion = result.version
        return report
    }

    /// Updates that fail a check about themselves, each with its reasons, as a SELECT; nil where there are none.
    private func holdBackUpdates(
        _ pending: PendingRows, _ checks: [ChecksDefinition], _ connection: QueryConnection
    ) throws -> String? {
        guard let condition = heldRowCondition(checks), try pending.holdBackUpdates(where: condition) > 0 else {
            return nil
        }
        let run = try CheckRun(checks, rows: "held_updates", known: nil, now: time.now(), connection: connection)
        // The next run of checks makes its tables anew.
        try connection.execute("CREATE OR REPLACE TEMP TABLE held_reasons AS \(run.failingRows)")
        return "SELECT * FROM held_reasons"
    }
}
