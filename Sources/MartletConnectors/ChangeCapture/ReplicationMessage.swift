package import MartletCore

/// A message of PostgreSQL's `pgoutput` plug-in, protocol 1 and 2 (manual, "Logical Replication Message Formats").
package enum ReplicationMessage: Sendable, Hashable {
    /// Microseconds are since 1970 here and below.
    case begin(commit: LogSequenceNumber, time: Timestamp, transaction: UInt32)
    case commit(commit: LogSequenceNumber, end: LogSequenceNumber, time: Timestamp)
    case origin(commit: LogSequenceNumber, name: String)
    case relation(Relation)
    case type(identifier: UInt32, schema: String, name: String)
    case insert(relation: UInt32, new: Tuple)
    case update(relation: UInt32, old: Tuple?, oldIsWhole: Bool, new: Tuple)
    case delete(relation: UInt32, old: Tuple, oldIsWhole: Bool)
    case truncate(relations: [UInt32], cascades: Bool, restartsIdentity: Bool)
    case logical(isTransactional: Bool, at: LogSequenceNumber, prefix: String, content: [UInt8])
    case streamStart(transaction: UInt32, isFirst: Bool)
    case streamStop
    case streamCommit(transaction: UInt32, commit: LogSequenceNumber, end: LogSequenceNumber, time: Timestamp)
    case streamAbort(transaction: UInt32, subtransaction: UInt32)

    package struct Relation: Sendable, Hashable {
        package var identifier: UInt32
        package var schema: String
        package var name: String
        /// `d` default, `n` nothing, `f` full, `i` an index.
        package var identity: UInt8
        package var columns: [Column]

        package init(identifier: UInt32, schema: String, name: String, identity: UInt8, columns: [Column]) {
            self.identifier = identifier
            self.schema = schema
            self.name = name
            self.identity = identity
            self.columns = columns
        }
    }

    package struct Column: Sendable, Hashable {
        package var isKey: Bool
        package var name: String
        package var type: UInt32
        package var modifier: Int32

        package init(isKey: Bool, name: String, type: UInt32, modifier: Int32) {
            self.isKey = isKey
            self.name = name
            self.type = type
            self.modifier = modifier
        }
    }

    /// The cells of a row, in the order of the relation's columns, with where each lies in `bytes`.
    package struct Tuple: Sendable, Hashable {
        package enum Cell: Sendable, Hashable {
            case null
            case unchanged
            case text(Range<Int>)
            case binary(Range<Int>)
        }
        package var cells: [Cell]
        package var bytes: [UInt8]

        package init(cells: [Cell], bytes: [UInt8]) {
            self.cells = cells
            self.bytes = bytes
        }
    }
}
