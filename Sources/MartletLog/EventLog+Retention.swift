package import MartletCore
internal import Synchronization

extension EventLog {
    /// Removes whole segments from the log's start: while the log is larger than `sizeBytes`, and those whose newest
    /// event was stored longer ago than `age`. The segment that is written stays, and so does what a registered
    /// consumer has not committed, but where `ignoringConsumers`.
    /// - Returns: how many segments were removed.
    @discardableResult
    package func retain(
        sizeBytes limit: Int? = nil, age: TimeSpan? = nil, ignoringConsumers: Bool = false
    ) throws(MartletError) -> Int {
        try requireOwner()
        let oldest = age.map { time.now().microseconds - $0.microseconds } ?? .min
        var removed = 0
        while true {
            // Taken out of sight first: a crash in between leaves segments that the next call removes.
            let segment = shared.withLock { state -> SegmentSummary? in
                guard let first = state.closedSegments.first else { return nil }
                let size = state.closedSegments.reduce(state.openSegment.sizeBytes) { $0 + $1.sizeBytes }
                let isDue = first.greatestAppendTime < oldest || limit.map { size > $0 } ?? false
                let isRead = ignoringConsumers || state.consumers.values.allSatisfy { $0 >= first.endOffset }
                return isDue && isRead ? state.closedSegments.removeFirst() : nil
            }
            guard let segment else { return removed }
            // The segment before what is made of it: an index without a segment is nothing, and removed alike.
            try folder.disk.remove(folder.path(segment.baseOffset))
            for ending in ["index", "marks"] {
                let name = segmentName(segment.baseOffset, ending)
                if try folder.disk.list(folder.path).contains(name) {
                    try folder.disk.remove("\(folder.path)/\(name)")
                }
            }
            try folder.disk.syncFolder(folder.path)
            removed += 1
        }
    }

    /// The first offset whose event happened at or after a time: whoever begins there misses no such event, though
    /// events that came out of order may lie before the time. The log's end where there is none.
    package func offset(at instant: Timestamp) throws(MartletError) -> Int64 {
        let time = instant.microseconds
        let (segments, end) = shared.withLock { ($0.closedSegments + [$0.openSegment], $0.openSegment.endOffset) }
        guard let summary = segments.first(where: { $0.greatestEventTime >= time }) else { return end }
        let isOpen = summary.baseOffset == segments.last?.baseOffset
        let index = isOpen ? writer.withLock { $0.index } : try folder.index(summary)
        let place =
            index.summary.baseOffset == summary.baseOffset
            ? index.entries.last { $0.greatestEventTimeBefore < time }?.position : nil
        let file = try folder.disk.open(folder.path(summary.baseOffset), for: .reading)
        var cursor = FrameCursor(file, salt: key.salt, position: place ?? headerBytes(summary))
        while let frame = try cursor.load(before: summary.sizeBytes) {
            if frame.greatestEventTime >= time, frame.count > 0 {
                guard let batch = cursor.withFrame(frame, { frame.batch($0, from: 0) }) else { break }
                if let row = batch.events.eventTimes.firstIndex(where: { $0 >= time }) { return batch.offsets[row] }
            }
            cursor.advance(past: frame)
        }
        throw folder.damage(summary.baseOffset, at: cursor.position, "no whole frame is there")
    }
}
