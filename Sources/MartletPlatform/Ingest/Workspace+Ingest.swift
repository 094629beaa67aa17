package import MartletCore
internal import MartletDefinitions
internal import MartletObjects
internal import MartletQuality
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// What an ingestion did.
package struct IngestReport: Sendable {
    package var source: String
    /// Identifies the ingestion in `_batch` and in the registry.
    package var batch: String
    /// Whether these very files had been ingested before; then nothing was added.
    package var isRepeat = false
    package var rowsRead = 0
    /// Rows that do not fit the declared columns, now in `quarantine.SOURCE`.
    package var misfits = 0
    package var bronzeVersion: Int64?
    package var idempotencyKey = ""
    /// What happened between bronze and silver; nil where nothing was pending.
    package var refinement: RefinementReport?
    package var seconds = 0.0
}

extension Workspace {
    /// The one way in: lands files as `bronze.SOURCE` and refines what is pending into `silver.SOURCE`.
    ///
    /// Without files it only refines what is pending, for instance after a critical check stopped an earlier run.
    /// - Parameter idempotencyKey: ingestions with an equal key happen once; nil means the digest of the files.
    /// - Throws: `unknownName` for a source that is not applied, `missingColumn`, `typeMismatch` and `missingTimeZone`
    ///   for files that cannot be of this source. A row that does not fit is no error: it is quarantined. A critical
    ///   check that stopped the refinement is in the report. Where this throws before bronze is committed, nothing was
    ///   written.
    package func ingest(
        _ sourceName: String, files: [String], idempotencyKey: String? = nil, principal: Principal,
        progress: any ProgressReporter = SilentProgress()
    ) throws -> IngestReport {
        let started = time.monotonicNanoseconds()
        let definitions = try appliedDefinitions()
        let source = try definitions.source(sourceName)
        return try withLock("ingest-\(sourceName)") {
            let connection = try engine.connect()
            var report = IngestReport(source: sourceName, batch: "")
            if !files.isEmpty {
                try checkSizes(files)
                let key = try idempotencyKey ?? digest(of: files)
                report.idempotencyKey = key
                report.batch = String(key.prefix(16))
                try land(source, files, key, &report, connection, progress)
            }
            progress.report("check and refine \(sourceName)", done: 0, total: nil)
            report.refinement = try refine(source, definitions.checks(of: sourceName), connection)
            report.seconds = seconds(since: started)
            if !files.isEmpty { try record(report, files, definitions, principal) }
            return report
        }
    }

    private func checkSizes(_ files: [String]) throws {
        for file in files {
            let sizeBytes = try fileSizeBytes(file)
            guard sizeBytes <= settings.limits.fileBytes else {
                throw MartletError(
                    .limitExceeded, "the file has \(sizeBytes) bytes, the limit is \(settings.limits.fileBytes)",
                    place: .init(file: file), fix: "split it, or raise limits.file in martlet.yaml")
            }
        }
    }

    /// The digest of the files' bytes, whatever they are called.
    private func digest(of files: [String]) throws -> String {
        let digests = try files.map { try sha256OfFile($0) }
        guard digests.count > 1 else { return digests.first ?? "" }
        var digest = try SHA256Digest()
        for part in digests { try digest.update(part.utf8) }
        return try digest.finishAsHex()
    }

    private func record(
        _ report: IngestReport, _ files: [String], _ definitions: AppliedDefinitions, _ principal: Principal
    ) throws {
        var versions: [String: Int64] = [:]
        versions["bronze.\(report.source)"] = report.bronzeVersion
        versions["silver.\(report.source)"] = report.refinement?.silverVersion
        try registry.record(
            IngestRecord(
                source: report.source, idempotencyKey: report.idempotencyKey, origins: files,
                rowsRead: Int64(report.rowsRead), rowsLanded: Int64(report.rowsRead - report.misfits),
                rowsQuarantined: Int64(report.misfits + (report.refinement?.quarantined ?? 0)), tableVersions: versions,
                ingestedAt: time.now(), principal: principal.name))
    }

    /// Appends the rows that fit to bronze and the others to the quarantine, both under the key, so that a repetition
    /// after a crash between the two completes and adds nothing twice.
    private func land(
        _ source: SourceDefinition, _ files: [String], _ key: String, _ report: inout IngestReport,
        _ connection: QueryConnection, _ progress: any ProgressReporter
    ) throws {
        let bronze = try table(.bronze(source.about.name))
        let transaction = WriteOptions.Transaction(appID: "ingest:\(key.prefix(32))", version: 0)
        let before = try bronze.exists() ? bronze.snapshot() : nil
        if let before, before.transactionVersion(of: transaction.appID) != nil {
            report.isRepeat = true
            report.bronzeVersion = before.version
            return
        }
        progress.report("read \(files.count == 1 ? files[0] : "\(files.count) files")", done: 0, total: nil)
        let input = try InputRelation(files: files, csv: source.csv, connection: connection)
        let now = time.now()
        let query = try IngestQuery(
            source, input: input, table: "staged", now: now, latest: now + settings.limits.futureSkew)
        if let countOfMissingZones = query.countOfMissingZones {
            let count = Int(try connection.value(countOfMissingZones).number ?? 0)
            if count > 0 {
                throw MartletError(
                    .missingTimeZone, "\(count) rows have a time without a zone",
                    place: .init(file: files[0]),
                    fix:
                        "write times as 2026-05-01T12:00:00Z, or declare the zone in source \(source.about.name)"
                )
            }
        }
        try connection.execute(query.stage)
        defer { try? connection.execute("DROP TABLE IF EXISTS staged") }
        let counts = try connection.query("SELECT count(*) AS n, count_if(_reason <> '') AS bad FROM staged")
        report.rowsRead = Int(counts.columns[0][0].number ?? 0)
        report.misfits = Int(counts.columns[1][0].number ?? 0)
        progress.report("write bronze.\(source.about.name)", done: 0, total: nil)
        if report.misfits > 0 {
            var options = WriteOptions()
            options.transaction = transaction
            try table(.quarantine(source.about.name)).append(
                QuarantineRows.misfits(source, batch: report.batch, now: now), on: connection, options.quarantine)
        }
        var options = WriteOptions()
        options.transaction = transaction
        options.schema = source.landedSchema
        options.notes = ["batch": report.batch]
        let base = before?.rowCount ?? 0
        let names = source.columns.map { quotedIdentifier($0.name) }.joined(separator: ", ")
        let result = try bronze.append(
            """
            SELECT \(names), _arrival_time, \(base) + row_number() OVER () - 1 AS _position,
            \(quotedLiteral(report.batch)) AS _batch
            FROM (SELECT * FROM staged WHERE _reason = '' ORDER BY _row)
            """, on: connection, options)
        report.bronzeVersion = result.version
    }
}

extension WriteOptions {
    /// Quarantine tables take rows from every step, so their columns may grow.
    fileprivate var quarantine: WriteOptions {
        var options = self
        options.evolution = .addColumns
        return options
    }
}

extension SourceDefinition {
    /// The columns of `bronze.SOURCE` and `silver.SOURCE`.
    var landedSchema: Schema { Schema(schema.fields + SystemColumn.all) }
}
