package import MartletCore

/// One message as a broker or a database gave it, before anyone reads it as an event of the source.
package struct RawMessage: Sendable, Hashable {
    package enum Operation: UInt8, Sendable, Hashable {
        case insert = 1
        case update
        case delete
        /// All rows that the source has told so far are gone; more may follow.
        case truncate
    }

    /// What the message says.
    package enum Payload: Sendable, Hashable {
        /// Bytes in the source's own format, JSON so far. None for a delete that names only its key.
        case bytes([UInt8])
        /// A row of a table, as text column by column; `before` is what the database told of the row until then: all
        /// of it, its key columns, or nothing.
        case row(after: RawRow?, before: RawRow?)
    }

    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: [UInt8]

        package init(name: String, value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package var operation: Operation
    /// The broker's key of the message; nil where it has none.
    package var key: [UInt8]?
    package var payload: Payload
    package var headers: [Header] = []
    /// The id under which the payload's schema is registered, where the message says it.
    package var schemaID: UInt32?
    /// When the broker took the message or the database committed the change; nil where neither says so.
    package var sentAt: Timestamp?
    /// What makes it the same message when it comes again; empty where nothing does.
    package var id: [UInt8] = []
    /// Why it must not be tried again; nil for a message that is to be read.
    package var poison: String?

    package init(_ operation: Operation, key: [UInt8]? = nil, payload: Payload) {
        self.operation = operation
        self.key = key
        self.payload = payload
    }

    /// About what it takes in memory, for limits.
    package var sizeBytes: Int {
        var size = 160 + (key?.count ?? 0) + id.count
        for header in headers { size += 64 + header.name.utf8.count + header.value.count }
        switch payload {
        case .bytes(let bytes): size += bytes.count
        case .row(let after, let before): size += (after?.sizeBytes ?? 0) + (before?.sizeBytes ?? 0)
        }
        return size
    }
}
