internal import MartletCore

/// A log's folder brought into order after whatever ended its last owner.
struct RecoveredLog {
    let writer: SegmentWriter
    private(set) var closedSegments: [SegmentSummary] = []
    private(set) var positions: [String: SourcePosition] = [:]
    private(set) var dedupe: DedupeWindow
    private(set) var report = LogRecovery()

    init(_ folder: SegmentFolder, time: any TimeSource, newKey: MarkKey) throws(MartletError) {
        let offsets = try folder.baseOffsets()
        dedupe = DedupeWindow(folder.settings.dedupe)
        guard let last = offsets.last else {
            writer = try SegmentWriter(
                folder, baseOffset: 0, key: newKey, positions: [], time: time.now().microseconds)
            report.segments = 1
            return
        }
        for offset in offsets.dropLast() { closedSegments.append(try folder.closedSummary(offset)) }
        for (summary, next) in zip(closedSegments, offsets.dropFirst()) where summary.endOffset != next {
            throw folder.damage(
                summary.baseOffset, at: summary.sizeBytes,
                "its last event should be \(next - 1) and is \(summary.endOffset - 1)")
        }
        let file = try folder.disk.open(folder.path(last), for: .writing)
        let size = try file.sizeBytes()
        let scan = try SegmentScan(
            file, header: folder.header(file, baseOffset: last), sizeBytes: size,
            indexBytes: folder.settings.indexBytes, defect: folder.settings.defect)
        report.segments = offsets.count
        report.scannedBytes = size
        try report.mend(folder, scan, file, size)
        positions = scan.positions
        writer = SegmentWriter(folder, resuming: scan, file: file)
        try remember(folder, scan, now: max(time.now().microseconds, writer.lastAppendTime))
    }

    /// Looks at a log of another process, up to where it is known to be durable; nothing is mended or remembered.
    init(_ folder: SegmentFolder, until end: PublishedEnd?) throws(MartletError) {
        let offsets = try folder.baseOffsets().filter { $0 <= end?.segment ?? .max }
        dedupe = DedupeWindow(folder.settings.dedupe)
        guard let last = offsets.last else {
            throw MartletError(.notFound, "the log is younger than what it says of itself: open it again")
        }
        for offset in offsets.dropLast() { closedSegments.append(try folder.closedSummary(offset)) }
        let file = try folder.disk.open(folder.path(last), for: .reading)
        var size = try file.sizeBytes()
        if let end, end.segment == last { size = min(size, end.sizeBytes) }
        let scan = try SegmentScan(
            file, header: folder.header(file, baseOffset: last), sizeBytes: size,
            indexBytes: folder.settings.indexBytes)
        report.segments = offsets.count
        report.scannedBytes = size
        positions = scan.positions
        writer = SegmentWriter(folder, resuming: scan, file: file)
    }

    /// Fills the dedupe window with what was stored within its horizon.
    private mutating func remember(_ folder: SegmentFolder, _ scan: SegmentScan, now: Int64) throws(MartletError) {
        if folder.settings.defect == .forgetsMarks { return }
        let horizon = folder.settings.dedupe.horizon.microseconds
        for summary in closedSegments where summary.greatestAppendTime >= now - horizon {
            dedupe.add(try folder.closedMarks(summary), now: now)
        }
        dedupe.add(scan.marks, now: now)
    }
}

extension LogRecovery {
    /// Cuts off what is no whole append, and makes the rest durable before anybody reads it: a process that died may
    /// have left it in memory only, and after a failed sync the system holds such bytes for written when they are not.
    fileprivate mutating func mend(
        _ folder: SegmentFolder, _ scan: SegmentScan, _ file: any LogFile, _ size: Int
    ) throws(MartletError) {
        let end = scan.index.summary.sizeBytes
        if end < size {
            if try scan.hasDurableFrame(behind: end, in: file, sizeBytes: size) {
                throw folder.damage(
                    scan.header.baseOffset, at: end, "no whole frame is there, and what follows was written behind it")
            }
            cutBytes = size - end
            try file.truncate(to: end)
        }
        if folder.settings.defect == .trustsLastGroup { return }
        let group = try file.bytes(scan.lastGroupPosition..<end)
        guard group.count == end - scan.lastGroupPosition else {
            throw folder.damage(scan.header.baseOffset, at: scan.lastGroupPosition, "it cannot be read again")
        }
        rewrittenBytes = group.count
        if !group.isEmpty { try file.write([group], at: scan.lastGroupPosition) }
        try file.sync()
        try folder.disk.syncFolder(folder.path)
    }
}
