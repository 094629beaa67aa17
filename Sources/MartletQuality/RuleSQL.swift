internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

extension Check.Rule {
    /// A boolean SQL expression over a row that is true for a row which fails; nil for a rule about the batch as a
    /// whole and for `unique`, which looks at other rows.
    var failingRow: String? {
        switch self {
        case .rowCount, .freshness, .unique: nil
        case .notNull(let column): "\(quotedIdentifier(column)) IS NULL"
        case .accepted(let column, let values):
            values.isEmpty
                ? "\(quotedIdentifier(column)) IS NOT NULL"
                : "coalesce(\(quotedIdentifier(column)) NOT IN "
                    + "(\(values.map(sqlLiteral).joined(separator: ", "))), false)"
        case .range(let column, let minimum, let maximum):
            // DuckDB orders NaN above every number: it fails a maximum, and must fail a minimum alone as well.
            "coalesce("
                + ([
                    minimum.map { "\(quotedIdentifier(column)) < \(sqlLiteral(.float64($0)))" },
                    maximum.map { "\(quotedIdentifier(column)) > \(sqlLiteral(.float64($0)))" },
                    "isnan(\(quotedIdentifier(column))::DOUBLE)",
                ] as [String?]).compactMap { $0 }.joined(separator: " OR ") + ", false)"
        case .regex(let column, let pattern):
            "coalesce(NOT regexp_full_match(\(quotedIdentifier(column)), \(quotedLiteral(pattern))), false)"
        case .sql(let expression): "NOT coalesce((\(expression)\n), false)"
        }
    }
}
