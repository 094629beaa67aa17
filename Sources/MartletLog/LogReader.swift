package import MartletCore
internal import Synchronization

/// Reads a log from an offset on. One thread at a time uses it; there may be any number of readers.
///
///     var reader = log.reader(from: log.committedOffset(of: "lander") ?? log.startOffset)
///     while running {
///         let batches = try reader.next(maximumBytes: 4 << 20)
///         if batches.isEmpty { _ = log.waitUntilReadable(reader.offset, for: .seconds(1)) }
///     }
package struct LogReader: Sendable {
    package let log: EventLog
    /// Of the next event: where a reader that takes over begins.
    package private(set) var offset: Int64
    /// Only events of these sources are read; nil for all.
    private let sources: Set<String>?
    private var segment: Int64?
    private var generation = 0
    private var cursor: FrameCursor?

    fileprivate init(_ log: EventLog, offset: Int64, sources: Set<String>?) {
        self.log = log
        self.offset = offset
        self.sources = sources
    }

    /// The next batches, with the checksums of all their events looked at; as many as have together up to so many bytes
    /// in the log, but at least one. Empty at the end of the log, and then `offset` is the log's end.
    /// - Throws: `notFound` where events from `offset` on were removed by retention; `corruptData`, `fileSystem`.
    package mutating func next(maximumBytes: Int) throws(MartletError) -> [LoggedBatch] {
        var batches: [LoggedBatch] = []
        var bytes = 0
        while true {
            guard let summary = try log.segment(holding: offset) else { return batches }
            var cursor = try cursor(in: summary)
            while offset < summary.endOffset {
                guard let frame = try cursor.load(before: summary.sizeBytes), frame.baseOffset <= offset else {
                    if try hasMoved(summary) { break }
                    throw log.folder.damage(summary.baseOffset, at: cursor.position, "no whole frame is there")
                }
                let isWanted =
                    frame.kind == .batch && frame.endOffset > offset && sources?.contains(frame.source) ?? true
                if isWanted {
                    // What does not fit is read the next time, from the memory in which it lies already.
                    if bytes > 0 && bytes + frame.frameBytes > maximumBytes {
                        self.cursor = cursor
                        return batches
                    }
                    let first = offset
                    guard let batch = cursor.withFrame(frame, { $0.batch(of: frame, from: first) }) else {
                        throw log.folder.damage(
                            summary.baseOffset, at: cursor.position, "an event is not as it was written")
                    }
                    // Of a frame without events nothing counts, or there would be nothing before the log's end.
                    if !batch.offsets.isEmpty {
                        batches.append(batch)
                        bytes += frame.frameBytes
                    }
                }
                offset = max(offset, frame.endOffset)
                cursor.advance(past: frame)
            }
            self.cursor = segment == nil ? nil : cursor
        }
    }

    /// Goes to another offset.
    package mutating func move(to offset: Int64) {
        self.offset = offset
        cursor = nil
        segment = nil
    }

    /// Whether compaction has written the segment anew since it was looked at: then it is to be opened again.
    private mutating func hasMoved(_ summary: SegmentSummary) throws(MartletError) -> Bool {
        segment = nil
        guard let now = try log.segment(holding: offset) else { return false }
        return now.baseOffset != summary.baseOffset || now.generation != summary.generation
    }

    /// Where `offset` is found in the segment that holds it.
    private mutating func cursor(in summary: SegmentSummary) throws(MartletError) -> FrameCursor {
        if segment == summary.baseOffset, generation == summary.generation, let cursor { return cursor }
        let file = try log.folder.disk.open(log.folder.path(summary.baseOffset), for: .reading)
        segment = summary.baseOffset
        generation = summary.generation
        return FrameCursor(
            file, salt: log.key.salt, position: try log.position(of: offset, in: summary), windowBytes: 1 << 20)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func batch(of frame: FrameHeader, from first: Int64) -> LoggedBatch? { frame.batch(self, from: first) }
}

extension EventLog {
    /// A reader that begins at an offset; one behind the end waits there for it.
    package func reader(from offset: Int64, sources: Set<String>? = nil) -> LogReader {
        LogReader(self, offset: offset, sources: sources)
    }

    /// The segment with an event; nil where there is no such event yet.
    func segment(holding offset: Int64) throws(MartletError) -> SegmentSummary? {
        let (found, start) = shared.withLock { state -> (SegmentSummary?, Int64) in
            let start = state.closedSegments.first?.baseOffset ?? state.openSegment.baseOffset
            if offset >= state.openSegment.baseOffset {
                return (offset < state.openSegment.endOffset ? state.openSegment : nil, start)
            }
            // The last that begins at or before it.
            var (low, high) = (0, state.closedSegments.count)
            while low < high {
                let middle = (low + high) / 2
                if state.closedSegments[middle].baseOffset <= offset { low = middle + 1 } else { high = middle }
            }
            return (low > 0 ? state.closedSegments[low - 1] : nil, start)
        }
        if offset < start {
            throw MartletError(
                .notFound, "the log keeps no events before offset \(start), so not \(offset)",
                fix: "begin at \(start), and rebuild what needs the older ones from the tables")
        }
        return found
    }

    /// Where to begin reading in a segment for an offset.
    func position(of offset: Int64, in summary: SegmentSummary) throws(MartletError) -> Int {
        let isOpen = shared.withLock { $0.openSegment.baseOffset == summary.baseOffset }
        if isOpen {
            let index = writer.withLock { $0.summary.baseOffset == summary.baseOffset ? $0.index : nil }
            if let index { return index.position(of: offset) ?? headerBytes(summary) }
        }
        return try folder.index(summary).position(of: offset) ?? headerBytes(summary)
    }

    func headerBytes(_ summary: SegmentSummary) -> Int {
        SegmentHeader(workspace: folder.workspace, baseOffset: summary.baseOffset, key: key).bytes.count
    }
}
