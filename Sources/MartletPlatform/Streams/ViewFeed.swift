internal import MartletCore
internal import MartletDefinitions
internal import MartletQuality
internal import MartletQuery

/// Turns events of a source into the rows of one view: by the very query that the offline path runs over the tables,
/// run over the batch, so that filters and conversions are the same. Not for use from two threads at once.
final class ViewFeed {
    private let connection: QueryConnection
    private let query: ViewQuery
    private let batch: CurrentBatch

    /// - Throws: `invalidDefinition` for a view whose rows are not those of its source alone: they come from a query or
    ///   are given features of other views.
    init(_ view: FeatureViewDefinition, _ definitions: AppliedDefinitions, engine: QueryEngine) throws {
        guard let name = view.source, view.sql == nil, view.reads.isEmpty else {
            throw MartletError(
                .invalidDefinition,
                "features \(view.about.name) cannot follow the log: their rows are not those of "
                    + "their source alone", place: view.about.place, fix: "load them: martlet materialize")
        }
        connection = try engine.connect()
        let source = try definitions.source(name)
        let batch = CurrentBatch(source.landedSchema)
        try connection.register("_batch", RowSource(schema: source.landedSchema, rowCount: nil) { batch.cursor() })
        self.batch = batch
        let held = heldRowCondition(definitions.checks(of: name))
        try connection.execute(
            "CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(name)) AS SELECT * FROM _batch"
                + (held.map { " WHERE NOT coalesce(\($0), false)" } ?? ""))
        query = try ViewQuery(
            view, keys: definitions.keys(of: view),
            relation: ViewRelation(view, source: source, connection: connection))
    }

    /// The rows of the view among these rows of the source, which have its landed columns.
    func rows(of events: RecordBatch) throws -> ViewRows {
        batch.set(events)
        let rows = try connection.query(query.sql)
        func times(_ index: Int) -> [Int64] {
            switch rows.columns[index].values {
            case .timestamp(let values), .int64(let values): return values
            default: preconditionFailure("times and positions are 64-bit integers")
            }
        }
        let first = query.keys.count
        return ViewRows(
            keys: Array(rows.columns[..<first]), eventTimes: times(first), arrivalTimes: times(first + 1),
            positions: times(first + 2), inputs: zip(query.inputs, rows.columns[(first + 3)...]).map { ($0.name, $1) })
    }
}

/// The rows that the next query reads.
// Set between queries, by the thread that runs them; DuckDB's threads read it only within one.
private final class CurrentBatch: @unchecked Sendable {
    private let schema: Schema
    private var batch: RecordBatch?

    init(_ schema: Schema) { self.schema = schema }

    func set(_ batch: RecordBatch) { self.batch = batch }
    func cursor() -> any BatchCursor { OneBatchCursor(batch) }
}

// A scan calls a cursor under its own lock.
private final class OneBatchCursor: BatchCursor, @unchecked Sendable {
    private var batch: RecordBatch?
    init(_ batch: RecordBatch?) { self.batch = batch }
    func next() -> RecordBatch? {
        defer { batch = nil }
        return batch
    }
}
