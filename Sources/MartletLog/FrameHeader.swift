internal import MartletCore

/// The head of a frame: what a segment is made of, one frame for each batch. docs/log.md has the layout.
struct FrameHeader: Equatable {
    enum Kind: UInt8 {
        case batch = 1
        /// The positions of all streams, at the start of a segment, so that no other segment is read for them.
        case positions = 2
    }

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// The next frame belongs to the same append: without it this one does not count.
        static let continues = Flags(rawValue: 1)
        static let hasPosition = Flags(rawValue: 2)
        /// Compaction took records out.
        static let hasGaps = Flags(rawValue: 4)
    }

    static let magic: UInt32 = 0x464C_4D4D
    static let fixedBytes = 88
    /// No frame is longer, so that a damaged length does not ask for the memory of the machine.
    static let mostBytes = 1 << 30

    var kind = Kind.batch
    var flags: Flags = []
    /// With the head, the records and what fills it up to a multiple of 8 bytes.
    var frameBytes = 0
    var headerBytes = 0
    var baseOffset: Int64 = 0
    /// The records within.
    var count = 0
    /// The offsets it stands for: `count` where compaction took none away.
    var span = 0
    /// Every byte of the segment before this position was durable when the frame was written.
    var syncedPosition = 0
    /// When it was written by the log's clock, which never falls within a log; microseconds.
    var appendTime: Int64 = 0
    var leastEventTime = Int64.max
    var greatestEventTime = Int64.min
    var schemaVersion: UInt32 = 0
    var source = ""
    var traceID = ""
    var idempotencyKey = ""
    var position: SourcePosition?

    var endOffset: Int64 { baseOffset + Int64(span) }

    /// The bytes of a head with these texts: a multiple of 8, so that all frames begin at one.
    static func bytes(_ texts: Int...) -> Int { (texts.reduce(fixedBytes, +) + 7) & ~7 }
}

extension FrameHeader {
    /// Writes the head at the start of `bytes`, which has room for it, without its checksum: `rewritePlace` follows.
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.store(Self.magic, 0)
        bytes.store(UInt32(frameBytes), 4)
        bytes.store(UInt32(headerBytes), 12)
        bytes.store(baseOffset, 16)
        bytes.store(UInt32(count), 24)
        bytes.store(UInt32(span), 28)
        bytes.store(Int64(syncedPosition), 32)
        bytes.store(appendTime, 40)
        bytes.store(leastEventTime, 48)
        bytes.store(greatestEventTime, 56)
        bytes.store(schemaVersion, 64)
        bytes.store(kind.rawValue, 68)
        bytes.store(flags.rawValue, 69)
        let texts = [source, traceID, idempotencyKey, position?.stream ?? ""].map { Array($0.utf8) }
        var place = 70
        for text in texts {
            bytes.store(UInt16(text.count), place)
            place += 2
        }
        bytes.store(UInt16(0), 78)
        let positionBytes = position?.bytes ?? []
        bytes.store(UInt32(positionBytes.count), 80)
        bytes.store(UInt32(0), 84)
        place = Self.fixedBytes
        for text in texts + [positionBytes] {
            UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + text.count]).copyBytes(from: text)
            place += text.count
        }
        for index in place..<headerBytes { bytes[index] = 0 }
    }

    /// Writes what is known only when the frame gets its place, and the checksum, over a head that stands.
    /// - Parameter salt: of the log's key.
    func rewritePlace(_ bytes: UnsafeMutableRawBufferPointer, salt: UInt32) {
        bytes.store(baseOffset, 16)
        bytes.store(Int64(syncedPosition), 32)
        bytes.store(appendTime, 40)
        bytes.store(flags.rawValue, 69)
        let covered = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[12..<headerBytes])
        bytes.store(checksum(covered) ^ salt, 8)
    }

    /// Reads the head at the start of `bytes`.
    /// - Returns: nil where there is none: too few bytes, or not what was written.
    init?(_ bytes: UnsafeRawBufferPointer, salt: UInt32) {
        guard bytes.count >= Self.fixedBytes, bytes.load(0) == Self.magic else { return nil }
        headerBytes = Int(bytes.load(12, as: UInt32.self))
        frameBytes = Int(bytes.load(4, as: UInt32.self))
        guard headerBytes >= Self.fixedBytes, headerBytes <= bytes.count, frameBytes >= headerBytes,
            frameBytes <= Self.mostBytes, headerBytes & 7 == 0, frameBytes & 7 == 0,
            checksum(UnsafeRawBufferPointer(rebasing: bytes[12..<headerBytes])) ^ salt == bytes.load(8),
            let kind = Kind(rawValue: bytes[68])
        else { return nil }
        self.kind = kind
        flags = Flags(rawValue: bytes[69])
        baseOffset = bytes.load(16)
        count = Int(bytes.load(24, as: UInt32.self))
        span = Int(bytes.load(28, as: UInt32.self))
        syncedPosition = Int(bytes.load(32, as: Int64.self))
        appendTime = bytes.load(40)
        leastEventTime = bytes.load(48)
        greatestEventTime = bytes.load(56)
        schemaVersion = bytes.load(64)
        var place = Self.fixedBytes
        var texts: [String] = []
        for field in 0..<4 {
            let length = Int(bytes.load(70 + 2 * field, as: UInt16.self))
            guard place + length <= headerBytes else { return nil }
            texts.append(String(decoding: bytes[place..<place + length], as: UTF8.self))
            place += length
        }
        let length = Int(bytes.load(80, as: UInt32.self))
        guard place + length <= headerBytes, count <= span, Int64.max - baseOffset >= Int64(span), baseOffset >= 0,
            frameBytes - headerBytes >= count * RecordLayout.fixedBytes
        else { return nil }
        source = texts[0]
        traceID = texts[1]
        idempotencyKey = texts[2]
        if flags.contains(.hasPosition) {
            position = SourcePosition(stream: texts[3], bytes: Array(bytes[place..<place + length]))
        }
    }
}
