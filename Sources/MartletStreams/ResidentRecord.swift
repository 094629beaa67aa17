internal import MartletCore
internal import MartletOnline

/// What is held of one entity of a view.
struct ResidentRecord: Sendable {
    /// Of a windowed view its tiles, as the kernels wrote them; of latest values the whole record. Empty where the
    /// entity has none.
    var bytes: [UInt8] = []
    /// Of the newest event that is counted, and the newest arrival.
    var newestEvent = Int64.min
    var newestArrival = Int64.min
    /// Up to which time the tiles are complete.
    var upTo = Int64.min
    /// Events with a smaller offset are counted.
    var mark: Int64 = 0
    var isDirty = false
    /// Whether it had events and has none any more.
    var isGone = false
    /// The checkpoint before which it was last changed or made resident.
    var generation = 0
    /// The record as it is served, made when it is first read after a change.
    var served: ServedRecord?
}

/// The bytes of a record while anybody reads them.
// @unchecked: the bytes are written before anybody else sees the object, and never after.
final class ServedRecord: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    init(_ record: borrowing [UInt8]) {
        memory = .allocate(byteCount: record.count, alignment: 8)
        record.withUnsafeBytes { memory.copyMemory(from: $0) }
    }

    deinit { memory.deallocate() }
}

extension ResidentRecord {
    /// The record as a store holds it; nil where the entity has none.
    func stored(_ kind: RecordHeader.Kind) -> [UInt8]? {
        if isGone {
            var header = RecordHeader(kind: kind, eventTime: newestEvent, createdTime: newestArrival, position: upTo)
            header.isTombstone = true
            header.mark = mark
            return header.sealed(before: [])
        }
        if bytes.isEmpty { return nil }
        guard kind == .tiles else { return RecordHeader.marked(bytes, mark) }
        var header = RecordHeader(kind: .tiles, eventTime: newestEvent, createdTime: newestArrival, position: upTo)
        header.mark = mark
        return header.sealed(before: bytes)
    }

    /// - Throws: `corruptData` for what is no record of the kind.
    init(reading record: UnsafeRawBufferPointer, _ kind: RecordHeader.Kind) throws(MartletError) {
        if try RecordHeader.isTombstone(record) {
            // What it stands for is gone; what comes after it counts.
            let header = try RecordHeader(verifying: record)
            (newestEvent, newestArrival, upTo) = (header.eventTime, header.createdTime, header.position)
            mark = header.mark
            isGone = true
            return
        }
        let header = try RecordHeader(reading: record, kind: kind)
        newestEvent = header.eventTime
        newestArrival = header.createdTime
        mark = header.mark
        if kind == .tiles {
            upTo = header.position
            bytes = Array(record[RecordHeader.byteCount...])
        } else {
            bytes = Array(record)
        }
    }
}
