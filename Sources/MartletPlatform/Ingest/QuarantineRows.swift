internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The rows of `quarantine.SOURCE`: the declared columns as far as they could be read, the row as it was (for one that
/// did not fit), and why it is here.
enum QuarantineRows {
    /// Rows of the temporary table `staged` that do not fit the declared columns.
    static func misfits(_ source: SourceDefinition, batch: String, now: Timestamp) -> String {
        let names = source.columns.map { quotedIdentifier($0.name) }.joined(separator: ", ")
        return """
            SELECT \(names), _original, _reason, 'ingest' AS _stage, \(quotedLiteral(batch)) AS _batch,
            \(sqlLiteral(.timestamp(now))) AS _checked_at
            FROM staged WHERE _reason <> '' ORDER BY _row
            """
    }
}
