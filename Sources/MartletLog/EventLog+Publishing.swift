internal import MartletCore
internal import Synchronization

/// How far a log is durable, told to other processes of the machine: they read up to there and no further, for what
/// lies behind may still be torn or refused. Not synced: whoever opens the log after a crash tells it anew.
struct PublishedEnd: Sendable, Equatable {
    static let file = "published"
    static let bytes = 28

    var segment: Int64
    var sizeBytes: Int
    var endOffset: Int64

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendNumber(segment)
        bytes.appendNumber(Int64(sizeBytes))
        bytes.appendNumber(endOffset)
        bytes.appendNumber(bytes.withUnsafeBytes { checksum($0) })
        return bytes
    }

    init(_ summary: SegmentSummary) {
        segment = summary.baseOffset
        sizeBytes = summary.sizeBytes
        endOffset = summary.endOffset
    }

    /// - Returns: nil where the bytes are not what was written, as they are for a moment while they are.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.bytes else { return nil }
        segment = bytes.withUnsafeBytes { $0.load(0) }
        sizeBytes = Int(bytes.withUnsafeBytes { $0.load(8, as: Int64.self) })
        endOffset = bytes.withUnsafeBytes { $0.load(16) }
        guard encoded == bytes else { return nil }
    }
}

extension EventLog {
    /// Where the settings say so, makes the file that tells how far the log is durable.
    static func publication(
        _ folder: SegmentFolder, _ summary: SegmentSummary
    ) throws(MartletError) -> (any LogFile)? {
        guard folder.settings.isPublished else { return nil }
        let file = try folder.disk.open("\(folder.path)/\(PublishedEnd.file)", for: .creating)
        try file.write([PublishedEnd(summary).encoded], at: 0)
        return file
    }

    func publish(_ summary: SegmentSummary) {
        guard let publication else { return }
        do throws(MartletError) {
            try publication.write([PublishedEnd(summary).encoded], at: 0)
        } catch {
            // Whoever reads beside this process sees a little less; the next group tells more.
        }
    }
}
