internal import MartletCore

/// What reading a segment from its start found, up to its end or to the first frame that is not whole.
struct SegmentScan: Sendable {
    let header: SegmentHeader
    /// Of the frames of whole appends.
    private(set) var index: SegmentIndex
    private(set) var positions: [String: SourcePosition] = [:]
    private(set) var marks = SegmentMarks()
    /// Where the group of the last frame begins: nothing in the file proves that what is behind was ever durable.
    private(set) var lastGroupPosition: Int

    init(
        _ file: any LogFile, header: SegmentHeader, sizeBytes: Int, indexBytes: Int, defect: LogDefect? = nil
    ) throws(MartletError) {
        self.header = header
        let start = header.bytes.count
        lastGroupPosition = start
        index = SegmentIndex(
            SegmentSummary(baseOffset: header.baseOffset, endOffset: header.baseOffset, sizeBytes: start))
        var cursor = FrameCursor(file, salt: header.key.salt, position: start, windowBytes: 4 << 20)
        // Frames of an append whose end was not met yet.
        var open: [Part] = []
        var heldBack: [Part] = []
        var offset = header.baseOffset
        while let frame = try cursor.load(before: sizeBytes) {
            let isWhole = defect == .ignoresChecksums || cursor.withFrame(frame) { frame.isWhole($0) }
            guard isWhole, frame.baseOffset == offset else { break }
            let found = cursor.withFrame(frame) { bytes in
                (
                    frame.kind == .positions ? frame.positions(bytes) ?? [] : frame.position.map { [$0] } ?? [],
                    frame.marks(bytes, key: header.key)
                )
            }
            open.append(Part(header: frame, position: cursor.position, positions: found.0, marks: found.1))
            offset = frame.endOffset
            cursor.advance(past: frame)
            if frame.flags.contains(.continues), defect != .takesPartsOfAppends { continue }
            if defect == .leavesOutLastAppend { swap(&open, &heldBack) }
            for part in open {
                index.add(part.header, at: part.position, distance: indexBytes)
                for position in part.positions { positions[position.stream] = position }
                marks.add(part.marks, time: part.header.appendTime)
            }
            lastGroupPosition = max(start, frame.syncedPosition)
            open.removeAll(keepingCapacity: true)
        }
        index.summary.marks = marks.count
    }

    /// A frame of an append.
    private struct Part {
        var header: FrameHeader
        var position: Int
        var positions: [SourcePosition]
        var marks: [EventMark]
    }

    /// Looks behind the end of the whole frames for one that was written when more than that was durable: then it is no
    /// torn tail that is missing, but something that was acknowledged.
    func hasDurableFrame(behind end: Int, in file: any LogFile, sizeBytes: Int) throws(MartletError) -> Bool {
        let step = 1 << 20
        var start = (end + 8) & ~7
        var bytes: [UInt8] = []
        while start < sizeBytes {
            try file.read(start..<min(sizeBytes, start + step + FrameHeader.fixedBytes), into: &bytes)
            let places = bytes.withUnsafeBytes { bytes in
                stride(from: 0, to: min(step, max(0, bytes.count - 3)), by: 8).filter {
                    bytes.load($0, as: UInt32.self) == FrameHeader.magic
                }
            }
            for place in places {
                var cursor = FrameCursor(file, salt: header.key.salt, position: start + place)
                if let frame = try cursor.load(before: sizeBytes), frame.syncedPosition > end { return true }
            }
            start += step
        }
        return false
    }
}

/// The marks of a segment, in their order, with the times at which they were stored.
struct SegmentMarks: Sendable, Equatable {
    /// A run of marks that were stored at one time.
    struct Run: Sendable, Equatable {
        var time: Int64
        var count: Int
    }

    private(set) var runs: [Run] = []
    private(set) var marks: [EventMark] = []

    var count: Int { marks.count }

    mutating func add(_ more: [EventMark], time: Int64) {
        let before = marks.count
        marks.append(contentsOf: more.lazy.filter { !$0.isNone })
        let added = marks.count - before
        if added == 0 { return }
        if let last = runs.last, last.time == time {
            runs[runs.count - 1].count += added
        } else {
            runs.append(Run(time: time, count: added))
        }
    }
}

extension FrameHeader {
    /// The marks of the records in the bytes of the frame, and of the append that it ends.
    func marks(_ bytes: UnsafeRawBufferPointer, key: MarkKey) -> [EventMark] {
        var marks: [EventMark] = []
        let start = key.start(source: source)
        var place = headerBytes
        for _ in 0..<count {
            guard let record = RecordView(unchecked: UnsafeRawBufferPointer(rebasing: bytes[place..<frameBytes])) else {
                return marks
            }
            if record.idLength > 0 { marks.append(key.mark(of: record, start: start)) }
            place += record.bytes.count
        }
        if !idempotencyKey.isEmpty { marks.append(key.mark(ofAppend: idempotencyKey)) }
        return marks
    }
}
