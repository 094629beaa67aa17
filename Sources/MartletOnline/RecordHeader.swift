package import MartletCore

/// The first 40 bytes of every record in an online store, little-endian:
///
/// | Bytes | Field |
/// | --- | --- |
/// | 0 | version of the format, 2 |
/// | 1 | kind: 1 latest row, 2 tiles; the top bit set for a tombstone, which ends with its header |
/// | 2-3 | number of features of a latest row, else 0 |
/// | 4-7 | checksum of everything after it |
/// | 8-15 | event time: of the row, or of the newest event in the tiles |
/// | 16-23 | created (arrival) time: of the row, or the newest among the tiles' events |
/// | 24-31 | log position of the row, or up to which event time (exclusive) the tiles are complete |
/// | 32-39 | where a view follows the log the high-water mark: events with a smaller offset are counted; where it is |
/// | | loaded: what events with a smaller offset took back is taken back; 0 where nothing was |
package struct RecordHeader: Sendable, Hashable {
    package enum Kind: UInt8, Sendable { case latest = 1, tiles }

    package var kind: Kind
    /// Whether the entity was deleted: the times are those of the deletion, and what is older stays away.
    package var isTombstone = false
    package var featureCount: Int
    /// Microseconds, as are all times here.
    package var eventTime: Int64
    package var createdTime: Int64
    package var position: Int64
    package var mark: Int64 = 0

    package static let byteCount = 40
    private static let format: UInt8 = 2
    private static let tombstoneBit: UInt8 = 0x80

    package init(kind: Kind, featureCount: Int = 0, eventTime: Int64, createdTime: Int64, position: Int64) {
        self.kind = kind
        self.featureCount = featureCount
        self.eventTime = eventTime
        self.createdTime = createdTime
        self.position = position
    }

    /// Reads the header of a row or of tiles and checks the whole record against its checksum.
    /// - Throws: `corruptData` for a record that is short, of another format or kind, a tombstone, or damaged.
    package init(reading record: UnsafeRawBufferPointer, kind: Kind) throws(MartletError) {
        guard record.count >= Self.byteCount, record[0] == Self.format, record[1] == kind.rawValue else {
            throw Self.foreignRecord
        }
        try Self.check(record)
        self.init(unchecked: record, kind: kind)
    }

    /// What a reader of a latest row needs of its header, checked as the others are.
    @inline(__always)
    static func latestRow(_ record: UnsafeRawBufferPointer) throws(MartletError) -> (
        featureCount: Int, eventTime: Int64
    ) {
        guard record.count >= byteCount, record[0] == format, record[1] == Kind.latest.rawValue else {
            throw foreignRecord
        }
        try check(record)
        return (
            Int(record.loadUnaligned(fromByteOffset: 2, as: UInt16.self).littleEndian),
            record.loadUnaligned(fromByteOffset: 8, as: Int64.self).littleEndian
        )
    }

    /// Reads the header of any record, a tombstone too, and checks the whole record against its checksum.
    package init(verifying record: UnsafeRawBufferPointer) throws(MartletError) {
        try self.init(unverified: record)
        try Self.check(record)
    }

    /// Reads the header of a record that the caller has just made.
    init(unverified record: UnsafeRawBufferPointer) throws(MartletError) {
        guard record.count >= Self.byteCount, record[0] == Self.format,
            let kind = Kind(rawValue: record[1] & ~Self.tombstoneBit)
        else { throw Self.foreignRecord }
        self.init(unchecked: record, kind: kind)
        isTombstone = record[1] & Self.tombstoneBit != 0
    }

    /// Whether the record says that its entity was deleted.
    /// - Throws: `corruptData` for a damaged record that says so.
    @inline(__always)
    package static func isTombstone(_ record: UnsafeRawBufferPointer) throws(MartletError) -> Bool {
        guard record.count > 1, record[1] & tombstoneBit != 0 else { return false }
        _ = try RecordHeader(verifying: record)
        return true
    }

    private static var foreignRecord: MartletError {
        MartletError(
            .corruptData, "a record of the online store is not of the expected format",
            fix: "materialize the view again")
    }

    private static func check(_ record: UnsafeRawBufferPointer) throws(MartletError) {
        let checksum = record.loadUnaligned(fromByteOffset: 4, as: UInt32.self).littleEndian
        guard checksum == Self.checksum(of: record) else { throw damagedRecord }
    }

    @inline(never)
    private static var damagedRecord: MartletError {
        MartletError(
            .corruptData, "a record of the online store fails its checksum",
            fix: "check the disk, and materialize the view again")
    }

    private init(unchecked record: UnsafeRawBufferPointer, kind: Kind) {
        self.kind = kind
        featureCount = Int(record.loadUnaligned(fromByteOffset: 2, as: UInt16.self).littleEndian)
        eventTime = record.loadUnaligned(fromByteOffset: 8, as: Int64.self).littleEndian
        createdTime = record.loadUnaligned(fromByteOffset: 16, as: Int64.self).littleEndian
        position = record.loadUnaligned(fromByteOffset: 24, as: Int64.self).littleEndian
        mark = record.loadUnaligned(fromByteOffset: 32, as: Int64.self).littleEndian
    }

    /// Writes all but the checksum.
    func write(to record: UnsafeMutableRawBufferPointer) {
        record[0] = Self.format
        record[1] = kind.rawValue | (isTombstone ? Self.tombstoneBit : 0)
        record.storeBytes(of: UInt16(featureCount).littleEndian, toByteOffset: 2, as: UInt16.self)
        record.storeBytes(of: eventTime.littleEndian, toByteOffset: 8, as: Int64.self)
        record.storeBytes(of: createdTime.littleEndian, toByteOffset: 16, as: Int64.self)
        record.storeBytes(of: position.littleEndian, toByteOffset: 24, as: Int64.self)
        record.storeBytes(of: mark.littleEndian, toByteOffset: 32, as: Int64.self)
    }

    /// The record of this header and what comes behind it.
    package func sealed<Body: Collection>(before body: Body) -> [UInt8] where Body.Element == UInt8 {
        var record: [UInt8] = []
        record.reserveCapacity(Self.byteCount + body.count)
        record.append(contentsOf: repeatElement(0, count: Self.byteCount))
        record.append(contentsOf: body)
        record.withUnsafeMutableBytes {
            write(to: $0)
            Self.writeChecksum(to: $0)
        }
        return record
    }

    /// The same record with another mark.
    package static func marked(_ record: [UInt8], _ mark: Int64) -> [UInt8] {
        var record = record
        record.withUnsafeMutableBytes {
            $0.storeBytes(of: mark.littleEndian, toByteOffset: 32, as: Int64.self)
            writeChecksum(to: $0)
        }
        return record
    }

    /// Seals a record whose other bytes are written.
    static func writeChecksum(to record: UnsafeMutableRawBufferPointer) {
        record.storeBytes(
            of: checksum(of: UnsafeRawBufferPointer(record)).littleEndian, toByteOffset: 4, as: UInt32.self)
    }

    private static func checksum(of record: UnsafeRawBufferPointer) -> UInt32 {
        let start = UInt64(record.loadUnaligned(as: UInt32.self).littleEndian)
        let hash = hashed(UnsafeRawBufferPointer(rebasing: record[8...]), seed: start)
        return UInt32(truncatingIfNeeded: hash ^ hash &>> 32)
    }

    /// Whether a record with this header may take the place of one with `stored`: it may not be older. The mark
    /// goes first, since updates and deletes take back what was newer. Then a row goes by event time,
    /// created time, position; tiles by how far they are complete, then by what they have heard of.
    package func mayReplace(_ stored: RecordHeader) -> Bool { !(order < stored.order) }

    /// What decides which of two records is newer. `RedisScript.put` reads the same from the bytes.
    var order: (Int64, Int64, Int64, Int64) {
        switch kind {
        case .latest: (mark, eventTime, createdTime, position)
        case .tiles: (mark, position, createdTime, eventTime)
        }
    }
}
