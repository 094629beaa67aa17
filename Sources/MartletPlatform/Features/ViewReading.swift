internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The rows of a view before anything is selected from them: the source's or the query's, with what they say of time.
struct ViewRelation {
    let view: FeatureViewDefinition
    /// What can follow FROM.
    let sql: String
    let available: InputRelation
    /// SQL expressions.
    let eventTime: String
    let arrivalTime: String
    let position: RowPosition
    /// When a row was taken back; nil where the rows are live ones only.
    let removalTime: String?

    /// - Parameter sql: nil means the source or the query that the view names.
    /// - Throws: `missingColumn` or `typeMismatch` for the event time.
    init(
        _ view: FeatureViewDefinition, source: SourceDefinition, sql: String? = nil, connection: QueryConnection
    ) throws {
        self.view = view
        self.sql =
            sql ?? view.sql.map { "(\(trimmedStatement($0.text)))" } ?? quotedIdentifier(source.about.name)
        available = try InputRelation(sql: self.sql, connection: connection)
        eventTime = try Self.column(view.eventTime ?? source.eventTime, .timestamp, of: view, available)
        if let arrival = try Self.column(SystemColumn.arrivalTime, of: view, available) {
            // The rows of a join that found no partner have none: they are known from when they happened.
            arrivalTime = view.sql == nil ? arrival : "coalesce(\(arrival), \(eventTime))"
        } else {
            arrivalTime = eventTime
        }
        if let column = try Self.column(SystemColumn.position, of: view, available) {
            position = view.sql == nil ? .unique(column) : .shared(column)
        } else {
            position = .none
        }
        removalTime = view.sql == nil ? try Self.column(LiveRows.removedTime, of: view, available) : nil
    }

    /// A column in the type that the view declares.
    /// - Throws: `missingColumn` or `typeMismatch` where the rows do not have what the view declares.
    func column(_ name: String, _ type: DataType) throws -> String {
        try Self.column(name, type, of: view, available)
    }

    /// nil where the rows do not have it.
    private static func column(
        _ system: Field, of view: FeatureViewDefinition, _ available: InputRelation
    ) throws -> String? {
        guard let found = available.columns.first(where: { $0.name == system.name }) else { return nil }
        guard found.type != "VARCHAR", found.type != "JSON" else {
            throw MartletError(
                .typeMismatch, "features \(view.about.name): \(system.name) of its rows is a text",
                place: view.about.place, fix: "select it as it is")
        }
        return try column(system.name, system.type, of: view, available)
    }

    private static func column(
        _ name: String, _ type: DataType, of view: FeatureViewDefinition, _ available: InputRelation
    ) throws -> String {
        do {
            return try TypedColumn(SourceColumn(name: name, type: type), input: available).value
        } catch let error as MartletError {
            throw MartletError(
                error.code, "features \(view.about.name): \(error.message)", place: view.about.place, fix: error.fix)
        }
    }
}

/// A user's query as it can stand in parentheses: without the semicolon that ends it.
private func trimmedStatement(_ text: String) -> String {
    var rest = Substring(text)
    while let last = rest.last, last.isWhitespace || last == ";" { rest.removeLast() }
    // A comment on the last line must not swallow the closing parenthesis.
    return rest + "\n"
}

extension Workspace {
    /// The rows of a view with the features that it reads of other views as further columns, each as of the row's own
    /// event time and as known at its arrival. So they are fixed when a row arrives, and the same under both clocks.
    ///
    /// The rows are kept as a temporary table of the connection, which spills to disk; the rows of the views that are
    /// read are held in memory while their columns are computed.
    /// - Returns: what can follow FROM.
    func rowsWithReads(
        _ view: FeatureViewDefinition, _ definitions: AppliedDefinitions, _ connection: QueryConnection,
        of relation: String?
    ) throws -> String {
        guard let source = view.source else { throw view.hasNoRows }
        let plain = try ViewRelation(
            view, source: definitions.source(source), sql: relation, connection: connection)
        let rows = quotedIdentifier("_rows_\(view.about.name)")
        let row = "_row_number"
        try connection.execute(
            "CREATE OR REPLACE TEMP TABLE \(rows) AS SELECT row_number() OVER () AS \(row), * FROM \(plain.sql)")
        let kept = try ViewRelation(view, source: definitions.source(source), sql: rows, connection: connection)
        var columns: [(String, Column)] = []
        for read in view.reads {
            let other = try definitions.view(read.view)
            let keys = try definitions.keys(of: other)
            let selected = try keys.map { try kept.column(read.keyColumns[$0.name] ?? $0.name, $0.type) }
            let list = ([row, kept.eventTime, kept.arrivalTime] + selected).enumerated().map { "\($1) AS c\($0)" }
            let labels = try connection.query(
                "SELECT \(list.joined(separator: ", ")) FROM \(rows) WHERE \(kept.eventTime) IS NOT NULL ORDER BY c0")
            guard case .timestamp(let times) = labels.columns[1].values,
                case .timestamp(let arrivals) = labels.columns[2].values
            else { preconditionFailure("times are timestamps") }
            let query = try viewQuery(other, definitions, connection, includesRemoved: true)
            let computation = try ViewComputation(other, try query.load(connection))
            let features = try computation.features(
                keys: Array(labels.columns[3...]), times: times, knownAt: arrivals, threads: threads)
            if columns.isEmpty { columns.append((row, labels.columns[0])) }
            for (name, column) in zip(other.featureNames, features)
            where read.features.contains(where: { $0.name == name }) {
                columns.append((read.columnName(name), column))
            }
        }
        let reads = "_reads_\(view.about.name)"
        try connection.register(reads, RecordBatch(columns))
        return "(SELECT * EXCLUDE (\(row)) FROM \(rows) JOIN \(quotedIdentifier(reads)) USING (\(row)))"
    }
}

extension AppliedDefinitions {
    /// The view, and the views that it reads, directly or through others, each once.
    func closure(of view: FeatureViewDefinition) throws -> [FeatureViewDefinition] {
        var found = [view]
        var next = 0
        while next < found.count {
            for read in found[next].reads where !found.contains(where: { $0.about.name == read.view }) {
                found.append(try self.view(read.view))
            }
            next += 1
        }
        return found
    }
}
