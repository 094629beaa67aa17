internal import MartletCore

/// Reads PostgreSQL's wire values, which stand in network order, from borrowed bytes.
struct WireReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    static var broken: MartletError {
        MartletError(.corruptData, "a message of the replication stream cannot be read")
    }

    /// - Parameter bytes: live as long as the reader.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }
    var isAtEnd: Bool { offset == bytes.count }

    mutating func byte() throws(MartletError) -> UInt8 {
        guard remaining >= 1 else { throw Self.broken }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func uint16() throws(MartletError) -> UInt16 { try integer() }
    mutating func uint32() throws(MartletError) -> UInt32 { try integer() }
    mutating func uint64() throws(MartletError) -> UInt64 { try integer() }

    private mutating func integer<T: FixedWidthInteger>() throws(MartletError) -> T {
        guard remaining >= MemoryLayout<T>.size else { throw Self.broken }
        defer { offset += MemoryLayout<T>.size }
        return T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    mutating func sequenceNumber() throws(MartletError) -> LogSequenceNumber { LogSequenceNumber(try uint64()) }

    /// PostgreSQL counts microseconds from 2000 on.
    mutating func time() throws(MartletError) -> Timestamp {
        let (value, isBeyond) = Int64(bitPattern: try uint64()).addingReportingOverflow(Self.epochMicroseconds)
        guard !isBeyond else { throw Self.broken }
        return Timestamp(microseconds: value)
    }

    static let epochMicroseconds: Int64 = 946_684_800_000_000

    /// Up to a zero byte.
    mutating func text() throws(MartletError) -> String {
        var end = offset
        while end < bytes.count, bytes[end] != 0 { end += 1 }
        guard end < bytes.count else { throw Self.broken }
        defer { offset = end + 1 }
        return String(decoding: bytes[offset..<end], as: UTF8.self)
    }

    mutating func slice(_ count: Int) throws(MartletError) -> UnsafeRawBufferPointer {
        guard count >= 0, remaining >= count else { throw Self.broken }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    mutating func rest() -> UnsafeRawBufferPointer {
        defer { offset = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset...])
    }
}
