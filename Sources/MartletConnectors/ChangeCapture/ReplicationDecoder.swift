package import MartletCore

/// Reads `pgoutput` messages. Every length is checked before it is believed.
package struct ReplicationDecoder: Sendable {
    /// Whether the stream is inside a block of a transaction that has not committed: then messages start with its
    /// number.
    private var isInStream = false

    package init() {}

    /// - Throws: `corruptData` where the bytes are no message; nothing is then taken.
    package mutating func decode(_ bytes: UnsafeRawBufferPointer) throws(MartletError) -> ReplicationMessage {
        var reader = WireReader(bytes)
        let kind = try reader.byte()
        let message = try body(kind, &reader)
        guard reader.isAtEnd else { throw WireReader.broken }
        switch message {
        case .streamStart: isInStream = true
        case .streamStop: isInStream = false
        default: break
        }
        return message
    }

    private func body(_ kind: UInt8, _ reader: inout WireReader) throws(MartletError) -> ReplicationMessage {
        switch kind {
        case UInt8(ascii: "B"):
            return .begin(
                commit: try reader.sequenceNumber(), time: try reader.time(), transaction: try reader.uint32())
        case UInt8(ascii: "C"):
            _ = try reader.byte()
            return .commit(
                commit: try reader.sequenceNumber(), end: try reader.sequenceNumber(), time: try reader.time())
        case UInt8(ascii: "O"): return .origin(commit: try reader.sequenceNumber(), name: try reader.text())
        case UInt8(ascii: "S"):
            return .streamStart(transaction: try reader.uint32(), isFirst: try reader.byte() == 1)
        case UInt8(ascii: "E"): return .streamStop
        case UInt8(ascii: "c"):
            let transaction = try reader.uint32()
            _ = try reader.byte()
            return .streamCommit(
                transaction: transaction, commit: try reader.sequenceNumber(), end: try reader.sequenceNumber(),
                time: try reader.time())
        case UInt8(ascii: "A"):
            return .streamAbort(transaction: try reader.uint32(), subtransaction: try reader.uint32())
        default:
            if isInStream { _ = try reader.uint32() }
            return try change(kind, &reader)
        }
    }

    private func change(_ kind: UInt8, _ reader: inout WireReader) throws(MartletError) -> ReplicationMessage {
        switch kind {
        case UInt8(ascii: "R"): return .relation(try relation(&reader))
        case UInt8(ascii: "Y"):
            return .type(identifier: try reader.uint32(), schema: try reader.text(), name: try reader.text())
        case UInt8(ascii: "I"):
            let relation = try reader.uint32()
            guard try reader.byte() == UInt8(ascii: "N") else { throw WireReader.broken }
            return .insert(relation: relation, new: try tuple(&reader))
        case UInt8(ascii: "U"):
            let relation = try reader.uint32()
            var mark = try reader.byte()
            var old: ReplicationMessage.Tuple?
            let isWhole = mark == UInt8(ascii: "O")
            if isWhole || mark == UInt8(ascii: "K") {
                old = try tuple(&reader)
                mark = try reader.byte()
            }
            guard mark == UInt8(ascii: "N") else { throw WireReader.broken }
            return .update(relation: relation, old: old, oldIsWhole: isWhole, new: try tuple(&reader))
        case UInt8(ascii: "D"):
            let relation = try reader.uint32()
            let mark = try reader.byte()
            guard mark == UInt8(ascii: "O") || mark == UInt8(ascii: "K") else { throw WireReader.broken }
            return .delete(relation: relation, old: try tuple(&reader), oldIsWhole: mark == UInt8(ascii: "O"))
        case UInt8(ascii: "T"):
            let count = Int(try reader.uint32())
            let options = try reader.byte()
            guard count <= reader.remaining / 4 else { throw WireReader.broken }
            var relations: [UInt32] = []
            for _ in 0..<count { relations.append(try reader.uint32()) }
            return .truncate(relations: relations, cascades: options & 1 != 0, restartsIdentity: options & 2 != 0)
        case UInt8(ascii: "M"):
            let isTransactional = try reader.byte() & 1 != 0
            let place = try reader.sequenceNumber()
            let prefix = try reader.text()
            let count = Int(try reader.uint32())
            return .logical(
                isTransactional: isTransactional, at: place, prefix: prefix,
                content: Array(try reader.slice(count)))
        default: throw WireReader.broken
        }
    }

    private func relation(_ reader: inout WireReader) throws(MartletError) -> ReplicationMessage.Relation {
        let identifier = try reader.uint32()
        // pg_catalog comes as an empty name.
        let schema = try reader.text()
        let name = try reader.text()
        let identity = try reader.byte()
        let count = Int(try reader.uint16())
        var columns: [ReplicationMessage.Column] = []
        for _ in 0..<count {
            columns.append(
                ReplicationMessage.Column(
                    isKey: try reader.byte() & 1 != 0, name: try reader.text(), type: try reader.uint32(),
                    modifier: Int32(bitPattern: try reader.uint32())))
        }
        return ReplicationMessage.Relation(
            identifier: identifier, schema: schema.isEmpty ? "pg_catalog" : schema, name: name, identity: identity,
            columns: columns)
    }

    private func tuple(_ reader: inout WireReader) throws(MartletError) -> ReplicationMessage.Tuple {
        let count = Int(try reader.uint16())
        guard count <= reader.remaining else { throw WireReader.broken }
        var tuple = ReplicationMessage.Tuple(cells: [], bytes: [])
        tuple.cells.reserveCapacity(count)
        tuple.bytes.reserveCapacity(min(reader.remaining, 1 << 16))
        for _ in 0..<count {
            switch try reader.byte() {
            case UInt8(ascii: "n"): tuple.cells.append(.null)
            case UInt8(ascii: "u"): tuple.cells.append(.unchanged)
            case let kind where kind == UInt8(ascii: "t") || kind == UInt8(ascii: "b"):
                let length = Int(try reader.uint32())
                let start = tuple.bytes.count
                tuple.bytes.append(contentsOf: try reader.slice(length))
                let range = start..<tuple.bytes.count
                tuple.cells.append(kind == UInt8(ascii: "t") ? .text(range) : .binary(range))
            default: throw WireReader.broken
            }
        }
        return tuple
    }
}
