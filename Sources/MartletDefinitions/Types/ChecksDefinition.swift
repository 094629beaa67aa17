package import MartletCore

/// What the rows of a source must satisfy before they enter its silver table.
package struct ChecksDefinition: Sendable, Hashable {
    package var about: About
    package var source: String
    package var checks: [Check]

    package init(about: About, source: String, checks: [Check]) {
        self.about = about
        self.source = source
        self.checks = checks
    }
}

package struct Check: Sendable, Hashable {
    /// Unique within its definition; where the author gives none, the rule and its column: `not_null_amount`.
    package var name: String
    package var rule: Rule
    package var severity: Severity

    package init(name: String, rule: Rule, severity: Severity) {
        self.name = name
        self.rule = rule
        self.severity = severity
    }

    package enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
        /// Reported, nothing else.
        case warning
        /// The failing rows go to the quarantine table; the others go on.
        case error
        /// The failing rows go to the quarantine table and the pipeline stops: no row of the batch goes on.
        case critical

        package static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
        private var rank: Int { self == .warning ? 0 : self == .error ? 1 : 2 }
    }

    package enum Rule: Sendable, Hashable {
        /// The number of rows in the batch lies within the bounds, both inclusive.
        case rowCount(minimum: Int?, maximum: Int?)
        case notNull(column: String)
        /// No two rows have equal values in these columns, the rows already in the silver table included. Nulls differ.
        case unique(columns: [String])
        /// Nulls pass.
        case accepted(column: String, values: [Value])
        /// Within the bounds, both inclusive; nulls pass.
        case range(column: String, minimum: Double?, maximum: Double?)
        /// The whole text matches the RE2 pattern; nulls pass.
        case regex(column: String, pattern: String)
        /// The newest value of the timestamp column is at most this old.
        case freshness(column: String, maximumAge: TimeSpan)
        /// A boolean SQL expression that is true for each good row; null fails.
        case sql(expression: String)
    }
}
