internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The rows that a view's features are computed from, in memory: keys, times, position, inputs.
struct ViewRows {
    /// The entity key's columns, in the key's order.
    let keys: [Column]
    let eventTimes: [Int64]
    let arrivalTimes: [Int64]
    let positions: [Int64]
    /// The columns that features read, each once, with their names.
    let inputs: [(name: String, column: Column)]

    var count: Int { eventTimes.count }
}

/// How the rows of a view are selected: the SQL and the order of its columns.
struct ViewQuery {
    let view: FeatureViewDefinition
    let keys: [Field]
    let inputs: [Field]
    /// A SELECT giving the key columns, event time, arrival time, position and inputs, in that order.
    let sql: String

    /// - Parameters:
    ///   - keys: the join keys of the view's entities.
    ///   - source: the source that the view names.
    ///   - connection: has a temporary view for each source, named like it, over the source's silver table.
    /// - Throws: `missingColumn` or `typeMismatch` where the rows do not have what the view declares.
    init(_ view: FeatureViewDefinition, keys: [Field], source: SourceDefinition, connection: QueryConnection) throws {
        self.view = view
        self.keys = keys
        inputs = view.inputFields
        let relation =
            view.sql.map { "(\(trimmedStatement($0.text)))" } ?? quotedIdentifier(source.about.name)
        let available = try InputRelation(sql: relation, connection: connection)
        func column(_ name: String, _ type: DataType) throws -> String {
            let declared = SourceColumn(name: name, type: type)
            do {
                return try TypedColumn(declared, input: available).value
            } catch let error as MartletError {
                throw MartletError(
                    error.code, "features \(view.about.name): \(error.message)", place: view.about.place, fix: error.fix
                )
            }
        }
        let eventTime = try column(view.eventTime ?? source.eventTime, .timestamp)
        let has = Set(available.columns.map(\.name))
        let arrival = has.contains(SystemColumn.arrivalTime.name) ? SystemColumn.arrivalTime.name : eventTime
        let position = has.contains(SystemColumn.position.name) ? SystemColumn.position.name : "0::BIGINT"
        var selected = try keys.map { try column(view.keyColumns[$0.name] ?? $0.name, $0.type) }
        selected += [eventTime, arrival, position]
        selected += try view.inputs.map { input in
            let value = try input.column.map { try column($0, input.type) } ?? "TRUE"
            return input.filter.map { "CASE WHEN (\($0)) THEN \(value) END" } ?? value
        }
        var text =
            "SELECT " + selected.enumerated().map { "\($1) AS c\($0)" }.joined(separator: ", ") + " FROM \(relation)"
        var conditions = ["\(eventTime) IS NOT NULL"]
        if let filter = view.filter { conditions.append("(\(filter))") }
        text += " WHERE " + conditions.joined(separator: " AND ")
        sql = text
    }

    /// - Parameter condition: a further restriction over `c0, c1, …` (the keys) for reading some entities only.
    func load(_ connection: QueryConnection, where condition: String? = nil) throws -> ViewRows {
        let text = condition.map { "SELECT * FROM (\(sql)) WHERE \($0)" } ?? sql
        let batch = try connection.query(text)
        func times(_ index: Int) -> [Int64] {
            switch batch.columns[index].values {
            case .timestamp(let values), .int64(let values): return values
            default: preconditionFailure("times and positions are 64-bit integers")
            }
        }
        let first = keys.count
        return ViewRows(
            keys: Array(batch.columns[..<first]), eventTimes: times(first), arrivalTimes: times(first + 1),
            positions: times(first + 2), inputs: zip(inputs, batch.columns[(first + 3)...]).map { ($0.name, $1) })
    }
}

extension FeatureViewDefinition {
    /// What the features read, each once, in the order of its first use.
    var inputs: [AggregateInput] {
        var inputs: [AggregateInput] = []
        func add(_ input: AggregateInput) {
            if !inputs.contains(where: { $0.name == input.name }) { inputs.append(input) }
        }
        switch features {
        case .latest(let list): for feature in list { add(AggregateInput(column: feature.column, type: feature.type)) }
        case .windowed(let list): for aggregate in list { for input in aggregate.inputs { add(input) } }
        }
        return inputs
    }

    var inputFields: [Field] { inputs.map { Field($0.name, $0.type) } }
}

/// A user's query as it can stand in parentheses: without the semicolon that ends it.
private func trimmedStatement(_ text: String) -> String {
    var rest = Substring(text)
    while let last = rest.last, last.isWhitespace || last == ";" { rest.removeLast() }
    // A comment on the last line must not swallow the closing parenthesis.
    return rest + "\n"
}

extension ViewQuery {
    /// The rows whose events had happened and arrived by `time`; for windows, whose right end is open, before it.
    func knownAt(_ time: Timestamp) -> String {
        let isWindowed = if case .windowed = view.features { true } else { false }
        let literal = sqlLiteral(.timestamp(time))
        return "c\(keys.count) \(isWindowed ? "<" : "<=") \(literal) AND c\(keys.count + 1) <= \(literal)"
    }
}
