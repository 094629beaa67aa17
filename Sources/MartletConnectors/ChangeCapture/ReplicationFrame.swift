internal import MartletCore

/// What comes and goes in the stream of a replication connection (manual, "Streaming Replication Protocol").
enum ReplicationFrame {
    /// A message of the plug-in, borrowed from the frame.
    case data(UnsafeRawBufferPointer)
    /// All before `end` was sent.
    case keepalive(end: LogSequenceNumber, wantsReply: Bool)

    init(_ bytes: UnsafeRawBufferPointer) throws(MartletError) {
        var reader = WireReader(bytes)
        switch try reader.byte() {
        case UInt8(ascii: "w"):
            _ = try reader.uint64()
            _ = try reader.uint64()
            _ = try reader.uint64()
            self = .data(reader.rest())
        case UInt8(ascii: "k"):
            let end = try reader.sequenceNumber()
            _ = try reader.uint64()
            self = .keepalive(end: end, wantsReply: try reader.byte() == 1)
        default: throw WireReader.broken
        }
    }

    /// Tells the server that all before `flushed` is safe here.
    static func feedback(flushed: LogSequenceNumber, now: Timestamp) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "r")]
        func append(_ value: UInt64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
        for _ in 0..<3 { append(flushed.value) }
        append(UInt64(bitPattern: now.microseconds &- WireReader.epochMicroseconds))
        bytes.append(0)
        return bytes
    }
}
