internal import MartletCore

/// Beside a segment that is closed: what is known of it, and places within to begin reading at. Made again from the
/// segment where it is missing or damaged.
struct SegmentIndex: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        /// Of a frame: its first offset and its place.
        var offset: Int64
        var position: Int
        /// Of all events of the segment before it.
        var greatestEventTimeBefore: Int64
    }

    private static let magic: [UInt8] = Array("MARTIDX1".utf8)
    static let headBytes = 88
    private static let entryBytes = 24

    var summary: SegmentSummary
    var entries: [Entry] = []

    init(_ summary: SegmentSummary) { self.summary = summary }

    /// Takes up a frame that ends at `end`.
    mutating func add(_ frame: FrameHeader, at position: Int, distance: Int) {
        if entries.last.map({ position - $0.position >= distance }) ?? true {
            entries.append(
                Entry(
                    offset: frame.baseOffset, position: position,
                    greatestEventTimeBefore: summary.greatestEventTime))
        }
        summary.add(frame, end: position + frame.frameBytes)
    }

    /// Where the frame with an offset is found by going on from there.
    func position(of offset: Int64) -> Int? {
        entries.last { $0.offset <= offset }?.position
    }

    var bytes: [UInt8] {
        var head: [UInt8] = []
        head.appendNumber(summary.baseOffset)
        head.appendNumber(summary.endOffset)
        head.appendNumber(Int64(summary.sizeBytes))
        head.appendNumber(summary.leastAppendTime)
        head.appendNumber(summary.greatestAppendTime)
        head.appendNumber(summary.leastEventTime)
        head.appendNumber(summary.greatestEventTime)
        head.appendNumber(Int64(summary.marks))
        head.appendNumber(Int64(entries.count))
        var body: [UInt8] = []
        body.reserveCapacity(entries.count * Self.entryBytes)
        for entry in entries {
            body.appendNumber(entry.offset)
            body.appendNumber(Int64(entry.position))
            body.appendNumber(entry.greatestEventTimeBefore)
        }
        // Two checksums: on opening only the head is read.
        return Self.magic + head + checksumBytes(head) + checksumBytes(body) + body
    }

    /// What is known of the segment, from the first `headBytes` of the file.
    static func summary(_ bytes: [UInt8]) -> SegmentSummary? {
        guard bytes.count >= headBytes, bytes.starts(with: magic) else { return nil }
        let head = Array(bytes[8..<80])
        guard Array(bytes[80..<84]) == checksumBytes(head) else { return nil }
        return head.withUnsafeBytes { head in
            var summary = SegmentSummary(
                baseOffset: head.load(0), endOffset: head.load(8), sizeBytes: Int(head.load(16, as: Int64.self)))
            summary.leastAppendTime = head.load(24)
            summary.greatestAppendTime = head.load(32)
            summary.leastEventTime = head.load(40)
            summary.greatestEventTime = head.load(48)
            summary.marks = Int(head.load(56, as: Int64.self))
            return summary
        }
    }

    init?(_ bytes: [UInt8]) {
        guard let summary = Self.summary(bytes) else { return nil }
        let body = Array(bytes[Self.headBytes...])
        let count = bytes.withUnsafeBytes { Int($0.load(72, as: Int64.self)) }
        guard Array(bytes[84..<88]) == checksumBytes(body), count >= 0, body.count == count * Self.entryBytes else {
            return nil
        }
        self.summary = summary
        entries = body.withUnsafeBytes { body in
            (0..<count).map { index in
                let place = index * Self.entryBytes
                return Entry(
                    offset: body.load(place), position: Int(body.load(place + 8, as: Int64.self)),
                    greatestEventTimeBefore: body.load(place + 16))
            }
        }
    }
}

private func checksumBytes(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.appendNumber(bytes.withUnsafeBytes { checksum($0) })
    return result
}
