package import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The rows a training set is built for: an entity and a time each, and whatever else the user put beside them.
package struct LabelSet: Sendable {
    /// Every column of the input, in its order; the key and time columns in their declared types.
    package let rows: RecordBatch
    /// The index of the time column.
    package let timeColumn: Int

    /// The label times, microseconds.
    package var times: [Int64] {
        guard case .timestamp(let times) = rows.columns[timeColumn].values else {
            preconditionFailure("the time column holds timestamps")
        }
        return times
    }

    /// The default name of the time column, which is Feast's.
    package static let defaultTimeColumn = "event_timestamp"
}

extension LabelSet {
    /// Reads labels from a file (CSV, JSON lines, Parquet) or from rows in SQL.
    /// - Parameters:
    ///   - keys: the join keys of the service's entities; each must be a column.
    ///   - values: what derived features need of a request; each must be a column.
    /// - Throws: `missingColumn` for an absent key or time column, `missingTimeZone` for times without a zone,
    ///   `typeMismatch` for values that do not fit, `invalidInput` for a missing time or where there are no rows; the
    ///   message counts the rows.
    init(
        _ input: LabelInput, keys: [Field], values: [Field] = [], timeColumn: String, rowLimit: Int,
        connection: QueryConnection
    ) throws {
        let relation =
            switch input {
            case .file(let path): try InputRelation(files: [path], csv: CSVOptions(), connection: connection)
            case .sql(let sql): try InputRelation(sql: sql, connection: connection)
            }
        for value in values where !relation.columns.contains(where: { $0.name == value.name }) {
            throw MartletError(
                .missingColumn,
                "the labels have no column \(value.name) (\(value.type)), which derived features need of a request",
                fix: nearestName(to: value.name, among: relation.columns.map(\.name)).map {
                    "is it the column \($0)? Then rename it"
                } ?? "add it: the value that a request at the label's time would give")
        }
        let declared =
            (keys + values).map { SourceColumn(name: $0.name, type: $0.type) }
            + [SourceColumn(name: timeColumn, type: .timestamp)]
        let typed = try declared.map { try TypedColumn($0, input: relation) }
        try Self.refuseBadRows(typed, relation, limit: rowLimit, connection)
        let selected = relation.columns.map { column in
            guard let known = typed.first(where: { $0.name == column.name }) else {
                // Text files are read as text; what is not a key or the time becomes the narrowest type all values fit.
                return quotedIdentifier(column.name)
            }
            return "\(known.value) AS \(quotedIdentifier(column.name))"
        }
        let passing = try Self.passThroughTypes(relation, except: Set(typed.map(\.name)), connection)
        let list = zip(relation.columns, selected).map { column, expression in
            passing[column.name].map { "\(expression)::\($0) AS \(expression)" } ?? expression
        }
        let rows = try connection.query("SELECT \(list.joined(separator: ", ")) FROM \(relation.sql)")
        guard let time = rows.schema.index(of: timeColumn) else {
            preconditionFailure("the time column was selected")
        }
        self.init(rows: rows, timeColumn: time)
    }

    private static func refuseBadRows(
        _ columns: [TypedColumn], _ relation: InputRelation, limit: Int, _ connection: QueryConnection
    ) throws {
        var counts = ["count(*)"]
        for column in columns {
            counts.append("count_if(\(column.lacksZone ?? "false"))")
            counts.append("count_if(\(column.isBad))")
        }
        let missingTimes = "count_if(\(columns[columns.count - 1].value) IS NULL)"
        let list = (counts + [missingTimes]).enumerated().map { "\($1) AS n\($0)" }
        let batch = try connection.query("SELECT \(list.joined(separator: ", ")) FROM \(relation.sql)")
        let numbers = batch.columns.map { Int($0[0].number ?? 0) }
        guard numbers[0] <= limit else {
            throw MartletError(
                .limitExceeded, "the labels have \(numbers[0]) rows, the limit is \(limit)",
                fix: "split them, or raise limits.label_rows in martlet.yaml")
        }
        guard numbers[0] > 0 else { throw MartletError(.invalidInput, "the labels have no rows") }
        for (index, column) in columns.enumerated() {
            if numbers[1 + 2 * index] > 0 {
                throw MartletError(
                    .missingTimeZone,
                    "\(numbers[1 + 2 * index]) label rows have a time without a zone in column \(column.name)",
                    fix: "write times as 2026-05-01T12:00:00Z")
            }
            if numbers[2 + 2 * index] > 0 {
                throw MartletError(
                    .typeMismatch,
                    "\(numbers[2 + 2 * index]) label rows have a value in column \(column.name) that does not fit")
            }
        }
        if let missing = numbers.last, missing > 0 {
            throw MartletError(.invalidInput, "\(missing) label rows have no time")
        }
    }

    /// For text inputs: the type of each other column, the first of int64, float64, bool that every value fits, else
    /// none (text).
    private static func passThroughTypes(
        _ relation: InputRelation, except known: Set<String>, _ connection: QueryConnection
    ) throws -> [String: String] {
        guard relation.isText else { return [:] }
        let others = relation.columns.filter { !known.contains($0.name) && $0.type == "VARCHAR" }
        if others.isEmpty { return [:] }
        let candidates: [DataType] = [.int64, .float64, .bool]
        let tests = try others.flatMap { column in
            try candidates.map { type in
                let typed = try TypedColumn(SourceColumn(name: column.name, type: type), input: relation)
                return "count_if(\(typed.isBad)) = 0"
            }
        }
        let fits = try connection.query("SELECT \(tests.joined(separator: ", ")) FROM \(relation.sql)").columns.map {
            $0[0]
        }
        var types: [String: String] = [:]
        for (index, column) in others.enumerated() {
            let first = candidates.indices.first { fits[index * candidates.count + $0] == .bool(true) }
            types[column.name] = first.map { candidates[$0].sqlName }
        }
        return types
    }
}

/// Where labels come from.
enum LabelInput {
    case file(String)
    /// A table's scan, as SQL that can follow FROM.
    case sql(String)
}
