package import MartletCore

/// What an event says of its key's state.
package enum EventOperation: UInt8, Sendable, Hashable {
    case insert = 1
    /// The event takes the place of an earlier one with the same id.
    case update
    /// The event with the same id is taken back.
    case delete

    package var name: String {
        switch self {
        case .insert: "insert"
        case .update: "update"
        case .delete: "delete"
        }
    }
}

/// Events of one source under one version of its schema, column by column: the unit in which events are appended, made
/// durable, read and handed on. All columns have one value an event.
///
/// A batch is stored whole or not at all, together with the position of the connector that brought it, so that a
/// connector resumes exactly behind its last event.
package struct EventBatch: Sendable, Hashable {
    /// The source as it is declared.
    package var source: String
    /// Of the source's definition: what `payloads` are encoded under.
    package var schemaVersion: UInt32
    /// When each event happened, microseconds since the epoch, UTC.
    package var eventTimes: [Int64] = []
    /// When each event became known, microseconds since the epoch, UTC.
    package var arrivalTimes: [Int64] = []
    package var operations: [EventOperation] = []
    /// What makes an event the same event when it comes again; empty where nothing does.
    package var ids = ByteStrings()
    /// The events themselves, each as `RowLayout` has it for the source's columns.
    package var payloads = ByteStrings()
    /// Where the connector stands once this batch is stored; nil for events that are pushed.
    package var position: SourcePosition?
    /// The W3C trace id of the request that brought the events; empty where none is known.
    package var traceID = ""

    package init(source: String, schemaVersion: UInt32) {
        self.source = source
        self.schemaVersion = schemaVersion
    }

    package var count: Int { eventTimes.count }
}

/// How far a connector has read: one name for each independent stream of a connector, such as a partition, and bytes
/// that only the connector understands.
package struct SourcePosition: Sendable, Hashable {
    package var stream: String
    package var bytes: [UInt8]

    package init(stream: String, bytes: [UInt8]) {
        self.stream = stream
        self.bytes = bytes
    }
}
