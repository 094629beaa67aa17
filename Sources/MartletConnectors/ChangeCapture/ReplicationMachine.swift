package import MartletCore

/// What to make of the messages of a replication stream: which are changes of our table, which were stored before, and
/// where we stand behind each. No I/O, no clock.
///
/// The server sends a transaction when it has committed, as a whole, and again as a whole after a crash. A transaction
/// may be stored in parts: the position then says how many of its changes are, and they are left out when it comes
/// again. Which changes are ours and in which order never differs between the two times.
package struct ReplicationMachine: Sendable {
    package enum Action: Sendable {
        case nothing
        case change(RawMessage)
        /// An update that changed the key: the old row goes, a new one comes.
        case changes(RawMessage, RawMessage)
    }

    private struct Transaction: Sendable {
        var commit: LogSequenceNumber
        var time: Timestamp
        var changes = 0
        /// How many of its changes are stored already.
        var stored: Int
    }

    private struct Known: Sendable {
        var table: RawTable
        var keys: [Int]
    }

    private let schema: String
    private let name: String
    private let slot: String
    /// Empty where the table has no primary key: then the stream's own marks say what the key is.
    private let keyColumns: Set<String>
    private var relations: [UInt32: Known] = [:]
    private var transaction: Transaction?
    private var lastTable: RawTable?

    package private(set) var position: CapturePosition
    /// All before it was sent and taken.
    package private(set) var serverEnd: LogSequenceNumber
    /// Transactions that came again though stored.
    package private(set) var repeated = 0

    /// - Parameter table: as a snapshot has described it, so that an unchanged description keeps its version.
    package init(table: RawTable, slot: String, position: CapturePosition) {
        schema = table.schema
        name = table.name
        keyColumns = Set(table.columns.filter(\.isKey).map(\.name))
        lastTable = table
        self.slot = slot
        self.position = position
        serverEnd = position.end
    }

    package var isInTransaction: Bool { transaction != nil }

    /// What the server may forget, where all that was taken is durable.
    package var confirmable: LogSequenceNumber { isInTransaction ? position.end : max(position.end, serverEnd) }

    package mutating func keepalive(end: LogSequenceNumber) { if !isInTransaction { serverEnd = max(serverEnd, end) } }

    /// - Throws: `corruptData` where the messages do not follow the protocol.
    package mutating func receive(_ message: ReplicationMessage) throws(MartletError) -> Action {
        switch message {
        case .begin(let commit, let time, _):
            guard transaction == nil else { throw WireReader.broken }
            // Commits do not overlap: one that begins before a stored end is stored as a whole.
            let isStored = commit < position.end
            if isStored { repeated += 1 }
            let part = position.partialCommit == commit ? position.partialChanges : 0
            transaction = Transaction(commit: commit, time: time, stored: isStored ? .max : part)
        case .commit(_, let end, _):
            guard transaction != nil else { throw WireReader.broken }
            transaction = nil
            serverEnd = max(serverEnd, end)
            if end > position.end {
                position = CapturePosition(system: position.system, phase: .streaming, end: end)
            }
        case .relation(let relation): try learn(relation)
        case .insert(let relation, let new):
            guard let (known, send) = try change(of: relation) else { return .nothing }
            return send.one(.insert, after: try row(new, known), before: nil)
        case .update(let relation, let old, let isWhole, let new):
            guard let (known, send) = try change(of: relation) else { return .nothing }
            return try update(known, send, old: old, isWhole: isWhole, new: new)
        case .delete(let relation, let old, let isWhole):
            guard let (known, send) = try change(of: relation) else { return .nothing }
            return send.one(.delete, after: nil, before: try row(old, known, keysOnly: !isWhole))
        case .truncate(let truncated, _, _):
            guard let ours = truncated.first(where: { relations[$0] != nil }),
                let (_, send) = try change(of: ours)
            else { return .nothing }
            return send.one(.truncate, after: nil, before: nil)
        case .logical(let isTransactional, let place, _, _):
            if !isTransactional { keepalive(end: place) }
        case .origin, .type: break
        case .streamStart, .streamStop, .streamCommit, .streamAbort:
            throw MartletError(
                .corruptData, "PostgreSQL streams a transaction before its commit, which was not asked for")
        }
        return .nothing
    }

    private mutating func learn(_ relation: ReplicationMessage.Relation) throws(MartletError) {
        guard relation.schema == schema, relation.name == name else {
            relations[relation.identifier] = nil
            return
        }
        let columns = relation.columns.map { column in
            RawTable.Column(
                name: column.name, type: column.type,
                isKey: keyColumns.isEmpty ? column.isKey : keyColumns.contains(column.name))
        }
        var table = RawTable(
            schema: schema, name: name, columns: columns, version: (lastTable?.version ?? 0) + 1)
        if let lastTable, lastTable.describesSame(as: table) { table = lastTable }
        lastTable = table
        relations[relation.identifier] = Known(table: table, keys: columns.indices.filter { columns[$0].isKey })
    }

    /// Makes messages of one change, with its place in the transaction.
    private struct Sender {
        var id: String
        var time: Timestamp

        func message(_ operation: RawMessage.Operation, after: RawRow?, before: RawRow?, part: String = "")
            -> RawMessage
        {
            var message = RawMessage(operation, payload: .row(after: after, before: before))
            message.id = Array((id + part).utf8)
            message.sentAt = time
            return message
        }

        func one(_ operation: RawMessage.Operation, after: RawRow?, before: RawRow?) -> Action {
            .change(message(operation, after: after, before: before))
        }
    }

    /// Counts a change of the open transaction.
    /// - Returns: nil where it is not of our table, or stored already.
    private mutating func change(of relation: UInt32) throws(MartletError) -> (Known, Sender)? {
        guard var open = transaction else { throw WireReader.broken }
        guard let known = relations[relation] else { return nil }
        open.changes += 1
        transaction = open
        guard open.changes > open.stored else { return nil }
        position.partialCommit = open.commit
        position.partialChanges = open.changes
        return (
            known, Sender(id: "\(position.system)/\(slot)/\(open.commit)/\(open.changes)", time: open.time)
        )
    }

    private func update(
        _ known: Known, _ send: Sender, old: ReplicationMessage.Tuple?, isWhole: Bool, new: ReplicationMessage.Tuple
    ) throws(MartletError) -> Action {
        var after = try row(new, known)
        guard let old else { return send.one(.update, after: after, before: nil) }
        let before = try row(old, known, keysOnly: !isWhole)
        if isWhole { after = after.filled(from: before) }
        // Without the whole row an old tuple comes only where the key changed.
        guard !isWhole || known.keys.contains(where: { before[$0] != after[$0] }) else {
            return send.one(.update, after: after, before: before)
        }
        return .changes(
            send.message(.delete, after: nil, before: before, part: "/delete"),
            send.message(.insert, after: after, before: before))
    }

    private func row(
        _ tuple: ReplicationMessage.Tuple, _ known: Known, keysOnly: Bool = false
    ) throws(MartletError) -> RawRow {
        guard tuple.cells.count == known.table.columns.count else { throw WireReader.broken }
        var row = RawRow(known.table)
        row.reserveCapacity(tuple.cells.count, bytes: tuple.bytes.count)
        for (index, cell) in tuple.cells.enumerated() {
            switch cell {
            case .null:
                // Of an old key the other columns come as null, whatever they were.
                if keysOnly && !known.keys.contains(index) { row.appendUnchanged() } else { row.appendNull() }
            case .unchanged: row.appendUnchanged()
            case .text(let range): row.append(text: tuple.bytes[range])
            case .binary: throw WireReader.broken
            }
        }
        return row
    }
}
