package import MartletCore
internal import Synchronization

/// Which events stand for the same thing, so that the newest says all.
package protocol CompactionKeys: Sendable {
    /// Sources whose events are compacted.
    var sources: Set<String> { get }
    /// The key of each event of a batch of such a source; nil for events that stay in any case.
    func keys(_ batch: LoggedBatch) throws(MartletError) -> [[UInt8]?]
}

/// What compaction did.
package struct CompactionReport: Sendable, Hashable {
    package var segments = 0
    package var removedEvents = 0
    package var freedBytes = 0

    package init() {}
}

/// Compaction by key: behind a horizon only the newest event of each key is kept. Offsets stay what they are: a frame
/// stands for as many as before and says that some are not there.
extension EventLog {
    /// Takes events out of closed segments that were written longer ago than `age`: those of a key for which there is a
    /// newer one (by event time, then by offset) among all segments that old. What a registered consumer has not
    /// committed is not touched; updates and deletes stay, since they name the event that they change.
    ///
    /// Each segment is written anew beside its place, synced, and moved there: after a crash it is as it was or as it
    /// is to be. What is known of duplicates stays whole. Memory: each key once, with 24 bytes. One call at a time.
    /// - Throws: `corruptData`, `fileSystem`, `diskFull`; the log is whole and what was done before stays done.
    @discardableResult
    package func compact(_ keys: any CompactionKeys, age: TimeSpan) throws(MartletError) -> CompactionReport {
        try requireOwner()
        let oldest = time.now().microseconds - age.microseconds
        let segments = shared.withLock { state in
            let end = state.consumers.values.min() ?? .max
            return state.closedSegments.prefix { $0.greatestAppendTime < oldest && $0.endOffset <= end }
        }
        var report = CompactionReport()
        if keys.sources.isEmpty || segments.isEmpty { return report }
        var newest: [[UInt8]: Newest] = [:]
        for summary in segments {
            try batches(summary, of: keys.sources) { batch throws(MartletError) in
                for (row, key) in try keys.keys(batch).enumerated() {
                    guard let key, batch.events.operations[row] == .insert else { continue }
                    let event = Newest(time: batch.events.eventTimes[row], offset: batch.offsets[row])
                    if newest[key].map({ settings.defect == .compactsTheNewest ? event < $0 : $0 < event }) ?? true {
                        newest[key] = event
                    }
                }
            }
        }
        for summary in segments {
            try rewrite(summary, keys, newest, &report)
        }
        return report
    }

    private struct Newest: Comparable {
        var time: Int64
        var offset: Int64
        static func < (one: Newest, other: Newest) -> Bool { (one.time, one.offset) < (other.time, other.offset) }
    }

    private func batches(
        _ summary: SegmentSummary, of sources: Set<String>,
        _ body: (LoggedBatch) throws(MartletError) -> Void
    ) throws(MartletError) {
        let file = try folder.disk.open(folder.path(summary.baseOffset), for: .reading)
        var cursor = FrameCursor(file, salt: key.salt, position: headerBytes(summary), windowBytes: 1 << 20)
        while let frame = try cursor.load(before: summary.sizeBytes) {
            if frame.kind == .batch, sources.contains(frame.source) {
                guard let batch = cursor.withFrame(frame, { frame.batch($0, from: 0) }) else {
                    throw folder.damage(summary.baseOffset, at: cursor.position, "an event is not as it was written")
                }
                try body(batch)
            }
            cursor.advance(past: frame)
        }
        if cursor.position != summary.sizeBytes {
            throw folder.damage(summary.baseOffset, at: cursor.position, "no whole frame is there")
        }
    }

    private func rewrite(
        _ summary: SegmentSummary, _ keys: any CompactionKeys, _ newest: [[UInt8]: Newest],
        _ report: inout CompactionReport
    ) throws(MartletError) {
        let path = folder.path(summary.baseOffset)
        let old = try folder.disk.open(path, for: .reading)
        var work = CompactedSegment(try old.bytes(0..<headerBytes(summary)), summary)
        var cursor = FrameCursor(old, salt: key.salt, position: headerBytes(summary), windowBytes: 1 << 20)
        while let frame = try cursor.load(before: summary.sizeBytes) {
            var bytes = cursor.withFrame(frame) { Array($0) }
            var header = frame
            if frame.kind == .batch, keys.sources.contains(frame.source),
                let batch = bytes.withUnsafeBytes({ frame.batch($0, from: 0) })
            {
                let isKept = try keys.keys(batch).enumerated().map { row, key in
                    guard let key, batch.events.operations[row] == .insert else { return true }
                    return newest[key]?.offset == batch.offsets[row]
                }
                if !isKept.allSatisfy({ $0 }) {
                    (header, bytes) = frame.keeping(isKept, of: bytes)
                    report.removedEvents += isKept.count { !$0 }
                }
            }
            work.add(header, bytes, salt: key.salt, distance: settings.indexBytes)
            cursor.advance(past: frame)
        }
        guard cursor.position == summary.sizeBytes else {
            throw folder.damage(summary.baseOffset, at: cursor.position, "no whole frame is there")
        }
        if work.bytes.count == summary.sizeBytes { return }
        // Marks of events that go are in no segment afterwards.
        let marks = try folder.closedMarks(summary)
        try folder.disk.replaceDurably(segmentName(summary.baseOffset, "marks"), in: folder.path, with: marks.bytes)
        let new = try folder.disk.open(path + temporarySuffix, for: .creating)
        try new.write([work.bytes], at: 0)
        if settings.defect != .compactsWithoutSync { try new.sync() }
        var compacted = work.index.summary
        compacted.marks = summary.marks
        compacted.generation = summary.generation + 1
        // At once for readers, who go by what is known in memory.
        let failure = shared.withLock { state -> MartletError? in
            do throws(MartletError) {
                try folder.disk.rename(path + temporarySuffix, to: path)
            } catch {
                return error
            }
            if let place = state.closedSegments.firstIndex(where: { $0.baseOffset == summary.baseOffset }) {
                state.closedSegments[place] = compacted
            }
            return nil
        }
        if let failure { throw failure }
        var index = work.index
        index.summary = compacted
        try folder.disk.syncFolder(folder.path)
        try folder.writeIndex(index)
        report.segments += 1
        report.freedBytes += summary.sizeBytes - work.bytes.count
    }
}

/// A segment as it is written anew.
private struct CompactedSegment {
    var bytes: [UInt8]
    var index: SegmentIndex

    init(_ header: [UInt8], _ summary: SegmentSummary) {
        bytes = header
        bytes.reserveCapacity(summary.sizeBytes)
        index = SegmentIndex(
            SegmentSummary(
                baseOffset: summary.baseOffset, endOffset: summary.baseOffset, sizeBytes: header.count))
    }

    /// A frame at its new place: all that stands before it is durable when the segment gets its name.
    mutating func add(_ header: FrameHeader, _ frame: [UInt8], salt: UInt32, distance: Int) {
        var header = header
        var frame = frame
        let position = bytes.count
        header.syncedPosition = position
        frame.withUnsafeMutableBytes { header.rewritePlace($0, salt: salt) }
        index.add(header, at: position, distance: distance)
        bytes += frame
    }
}

extension FrameHeader {
    /// The frame with fewer records, which keep their offsets.
    fileprivate func keeping(_ isKept: [Bool], of bytes: [UInt8]) -> (FrameHeader, [UInt8]) {
        var header = self
        header.flags.insert(.hasGaps)
        header.leastEventTime = .max
        header.greatestEventTime = .min
        var records: [UInt8] = []
        bytes.withUnsafeBytes { bytes in
            var place = headerBytes
            for row in 0..<count {
                let length = Int(bytes.load(place + RecordLayout.length, as: UInt32.self))
                if isKept[row] {
                    records.append(contentsOf: bytes[place..<place + length])
                    let time = bytes.load(place + RecordLayout.eventTime, as: Int64.self)
                    header.leastEventTime = min(header.leastEventTime, time)
                    header.greatestEventTime = max(header.greatestEventTime, time)
                }
                place += length
            }
        }
        header.count = isKept.count { $0 }
        header.frameBytes = (headerBytes + records.count + 7) & ~7
        var new = Array(bytes[..<headerBytes]) + records
        new += [UInt8](repeating: 0, count: header.frameBytes - new.count)
        let written = header
        new.withUnsafeMutableBytes { written.write(to: $0) }
        return (header, new)
    }
}
