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
    private static let readBytes = 4 << 20

    init(
        _ source: SourceDefinition, version: UInt32, from start: Int64, to end: Int64, in log: EventLog,
        _ schemas: PayloadSchemas
    ) throws {
        self.source = source
        self.version = version
        self.schemas = schemas
        self.end = end
        reader = try log.reader(from: start)
    }

    /// The rows as a source for SQL.
    static func rows(
        _ source: SourceDefinition, version: UInt32, from start: Int64, to end: Int64, in log: EventLog,
        _ schemas: PayloadSchemas
    ) throws -> RowSource {
        let cursor = try LoggedRows(source, version: version, from: start, to: end, in: log, schemas)
        return RowSource(schema: source.arrivedSchema, rowCount: nil) { cursor }
    }

    func next() throws -> RecordBatch? {
        while reader.offset < end {
            var parts: [RecordBatch] = []
            for logged in try reader.next(maximumBytes: Self.readBytes, before: end)
            where logged.batch.source == source.about.name { parts.append(try batch(logged)) }
            if !parts.isEmpty { return RecordBatch.joining(parts) }
        }
        return nil
    }

    private func batch(_ logged: LoggedBatch) throws -> RecordBatch {
        let events = logged.batch
        let reader = try schemas.reader(events.source, written: events.schemaVersion, as: version)
        let origin = events.position?.stream ?? "push"
        let offsets = (0..<events.count).map { logged.baseOffset + Int64($0) }
        return RecordBatch(
            schema: source.arrivedSchema,
            columns: try reader.columns(events.payloads) + [
                Column(.timestamp(events.arrivalTimes)), Column(.int64(offsets)),
                Column(.string(ByteStrings(repeatElement(origin, count: events.count)))),
                Column(.string(ByteStrings(events.operations.map(\.name)))),
            ])
    }
}
