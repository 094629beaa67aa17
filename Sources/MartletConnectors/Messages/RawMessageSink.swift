package import MartletCore
package import MartletLog

/// Messages of one source from one stream, with where the connector stands behind them.
package struct RawMessages: Sendable {
    /// The source as it is declared.
    package var source: String
    /// Such as a partition: one position for each.
    package var stream: String
    /// In the stream's order; at least one.
    package var messages: [RawMessage] = []
    /// Where the connector stands once all of them are stored; nil where the broker keeps that itself.
    package var position: SourcePosition?

    package init(source: String, stream: String) {
        self.source = source
        self.stream = stream
    }
}

/// Where connectors hand on what they read. A connector has one append on the way at a time, so a failed one is never
/// overtaken by a later one of the same stream.
package protocol RawMessageSink: Sendable {
    /// Stores each batch whole, together with its position, and calls `completion` once all are durable, or not; from
    /// any thread. Messages that are no events of their source are stored as dead letters, which is no failure.
    /// `limitExceeded` means that nothing was stored for want of room: the same append is tried again. After any other
    /// failure the connector begins again from the stored positions, which say what was stored.
    func append(_ batches: [RawMessages], completion: @escaping @Sendable (Result<Void, MartletError>) -> Void)

    /// The position stored with the last batch of a stream; nil where there is none.
    func position(of stream: String) throws(MartletError) -> SourcePosition?
}
