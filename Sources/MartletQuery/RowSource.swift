package import MartletCore

/// Rows that SQL can read as a table: one batch, or batches made as they are asked for.
package struct RowSource: Sendable {
    package let schema: Schema
    /// nil where the number of rows is not known before they are made.
    package let rowCount: Int?
    package let makeCursor: @Sendable () -> any BatchCursor

    package init(_ batch: RecordBatch) {
        schema = batch.schema
        rowCount = batch.rowCount
        makeCursor = { OneBatch(batch) }
    }

    /// - Parameter makeCursor: called once for each scan; every batch it gives has this schema.
    package init(schema: Schema, rowCount: Int?, _ makeCursor: @escaping @Sendable () -> any BatchCursor) {
        self.schema = schema
        self.rowCount = rowCount
        self.makeCursor = makeCursor
    }
}

/// Gives batches one after another. Called by one thread at a time.
package protocol BatchCursor: AnyObject, Sendable {
    /// nil at the end.
    func next() throws -> RecordBatch?
}

// Scans call a cursor under their own lock, so the flag is never touched by two threads at once.
private final class OneBatch: BatchCursor, @unchecked Sendable {
    private var batch: RecordBatch?
    init(_ batch: RecordBatch) { self.batch = batch }
    func next() -> RecordBatch? {
        defer { batch = nil }
        return batch
    }
}
