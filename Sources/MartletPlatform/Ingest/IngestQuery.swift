internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletQuery

/// The SQL that turns the rows of an input into typed events and sorts out what does not fit.
struct IngestQuery {
    /// `CREATE TEMP TABLE name AS …`: the declared columns, `_arrival_time`, `_row` (from 0, in the input's order),
    /// `_reason` (empty for a good row) and `_original` (for a bad row: the row as it was, as JSON).
    let stage: String
    /// Counts the rows that have a time without a zone; nil where none can.
    let countOfMissingZones: String?

    private static let earliest = sqlLiteral(.timestamp(Timestamp(microseconds: -timeLimitMicroseconds)))
    private static let latest = sqlLiteral(.timestamp(Timestamp(microseconds: timeLimitMicroseconds - 1)))

    /// - Parameters:
    ///   - now: stands for the arrival time where the source has none.
    ///   - latest: events after it are from the future.
    init(_ source: SourceDefinition, input: InputRelation, table: String, now: Timestamp, latest: Timestamp) throws {
        let columns = try source.columns.map { try TypedColumn($0, input: input) }
        func value(of name: String) -> String {
            guard let column = columns.first(where: { $0.name == name }) else {
                preconditionFailure("times of a source are declared columns")
            }
            return column.value
        }
        let eventTime = value(of: source.eventTime)
        var reasons = columns.map(\.reason)
        reasons.append("CASE WHEN \(eventTime) IS NULL THEN \(quotedLiteral("\(source.eventTime): no event time")) END")
        reasons.append(
            "CASE WHEN \(eventTime) > \(sqlLiteral(.timestamp(latest))) "
                + "THEN \(quotedLiteral("\(source.eventTime): in the future")) END")
        var isBad = columns.map(\.isBad)
        isBad += ["\(eventTime) IS NULL", "\(eventTime) > \(sqlLiteral(.timestamp(latest)))"]
        // What the kernels refuse, infinities too: one such row would stop every feature over the source.
        for name in [source.eventTime] + (source.arrivalTime.map { [$0] } ?? []) {
            let isBeyond = "NOT (\(value(of: name)) BETWEEN \(Self.earliest) AND \(Self.latest))"
            let reason = "\(name): more than 73,000 years from 1970"
            isBad.append("coalesce(\(isBeyond), false)")
            reasons.append("CASE WHEN \(isBeyond) THEN \(quotedLiteral(reason)) END")
        }
        let arrival =
            source.arrivalTime.map { "coalesce(\(value(of: $0)), \(sqlLiteral(.timestamp(now))))" }
            ?? sqlLiteral(.timestamp(now))
        let packed = input.columns.map { "\(quotedIdentifier($0.name)) := \(quotedIdentifier($0.name))" }
        let isAnyBad = isBad.joined(separator: " OR ")
        stage = """
            CREATE OR REPLACE TEMP TABLE \(table) AS SELECT
            \(columns.map { "\($0.value) AS \(quotedIdentifier($0.name))" }.joined(separator: ",\n")),
            \(arrival) AS _arrival_time, row_number() OVER () - 1 AS _row,
            CASE WHEN \(isAnyBad) THEN concat_ws('; ', \(reasons.joined(separator: ", "))) ELSE '' END AS _reason,
            CASE WHEN \(isAnyBad) THEN to_json(struct_pack(\(packed.joined(separator: ", "))))::VARCHAR END AS _original
            FROM \(input.sql)
            """
        let lacking = columns.compactMap(\.lacksZone)
        countOfMissingZones =
            lacking.isEmpty ? nil : "SELECT count(*) FROM \(input.sql) WHERE \(lacking.joined(separator: " OR "))"
    }
}
