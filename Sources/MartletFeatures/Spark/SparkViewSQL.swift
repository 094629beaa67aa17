package import MartletCore

/// The features of one view as Spark SQL, and how the raw numbers of that query become the features.
///
/// The query reads two relations. `labels` has `row` (a number), `t` (microseconds) and the label keys; the view's rows
/// have `k0, k1, …` (the entity key), `t`, `a`, `p` (event time and arrival time in microseconds, position) and
/// `x0, x1, …` (the inputs, timestamps in microseconds). It gives one row a label, with `row` and the columns that
/// `features` name.
package struct SparkViewSQL: Sendable, Hashable {
    package let sql: String
    package let features: [Feature]

    package struct Feature: Sendable, Hashable {
        package let type: DataType
        package let value: Value
    }

    package enum Value: Sendable, Hashable {
        /// The feature is this column; timestamps are microseconds.
        case column(String)
        /// The feature is rounded once from exact sums.
        case moment(Moment)
    }

    /// `sum`, `mean` or `stddev` of numbers whose exact sums the query gives in limbs: the sum is that of
    /// `limb * 2^(-80 + 32 * index)` over `sums`, the sum of squares that of `limb * 2^(-160 + 32 * index)` over
    /// `squares`, each plus those of the numbers listed in `wide`. No column is needed where it is empty.
    package struct Moment: Sendable, Hashable {
        package let function: String
        /// The number of values.
        package let count: String
        package let sums: [String]
        package let squares: [String]
        package let wide: String
    }
}

/// The relations that a view's query reads, as SQL.
package struct SparkRelations: Sendable, Hashable {
    /// The name of a label column for each part of the view's key.
    package let labelKeys: [String]
    /// A SELECT with the columns `k0, …, t, a, p, x0, …`.
    package let rows: String
    /// Whether only events that had arrived at the label's time count.
    package let asKnown: Bool

    package init(labelKeys: [String], rows: String, asKnown: Bool) {
        self.labelKeys = labelKeys
        self.rows = rows
        self.asKnown = asKnown
    }

    /// `k0, k1`
    var keyList: String { labelKeys.indices.map { "k\($0)" }.joined(separator: ", ") }

    /// `l.k0, l.k1`
    var labelKeyList: String { labelKeys.indices.map { "l.k\($0)" }.joined(separator: ", ") }

    /// The label's keys under the names of the view's.
    var labels: String {
        "SELECT row, t, " + labelKeys.enumerated().map { "\($1) AS k\($0)" }.joined(separator: ", ") + " FROM labels"
    }

    /// That an event is of the label's entity and, as known, had arrived: null keys are of no entity.
    var isSeen: String {
        var conditions = labelKeys.indices.map { "l.k\($0) = e.k\($0)" }
        if asKnown { conditions.append("e.a <= l.t") }
        return conditions.joined(separator: " AND ")
    }

    /// The rows with `o`, their place in the order of their entity: by event time, then arrival, then position.
    var orderedRows: String {
        "SELECT *, row_number() OVER (PARTITION BY \(keyList) ORDER BY t, a, p) AS o FROM (\(rows))"
    }
}

/// Latest values as Spark SQL: of each label's entity the row with the greatest event time `<= t` (and `>= t - ttl`),
/// ties to the later arrival, then to the later position.
/// - Parameter features: for each feature its type and the index of its input.
package func sparkLatestSQL(
    features: [(type: DataType, input: Int)], ttl: TimeSpan?, relations: SparkRelations
) -> SparkViewSQL {
    let age = ttl.map { " AND e.t >= l.t - \($0.microseconds)" } ?? ""
    let columns = features.enumerated().map { "e.x\($1.input) AS f\($0)" }.joined(separator: ", ")
    let isWinner = relations.labelKeys.indices.map { "w.k\($0) = e.k\($0) AND " }.joined() + "w.o = e.o"
    let sql = """
        WITH events AS (\(relations.orderedRows)),
        moments AS (\(relations.labels)),
        winners AS (
          SELECT \(relations.labelKeyList), l.row, max(e.o) AS o
          FROM moments l JOIN events e ON \(relations.isSeen) AND e.t <= l.t\(age)
          GROUP BY \(relations.labelKeyList), l.row
        )
        SELECT l.row, \(columns)
        FROM labels l LEFT JOIN winners w ON l.row = w.row LEFT JOIN events e ON \(isWinner)
        """
    return SparkViewSQL(
        sql: sql,
        features: features.enumerated().map { .init(type: $1.type, value: .column("f\($0)")) })
}
