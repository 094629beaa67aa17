internal import MartletCore

/// Beside a segment that is closed: its marks, so that opening need not read the segment for them.
extension SegmentMarks {
    private static let magic: [UInt8] = Array("MARTMRK1".utf8)

    var bytes: [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(16 * (runs.count + marks.count) + 16)
        body.appendNumber(UInt64(runs.count))
        body.appendNumber(UInt64(marks.count))
        for run in runs {
            body.appendNumber(run.time)
            body.appendNumber(UInt64(run.count))
        }
        for mark in marks {
            body.appendNumber(mark.high)
            body.appendNumber(mark.low)
        }
        var bytes = Self.magic
        bytes.appendNumber(UInt64(body.withUnsafeBytes { checksum($0) }))
        return bytes + body
    }

    /// - Returns: nil where the bytes are not what was written.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 32, bytes.starts(with: Self.magic) else { return nil }
        self.init()
        let isWhole = bytes.withUnsafeBytes { bytes in
            let body = UnsafeRawBufferPointer(rebasing: bytes[16...])
            guard UInt64(checksum(body)) == bytes.load(8) else { return false }
            let runCount = Int(clamping: body.load(0, as: UInt64.self))
            let markCount = Int(clamping: body.load(8, as: UInt64.self))
            guard runCount <= body.count, markCount <= body.count, body.count == 16 * (1 + runCount + markCount) else {
                return false
            }
            var place = 16 + 16 * runCount
            for run in 0..<runCount {
                let count = Int(clamping: body.load(24 + 16 * run, as: UInt64.self))
                guard place + 16 * count <= body.count else { return false }
                let marks = (0..<count).map {
                    EventMark(high: body.load(place + 16 * $0), low: body.load(place + 16 * $0 + 8))
                }
                add(marks, time: body.load(16 + 16 * run))
                place += 16 * count
            }
            return place == body.count
        }
        if !isWhole { return nil }
    }
}

extension SegmentFolder {
    func writeMarks(_ marks: SegmentMarks, _ baseOffset: Int64) throws(MartletError) {
        try disk.replace(segmentName(baseOffset, "marks"), in: path, with: marks.bytes)
    }

    /// The marks of a closed segment: from their file, or from the segment where that is missing, damaged or older than
    /// the segment's end. A file with more is of the segment before compaction, whose events are still known.
    func closedMarks(_ summary: SegmentSummary) throws(MartletError) -> SegmentMarks {
        let baseOffset = summary.baseOffset
        do {
            let bytes = try disk.wholeFile("\(path)/\(segmentName(baseOffset, "marks"))")
            if let marks = SegmentMarks(bytes), marks.count >= summary.marks { return marks }
        } catch {
            // It is made again.
        }
        let marks = try scanClosed(baseOffset).marks
        try writeMarks(marks, baseOffset)
        return marks
    }
}
