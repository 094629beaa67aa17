package import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletObjects
internal import MartletQuality
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// What an ingestion did.
package struct IngestReport: Sendable {
    package var source: String
    /// Identifies the ingestion in the registry.
    package var batch: String
    /// Whether these very files had been ingested before; then nothing was added.
    package var isRepeat = false
    package var rowsRead = 0
    /// Rows that do not fit the declared columns, now among the dead letters.
    package var misfits = 0
    /// Rows whose event the log has already.
    package var duplicates = 0
    package var bronzeVersion: Int64?
    package var idempotencyKey = ""
    /// What happened between bronze and silver; nil where nothing was pending.
    package var refinement: RefinementReport?
    package var seconds = 0.0

    /// Those that the log has, and those that only silver knows of.
    package var allDuplicates: Int { duplicates + (refinement?.duplicates ?? 0) }
}

extension Workspace {
    /// How many rows of a file go to the log at once.
    private static let pieceRows = 16_384

    /// Brings files in by the one way: into the log, from there into `bronze.SOURCE`, and what is pending into
    /// `silver.SOURCE`.
    ///
    /// Without files it only lands and refines what is pending, for instance after a critical check stopped an earlier
    /// run.
    /// - Parameter idempotencyKey: ingestions with an equal key happen once; nil means the digest of the files.
    /// - Throws: `unknownName` for a source that is not applied, `missingColumn`, `typeMismatch` and `missingTimeZone`
    ///   for files that cannot be of this source, `conflict` where another process takes events in. A row that does not
    ///   fit is no error: it is a dead letter. A critical check that stopped the refinement is in the report.
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
                try append(source, files, key, &report, definitions, connection, progress)
            }
            progress.report("land \(sourceName)", done: 0, total: nil)
            report.bronzeVersion = try land(source, upTo: try intake.log.endOffset, definitions).version
            progress.report("check and refine \(sourceName)", done: 0, total: nil)
            report.refinement = try refine(source, definitions.checks(of: sourceName), connection)
            report.seconds = seconds(since: started)
            if !files.isEmpty { try record(report, files, principal) }
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

    private func record(_ report: IngestReport, _ files: [String], _ principal: Principal) throws {
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

    /// Appends the rows that fit to the log, in pieces that remember how far they came, and files the others as dead
    /// letters. Repeated after a crash it goes on behind the last piece and adds nothing twice.
    private func append(
        _ source: SourceDefinition, _ files: [String], _ key: String, _ report: inout IngestReport,
        _ definitions: AppliedDefinitions, _ connection: QueryConnection, _ progress: any ProgressReporter
    ) throws {
        let intake = try intake
        var place = FilePosition(stream: "files:\(source.about.name):\(key)", in: intake.log)
        if place.isComplete {
            report.isRepeat = true
            return
        }
        progress.report("read \(files.count == 1 ? files[0] : "\(files.count) files")", done: 0, total: nil)
        let input = try InputRelation(files: files, csv: source.csv, connection: connection)
        try stage(source, input, place: files[0], connection)
        defer { try? connection.execute("DROP TABLE IF EXISTS staged") }
        let counts = try connection.query("SELECT count(*) AS n, count_if(_reason <> '') AS bad FROM staged")
        report.rowsRead = Int(counts.columns[0][0].number ?? 0)
        report.misfits = Int(counts.columns[1][0].number ?? 0)
        if report.misfits > 0 { try fileMisfits(source, stream: place.stream, connection) }
        let version = try sourceVersion(source.about.name, definitions)
        place.total = Int64(report.rowsRead - report.misfits)
        try connection.query(
            StagedRows.good(source, after: place.rows), batchRows: Self.pieceRows
        ) { rows in
            var batch = try StagedRows.batch(rows, source, version)
            place.rows += Int64(batch.count)
            batch.position = place.position
            report.duplicates += try intake.append([batch]).duplicates
            progress.report("log \(source.about.name)", done: Int(place.rows), total: Int(place.total))
        }
        if place.total == 0 {
            // Nothing fits: that these files were seen is remembered all the same.
            var nothing = EventBatch(source: source.about.name, schemaVersion: version)
            nothing.position = place.position
            _ = try intake.append([nothing])
        }
    }

    private func fileMisfits(_ source: SourceDefinition, stream: String, _ connection: QueryConnection) throws {
        // Those that an earlier run which did not come to its end has kept are not kept again.
        let intake = try intake
        try connection.query(StagedRows.misfits, batchRows: Self.pieceRows) { rows in
            try intake.keep(StagedRows.letters(rows, source, stream: stream))
        }
    }
}

/// How far the rows of files have come into the log. A stream that stands in it has gone all the way only where its
/// rows are as many as those that fit.
struct FilePosition {
    let stream: String
    /// Rows that fit and are in the log.
    var rows: Int64 = 0
    /// Rows that fit.
    var total: Int64 = 0
    private(set) var isComplete = false

    init(stream: String, in log: EventLog) {
        self.stream = stream
        guard let bytes = log.position(of: stream)?.bytes, bytes.count == 16 else { return }
        bytes.withUnsafeBytes {
            rows = Int64(littleEndian: $0.loadUnaligned(as: Int64.self))
            total = Int64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: Int64.self))
        }
        isComplete = rows == total
    }

    var position: SourcePosition {
        var bytes: [UInt8] = []
        for number in [rows, total] { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
        return SourcePosition(stream: stream, bytes: bytes)
    }
}

extension SourceDefinition {
    /// The columns of `silver.SOURCE`.
    var landedSchema: Schema { Schema(schema.fields + SystemColumn.all) }

    /// The columns of `bronze.SOURCE`: where events have an id, a delete may say nothing but it.
    var arrivedSchema: Schema {
        let declared = schema.fields.map { field in
            Field(field.name, field.type, isNullable: field.isNullable || !id.isEmpty && !id.contains(field.name))
        }
        return Schema(declared + SystemColumn.all + [SystemColumn.operation])
    }
}
