internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletQuery

/// The events of one source between two offsets of the log, as the rows that `bronze.SOURCE` takes: read and decoded
/// while they are written, in memory bounded by one piece of the log.
// A scan calls the cursor under its own lock, so that no two threads are in it at once.
final class LoggedRows: BatchCursor, @unchecked Sendable {
    private let source: SourceDefinition
    private let version: UInt32
    private let schemas: PayloadSchemas
    private var reader: LogReader
    private let end: Int64
    /// Read ahead to know whether there is any.
    private var first: RecordBatch?
    private static let readBytes = 4 << 20

    /// - Returns: nil where the source has no events between the offsets.
    init?(
        _ source: SourceDefinition, version: UInt32, from start: Int64, to end: Int64, in log: EventLog,
        _ schemas: PayloadSchemas
    ) throws {
        self.source = source
        self.version = version
        self.schemas = schemas
        self.end = end
        reader = log.reader(from: start, sources: [source.about.name])
        first = try readNext()
        if first == nil { return nil }
    }

    /// The rows as a source for SQL, which reads them once.
    var rows: RowSource { RowSource(schema: source.arrivedSchema, rowCount: nil) { self } }

    func next() throws -> RecordBatch? {
        if let batch = first {
            first = nil
            return batch
        }
        return try readNext()
    }

    private func readNext() throws -> RecordBatch? {
        while reader.offset < end {
            let parts = try reader.next(maximumBytes: Self.readBytes).filter { ($0.offsets.first ?? end) < end }
            if !parts.isEmpty { return try RecordBatch.joining(parts.map(batch)) }
        }
        return nil
    }

    private func batch(_ logged: LoggedBatch) throws -> RecordBatch {
        let events = logged.events
        let reader = try schemas.reader(events.source, written: events.schemaVersion, as: version)
        let origin = events.position?.stream ?? "push"
        let rows = RecordBatch(
            schema: source.arrivedSchema,
            columns: try reader.columns(events.payloads) + [
                Column(.timestamp(events.arrivalTimes)), Column(.int64(logged.offsets)),
                Column(.string(ByteStrings(repeatElement(origin, count: events.count)))),
                Column(.string(ByteStrings(events.operations.map(\.name)))),
            ])
        let count = logged.offsets.count { $0 < end }
        return try count == rows.rowCount ? rows : rows.gathering(Array(0..<Int32(count)))
    }
}
