internal import MartletCore

/// How a connector is doing, for `/metrics` and `martlet status`.
package struct ConnectorStatus: Sendable, Hashable {
    package enum State: String, Sendable, Hashable {
        case starting
        /// Reads what the source had when it was first met.
        case snapshot
        case streaming
        /// Reads nothing until what it read is durable.
        case paused
        /// Waits before it connects again.
        case waiting
        case stopped
        /// Ended by something that no further attempt mends.
        case failed
    }

    package struct Lag: Sendable, Hashable {
        package var stream: String
        /// Messages that the broker has behind the last durable one; nil where it does not say.
        package var messages: Int64?
        /// Bytes of change log that the database keeps for us; nil for brokers.
        package var bytes: Int64?
        /// Between the last durable message's time and now, while there are later ones; nil where unknown.
        package var seconds: Double?

        package init(stream: String, messages: Int64? = nil, bytes: Int64? = nil, seconds: Double? = nil) {
            self.stream = stream
            self.messages = messages
            self.bytes = bytes
            self.seconds = seconds
        }
    }

    package var source: String
    package var kind: String
    package var state = State.starting
    package var lags: [Lag] = []
    /// The last failure as a sentence, without data or secrets; nil where there was none.
    package var lastError: String?
    /// Times that it had to begin again.
    package var reconnects: Int64 = 0
    /// Durable messages and their bytes.
    package var messages: Int64 = 0
    package var bytes: Int64 = 0
    /// Messages that came again.
    package var redeliveries: Int64 = 0
    /// Messages that were given up.
    package var poison: Int64 = 0
    /// PostgreSQL's word for what it keeps for the slot: reserved, extended, unreserved or lost.
    package var slotState: String?
    /// Times that the table was read as a whole.
    package var snapshots: Int64 = 0

    package init(source: String, kind: String) {
        self.source = source
        self.kind = kind
    }
}

/// Something that brings messages into the log.
package protocol Connector: Sendable {
    /// Reads until `stop` is called or nothing can mend what happened; on a thread of the caller's, once.
    func run()
    /// Asks `run` to hand on what it read and to return; from any thread.
    func stop()
    var status: ConnectorStatus { get }
}
