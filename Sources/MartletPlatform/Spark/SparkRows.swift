internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The rows that a view's features are computed from, as Spark SQL over its sources: `k0, …, t, a, p, x0, …`.
struct SparkRows {
    let sql: String

    /// - Parameters:
    ///   - keys: the join keys of the view's entities.
    ///   - source: the source that the view names.
    ///   - tables: of each source that the view reads: its columns as stored.
    ///   - connection: has a temporary view for each source, with which the types of a view's own query are found.
    /// - Throws: `invalidDefinition` for a query, a condition or a type that Spark may read otherwise than DuckDB.
    init(
        _ view: FeatureViewDefinition, keys: [Field], source: SourceDefinition, tables: [String: Schema],
        connection: QueryConnection
    ) throws {
        let place = "features \(view.about.name)"
        let dialect = SparkDialect(
            columns: tables.values.flatMap(\.fields), sources: tables.keys.sorted(), place: place)
        let relation: String
        let known: InputRelation
        var aliases: [String] = []
        if let text = view.sql?.text {
            relation = "(\(try dialect.translate(text)))"
            aliases = try dialect.aliases(of: text)
            for column in [SystemColumn.arrivalTime, SystemColumn.position] where aliases.contains(column.name) {
                throw notInOrder(view, "makes a \(column.name) of its own")
            }
            var statement = Substring(text)
            while let last = statement.last, last.isWhitespace || last == ";" { statement.removeLast() }
            known = try InputRelation(sql: "(\(statement)\n)", connection: connection)
        } else {
            relation = sparkIdentifier(source.about.name)
            known = try InputRelation(sql: quotedIdentifier(source.about.name), connection: connection)
        }
        let columns = SparkColumns(view: view, known)
        let time = try columns.column(view.eventTime ?? source.eventTime, .timestamp)
        let has = Set(known.columns.map(\.name))
        let arrival =
            has.contains(SystemColumn.arrivalTime.name)
            ? try columns.column(SystemColumn.arrivalTime.name, .timestamp) : time
        let position =
            has.contains(SystemColumn.position.name) ? try columns.column(SystemColumn.position.name, .int64) : "0L"
        if view.needsOrder && !has.contains(SystemColumn.position.name) {
            throw notInOrder(view, "has no \(SystemColumn.position.name)")
        }
        var selected: [String] = []
        for (index, key) in keys.enumerated() {
            let name = view.keyColumns[key.name] ?? key.name
            // Keys are compared, so that timestamps stay what they are.
            selected.append("\(try columns.column(name, key.type, asMicroseconds: false)) AS k\(index)")
        }
        selected += ["\(time) AS t", "\(arrival) AS a", "\(position) AS p"]
        for (index, input) in view.inputFields.enumerated() {
            selected.append("\(try columns.column(input.name, input.type)) AS x\(index)")
        }
        var conditions = ["\(time) IS NOT NULL"]
        if let filter = view.filter { conditions.append("(\(try dialect.translate(filter, aliases: aliases)))") }
        sql =
            "SELECT \(selected.joined(separator: ", ")) FROM \(relation) WHERE \(conditions.joined(separator: " AND "))"
    }
}

/// Without positions the kernels break ties by a hash of DuckDB's.
private func notInOrder(_ view: FeatureViewDefinition, _ what: String) -> MartletError {
    MartletError(
        .invalidDefinition, "features \(view.about.name): its query \(what), so that Spark may break ties otherwise",
        place: view.about.place,
        fix: "select `_arrival_time` and `_position` as they are, or build this set with `engine: duckdb`")
}

extension FeatureViewDefinition {
    /// Whether a feature depends on which of two rows of one time is the later one.
    fileprivate var needsOrder: Bool {
        switch features {
        case .latest: true
        case .windowed(let list): list.contains { $0.function == .first || $0.function == .last }
        case .derived: false
        }
    }
}

/// The columns of a view's rows before anything is selected from them.
private struct SparkColumns {
    let view: FeatureViewDefinition
    /// By name: the type in DuckDB's SQL.
    private let types: [String: String]

    init(view: FeatureViewDefinition, _ rows: InputRelation) {
        self.view = view
        types = Dictionary(rows.columns.map { ($0.name, $0.type) }) { first, _ in first }
    }

    /// A column in the type that the view declares.
    /// - Throws: `invalidDefinition` where it has another one that is not merely narrower.
    func column(_ name: String, _ type: DataType, asMicroseconds: Bool = true) throws -> String {
        let identifier = sparkIdentifier(name)
        let found = types[name] ?? ""
        let integers: Set = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT"]
        switch type {
        case .timestamp where found == "TIMESTAMP WITH TIME ZONE" || found == "TIMESTAMPTZ":
            return asMicroseconds ? "unix_micros(\(identifier))" : identifier
        case _ where found == type.sqlName && !type.isNested: return identifier
        case .int64 where integers.contains(found), .float64 where found == "INTEGER" || found == "FLOAT":
            return "CAST(\(identifier) AS \(type.sparkName))"
        default:
            throw MartletError(
                .invalidDefinition,
                "features \(view.about.name): column \(name) is \(found.isEmpty ? "not there" : found), which on Spark "
                    + "is not read as \(type.rawValue)", place: view.about.place,
                fix: "declare the type that the column has, or build this set with `engine: duckdb`")
        }
    }
}
