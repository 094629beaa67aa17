internal import MartletCore

/// The one that writes: the segment at the log's end and its file. Used by one thread at a time; after a failure of the
/// disk it is not used again.
struct SegmentWriter: Sendable {
    let folder: SegmentFolder
    private(set) var header: SegmentHeader
    private var file: any LogFile
    private(set) var index: SegmentIndex
    private(set) var marks: SegmentMarks
    /// The greatest time of a frame: clocks may fall, times in the log do not.
    private(set) var lastAppendTime: Int64

    var summary: SegmentSummary { index.summary }

    /// Goes on in a segment that was read.
    init(_ folder: SegmentFolder, resuming scan: SegmentScan, file: any LogFile) {
        self.folder = folder
        self.file = file
        header = scan.header
        index = scan.index
        marks = scan.marks
        lastAppendTime = max(0, scan.index.summary.greatestAppendTime)
    }

    /// Begins a segment. It has its name only once it is durable with its head and the positions of all streams.
    init(
        _ folder: SegmentFolder, baseOffset: Int64, key: MarkKey, positions: [SourcePosition], time: Int64
    ) throws(MartletError) {
        self.folder = folder
        header = SegmentHeader(workspace: folder.workspace, baseOffset: baseOffset, key: key)
        marks = SegmentMarks()
        lastAppendTime = time
        let headerBytes = header.bytes
        let defect = folder.settings.defect
        var frame = EncodedFrame(positions: defect == .losesPositions ? [] : positions)
        frame.place(
            offset: baseOffset, syncedPosition: headerBytes.count, time: time, continues: false, salt: key.salt)
        let path = folder.path(baseOffset)
        file = try folder.disk.open(path + temporarySuffix, for: .creating)
        try file.write([headerBytes, frame.bytes], at: 0)
        try file.sync()
        try folder.disk.rename(path + temporarySuffix, to: path)
        if defect != .skipsFolderSync { try folder.disk.syncFolder(folder.path) }
        index = SegmentIndex(
            SegmentSummary(baseOffset: baseOffset, endOffset: baseOffset, sizeBytes: headerBytes.count))
        index.add(frame.header, at: headerBytes.count, distance: folder.settings.indexBytes)
    }

    /// Writes frames behind the end and makes them durable: all of them with one write and one sync.
    mutating func write(_ frames: [EncodedFrame]) throws(MartletError) {
        if folder.settings.defect == .acknowledgesBeforeSync { try file.sync() }
        try file.write(frames.map(\.bytes), at: summary.sizeBytes)
        switch folder.settings.defect {
        case .skipsSync, .acknowledgesBeforeSync: break
        default: try file.sync()
        }
        for frame in frames {
            index.add(frame.header, at: summary.sizeBytes, distance: folder.settings.indexBytes)
            var frameMarks = frame.marks
            if !frame.header.idempotencyKey.isEmpty {
                frameMarks.append(header.key.mark(ofAppend: frame.header.idempotencyKey))
            }
            marks.add(frameMarks, time: frame.header.appendTime)
            lastAppendTime = max(lastAppendTime, frame.header.appendTime)
        }
        index.summary.marks = marks.count
    }

    var isFull: Bool { summary.sizeBytes >= folder.settings.segmentBytes && summary.endOffset > summary.baseOffset }

    /// Closes the segment and begins the next one.
    mutating func roll(positions: [SourcePosition]) throws(MartletError) {
        try folder.writeIndex(index)
        try folder.writeMarks(marks, summary.baseOffset)
        self = try SegmentWriter(
            folder, baseOffset: summary.endOffset, key: header.key, positions: positions, time: lastAppendTime)
    }
}
