internal import MartletCore
internal import MartletObjects
internal import MartletQuery
internal import MartletRegistry
internal import Synchronization

/// What is kept of a training set: the hash of its values and a summary of each column, made while the rows pass.
///
/// `@unchecked Sendable` because a scan calls its cursor under a lock, and within one batch each column has one thread.
final class SetSummary: @unchecked Sendable {
    private let schema: Schema
    private let columns: [ColumnSummary]
    private let threads: Int
    private(set) var rowCount: Int64 = 0

    init(_ schema: Schema, threads: Int) throws {
        self.schema = schema
        self.threads = threads
        columns = try schema.fields.map { try ColumnSummary($0) }
    }

    func update(_ batch: RecordBatch) throws {
        rowCount += Int64(batch.rowCount)
        let failure = FirstFailure()
        parallelFor(columns.count, threads: batch.rowCount > 10_000 ? threads : 1) { index in
            do { try self.columns[index].update(batch.columns[index]) } catch { failure.note(error) }
        }
        try failure.rethrow()
    }

    /// - Parameter features: by column, `view:feature`.
    func finish(features: [String: String]) throws -> (hash: String, columns: [DatasetColumn]) {
        let finished = try zip(schema.names, columns).map { try $1.finish(feature: features[$0]) }
        var digest = try SHA256Digest()
        try digest.update("\(rowCount)\n".utf8)
        for column in finished { try digest.update("\(column.name.utf8.count):\(column.name)\(column.hash)".utf8) }
        return (try digest.finishAsHex(), finished)
    }

    /// The same rows, summarized as they pass; their reader fails where the work was cancelled, at their end too.
    func watching(_ rows: RowSource, _ cancellation: Cancellation) -> RowSource {
        RowSource(schema: rows.schema, rowCount: rows.rowCount) {
            SummarizingCursor(rows.makeCursor(), self, cancellation)
        }
    }
}

/// `@unchecked Sendable` because a scan calls its cursor under a lock.
private final class SummarizingCursor: BatchCursor, @unchecked Sendable {
    private let cursor: any BatchCursor
    private let summary: SetSummary
    private let cancellation: Cancellation

    init(_ cursor: any BatchCursor, _ summary: SetSummary, _ cancellation: Cancellation) {
        self.cursor = cursor
        self.summary = summary
        self.cancellation = cancellation
    }

    func next() throws -> RecordBatch? {
        try cancellation.check()
        guard let batch = try cursor.next() else { return nil }
        try summary.update(batch)
        return batch
    }
}

private final class FirstFailure: Sendable {
    private let error = Mutex<(any Error)?>(nil)

    func note(_ found: any Error) { error.withLock { $0 = $0 ?? found } }

    func rethrow() throws {
        if let error = error.withLock({ $0 }) { throw error }
    }
}
