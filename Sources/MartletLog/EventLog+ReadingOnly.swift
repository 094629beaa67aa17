package import MartletCore

extension EventLog {
    /// Opens a log that another process owns, to read what was durable at this moment: it changes nothing, takes no
    /// events and does not follow the tail. An owner that does not publish its end, or none, leaves the last group in
    /// doubt: it is read where it is whole.
    ///
    /// Closed segments that retention or compaction changes afterwards are `notFound` or `corruptData`: open it again.
    /// - Throws: `notFound` where there is no log; `corruptData`, `fileSystem`.
    package static func reading(
        folder path: String, workspace: WorkspaceID, disk: any LogDisk = SystemDisk(),
        time: any TimeSource = SystemTimeSource(), settings: LogSettings = LogSettings()
    ) throws(MartletError) -> EventLog {
        let disk = ReadingDisk(disk: disk)
        let folder = SegmentFolder(path: path, workspace: workspace, disk: disk, settings: settings)
        guard try !folder.baseOffsets().isEmpty else {
            throw MartletError(.notFound, "there is no log", place: .init(file: path))
        }
        return try EventLog(reading: folder, until: publishedEnd(folder), time: time)
    }

    private static func publishedEnd(_ folder: SegmentFolder) throws(MartletError) -> PublishedEnd? {
        guard try folder.disk.list(folder.path).contains(PublishedEnd.file) else { return nil }
        // It may be met while it is written.
        for _ in 0..<100 {
            let bytes = try folder.disk.wholeFile("\(folder.path)/\(PublishedEnd.file)")
            if let end = PublishedEnd(bytes) { return end }
        }
        return nil
    }
}

/// A disk on which nothing changes: what recovery would mend on it is mended for the owner only.
private struct ReadingDisk: LogDisk {
    let disk: any LogDisk

    func makeFolder(_ path: String) throws(MartletError) {}
    func list(_ path: String) throws(MartletError) -> [String] { try disk.list(path) }
    func open(_ path: String, for use: LogFileUse) throws(MartletError) -> any LogFile {
        use == .creating ? ReadingFile(file: nil) : ReadingFile(file: try disk.open(path, for: .reading))
    }
    func rename(_ path: String, to newPath: String) throws(MartletError) {}
    func remove(_ path: String) throws(MartletError) {}
    func syncFolder(_ path: String) throws(MartletError) {}
    func lock(_ path: String) throws(MartletError) -> any LogLock {
        throw MartletError(.conflict, "this log is read only", place: .init(file: path))
    }
}

private final class ReadingFile: LogFile {
    private let file: (any LogFile)?

    init(file: (any LogFile)?) { self.file = file }

    func sizeBytes() throws(MartletError) -> Int { try file?.sizeBytes() ?? 0 }
    func write(_ pieces: [[UInt8]], at position: Int) throws(MartletError) {}
    func read(at position: Int, into bytes: UnsafeMutableRawBufferPointer) throws(MartletError) -> Int {
        try file?.read(at: position, into: bytes) ?? 0
    }
    func truncate(to sizeBytes: Int) throws(MartletError) {}
    func sync() throws(MartletError) {}
}
