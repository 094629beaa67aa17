internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletQuery

/// The temporary table `staged`: rows of an input as typed events, told apart from those that do not fit.
enum StagedRows {
    /// The rows that fit, behind the first `count` of them.
    static func good(_ source: SourceDefinition, after count: Int64) -> String {
        let names = source.columns.map { quotedIdentifier($0.name) }.joined(separator: ", ")
        return """
            SELECT \(names), \(quotedIdentifier(source.eventTime)) AS _event_time, _arrival_time
            FROM staged WHERE _reason = '' ORDER BY _row OFFSET \(count)
            """
    }

    /// The rows that do not fit.
    static let misfits = "SELECT _original, _reason FROM staged WHERE _reason <> '' ORDER BY _row"

    /// Rows of `good` as they go to the log.
    static func batch(_ rows: RecordBatch, _ source: SourceDefinition, _ version: UInt32) throws -> EventBatch {
        guard case .timestamp(let eventTimes)? = rows["_event_time"]?.values,
            case .timestamp(let arrivalTimes)? = rows["_arrival_time"]?.values
        else { preconditionFailure("times are timestamps") }
        return try EventBatch(
            source, version: version, columns: Array(rows.columns.prefix(source.columns.count)),
            eventTimes: eventTimes, arrivalTimes: arrivalTimes)
    }

    /// Rows of `misfits` as dead letters.
    static func letters(_ rows: RecordBatch, _ source: SourceDefinition, stream: String) -> [DeadLetter] {
        guard case .string(let originals) = rows.columns[0].values, case .string(let reasons) = rows.columns[1].values
        else { preconditionFailure("rows and reasons are texts") }
        return (0..<rows.rowCount).map { row in
            DeadLetter(
                source: source.about.name, reason: reasons[row], original: Array(originals.slice(row)),
                position: SourcePosition(stream: stream, bytes: []))
        }
    }
}

extension Workspace {
    /// Makes the temporary table `staged` of an input's rows.
    /// - Throws: `missingColumn`, `typeMismatch`, and `missingTimeZone` where rows have a time without a zone.
    func stage(_ source: SourceDefinition, _ input: InputRelation, place: String?, _ connection: QueryConnection) throws
    {
        let now = time.now()
        let query = try IngestQuery(
            source, input: input, table: "staged", now: now, latest: now + settings.limits.futureSkew)
        if let countOfMissingZones = query.countOfMissingZones {
            let count = Int(try connection.value(countOfMissingZones).number ?? 0)
            if count > 0 {
                throw MartletError(
                    .missingTimeZone, "\(count) rows have a time without a zone",
                    place: place.map { .init(file: $0) },
                    fix:
                        "write times as 2026-05-01T12:00:00Z, or declare the zone in source \(source.about.name)"
                )
            }
        }
        try connection.execute(query.stage)
    }
}
