package import MartletCore

/// The one way in. Connectors, the server and the command line append through it and know nothing of what lies behind.
package protocol EventAppending: Sendable {
    /// Appends the batches, in their order, and calls `completion` once they are durable, or not; on a thread of the
    /// log's, which it must not block. Never blocks on the disk.
    ///
    /// Events whose id was seen within the dedupe horizon are acknowledged and not stored again.
    /// - Throws (through `completion`): `limitExceeded` where more waits to be written than the log's limit: come again
    ///   later. `storeUnavailable` once a write or a sync has failed: nothing is acknowledged any more.
    func append(_ batches: [EventBatch], completion: @escaping @Sendable (Result<AppendReceipt, MartletError>) -> Void)

    /// The position stored with the last batch of a stream; nil where there is none.
    func position(of stream: String) -> SourcePosition?
}

/// What became of appended events.
package struct AppendReceipt: Sendable, Hashable {
    /// The offset behind the last stored event: every event of the append has a smaller one.
    package var endOffset: Int64
    package var stored: Int
    /// Events that had been stored before.
    package var duplicates: Int

    package init(endOffset: Int64, stored: Int, duplicates: Int) {
        self.endOffset = endOffset
        self.stored = stored
        self.duplicates = duplicates
    }
}
