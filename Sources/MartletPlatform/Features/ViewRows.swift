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
    /// When each row was taken back, `Int64.max` where it still counts; nil where the query gives live rows only.
    var removalTimes: [Int64]?
    /// The columns that features read, each once, with their names.
    let inputs: [(name: String, column: Column)]

    var count: Int { eventTimes.count }
}

/// What a row's place among those of equal event and arrival time is made of.
enum RowPosition {
    /// The source's `_position`, no two alike.
    case unique(String)
    /// The `_position` that a `sql:` query gives its rows: a join may give several one, or null. Rows of one are told
    /// apart by what they hold.
    case shared(String)
    /// The rows have none, and what they hold stands for it.
    case none

    /// The hash takes the low bits: so much that of the rows of one position hardly two are alike, and positions still
    /// reach beyond half a million million.
    private static let hashBits = 24
    private static let largest: Int64 = 1 << (63 - hashBits)

    /// - Parameters:
    ///   - inputs: SQL of what the view's features read: rows that agree in that too are the same to the view.
    ///   - view: its name, for the message.
    func sql(_ inputs: [String], view: String) -> String {
        let hash = "hash(\(inputs.joined(separator: ", ")))"
        switch self {
        case .unique(let position): return position
        case .none: return inputs.isEmpty ? "0::BIGINT" : "(\(hash) >> 1)::BIGINT"
        case .shared(let position):
            // Before those that have one: rows of a join that found no partner.
            let place = "coalesce(\(position), -1)"
            let refusal = refusalSQL("features \(view): a _position of its query lies beyond 2^39")
            return "CASE WHEN \(place) BETWEEN \(-Self.largest) AND \(Self.largest - 1) "
                + "THEN \(place) * \(1 << Self.hashBits)"
                + (inputs.isEmpty ? "" : " + (\(hash) >> \(64 - Self.hashBits))::BIGINT") + " ELSE \(refusal) END"
        }
    }

    /// The position that a row came with, of what `sql` made of it.
    func given(_ position: Int64) -> Int64 {
        if case .shared = self { return position >> Self.hashBits }
        return position
    }
}

/// How the rows of a view are selected: the SQL and the order of its columns.
struct ViewQuery {
    let view: FeatureViewDefinition
    let keys: [Field]
    let inputs: [Field]
    /// A SELECT giving the key columns, event time, arrival time, position and inputs as `c0, c1, …`, in that order;
    /// with rows that were taken back, `removed_at`, too.
    let sql: String
    let position: RowPosition
    /// Whether no two rows have one position and the rows are those of a table, so that one is found again by it.
    let hasUniquePositions: Bool
    /// Whether there are rows that were taken back among them.
    let includesRemoved: Bool

    /// - Parameters:
    ///   - keys: the join keys of the view's entities.
    ///   - relation: the rows. The connection has a temporary view for each source, named like it, over the source's
    ///     silver table.
    /// - Throws: `missingColumn` or `typeMismatch` where the rows do not have what the view declares.
    init(_ view: FeatureViewDefinition, keys: [Field], relation: ViewRelation) throws {
        self.view = view
        self.keys = keys
        inputs = view.inputFields
        position = relation.position
        hasUniquePositions = if case .unique = relation.position { view.reads.isEmpty } else { false }
        includesRemoved = relation.removalTime != nil
        let columns = try view.inputs.map { input in
            let value = try input.column.map { try relation.column($0, input.type) } ?? "TRUE"
            return input.filter.map { "CASE WHEN (\($0)) THEN \(value) END" } ?? value
        }
        var selected = try keys.map { try relation.column(view.keyColumns[$0.name] ?? $0.name, $0.type) }
        selected += [relation.eventTime, relation.arrivalTime, position.sql(columns, view: view.about.name)]
        selected += columns
        var text = "SELECT " + selected.enumerated().map { "\($1) AS c\($0)" }.joined(separator: ", ")
        if let removal = relation.removalTime { text += ", coalesce(epoch_us(\(removal)), \(Int64.max)) AS removed_at" }
        text += " FROM \(relation.sql)"
        var conditions = ["\(relation.eventTime) IS NOT NULL"]
        if let filter = view.filter { conditions.append("(\(filter))") }
        text += " WHERE " + conditions.joined(separator: " AND ")
        sql = text
    }

    /// - Parameter condition: a further restriction over `c0, c1, …` (the keys) for reading some entities only.
    func load(_ connection: QueryConnection, where condition: String? = nil) throws -> ViewRows {
        try rows(from: "(\(sql))", connection, where: condition, withInputs: true)
    }

    /// The columns of `sql` as a list.
    /// - Parameter withInputs: false leaves the inputs out.
    func columnList(withInputs: Bool = true) -> String {
        let count = keys.count + 3 + (withInputs ? inputs.count : 0)
        return ((0..<count).map { "c\($0)" } + (includesRemoved ? ["removed_at"] : [])).joined(separator: ", ")
    }

    /// The rows that count as known at `time`, and nothing of what became of them later.
    func load(_ connection: QueryConnection, knownAt time: Timestamp, where conditions: [String] = []) throws
        -> ViewRows
    {
        var rows = try load(connection, where: ([knownAt(time)] + conditions).joined(separator: " AND "))
        rows.removalTimes = nil
        return rows
    }

    /// - Parameters:
    ///   - relation: rows with the columns `c0, c1, …` of `sql`: that query, or a file written by it.
    ///   - withInputs: false leaves the inputs out, which are then read row by row: `inputs(at:_:)`.
    func rows(
        from relation: String, _ connection: QueryConnection, where condition: String?, withInputs: Bool
    ) throws -> ViewRows {
        let list = columnList(withInputs: withInputs)
        let text =
            "SELECT c\(keys.count) AS rows_order, \(list) FROM \(relation)" + (condition.map { " WHERE \($0)" } ?? "")
        let batch = try connection.collect(text)
        func times(_ index: Int) -> [Int64] {
            switch batch.columns[index].values {
            case .timestamp(let values), .int64(let values): return values
            default: preconditionFailure("times and positions are 64-bit integers")
            }
        }
        let first = keys.count
        let end = batch.columns.count - (includesRemoved ? 1 : 0)
        return ViewRows(
            keys: Array(batch.columns[..<first]), eventTimes: times(first), arrivalTimes: times(first + 1),
            positions: times(first + 2), removalTimes: includesRemoved ? times(end) : nil,
            inputs: withInputs ? zip(inputs, batch.columns[(first + 3)..<end]).map { ($0.name, $1) } : [])
    }

    /// The inputs of the rows with these positions, in their order.
    /// - Throws: `conflict` where a position is not that of one row.
    func inputs(at positions: [Int64], _ connection: QueryConnection) throws -> [Column] {
        let numbers = positions.indices.map { Int32($0) }
        try connection.register(
            "wanted_rows",
            RecordBatch([("number", Column(.int32(numbers))), ("position", Column(.int64(positions)))]))
        defer { try? connection.unregister("wanted_rows") }
        let list = inputs.indices.map { ", v.c\(keys.count + 3 + $0)" }.joined()
        let batch = try connection.collect(
            """
            SELECT w.position AS rows_order, w.number\(list)
            FROM (\(sql)) AS v JOIN wanted_rows AS w ON v.c\(keys.count + 2) = w.position
            """)
        guard case .int32(let found) = batch.columns[0].values, found.count == positions.count else {
            throw MartletError(
                .conflict, "features \(view.about.name): two rows of the source have one position",
                fix: "leave the silver table to martlet ingest")
        }
        var order = [Int32](repeating: -1, count: positions.count)
        for (row, number) in found.enumerated() { order[Int(number)] = Int32(row) }
        return batch.columns.dropFirst().map { $0.gathering(fitting: order) }
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
        case .derived: break
        }
        return inputs
    }

    var inputFields: [Field] { inputs.map { Field($0.name, $0.type) } }
}

extension ViewQuery {
    /// The rows whose events had happened and arrived by `time` and were not taken back by then; for windows, whose
    /// right end is open, what happened before it.
    func knownAt(_ time: Timestamp) -> String {
        hadArrived(by: time) + (includesRemoved ? " AND removed_at > \(time.microseconds)" : "")
    }

    /// The same, whatever was taken back.
    func hadArrived(by time: Timestamp) -> String {
        let isWindowed = if case .windowed = view.features { true } else { false }
        let literal = sqlLiteral(.timestamp(time))
        return "c\(keys.count) \(isWindowed ? "<" : "<=") \(literal) AND c\(keys.count + 1) <= \(literal)"
    }
}
