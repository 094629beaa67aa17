internal import Glibc
internal import MartletCore
internal import MartletDefinitions
internal import MartletObjects

extension Workspace {
    /// The folder of the log and the dead letters.
    var logFolder: String { "\(settings.log.path(in: directory))/\(settings.workspace)" }

    /// Up to which offset the process that has the log has landed it; 0 before it has. Reads what that has committed
    /// (docs/log.md), and needs nothing of the log for it.
    func landedOffset() throws -> Int64 { try committedOffset(of: "lander") ?? 0 }

    /// A committed offset of the log, as its file says.
    func committedOffset(of consumer: String) throws -> Int64? {
        let path = "\(logFolder)/events/consumers/\(consumer)"
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw MartletError(
                .fileSystem, "the committed offset of \(consumer) cannot be read", place: .init(file: path))
        }
        defer { close(file) }
        var bytes: UInt64 = 0
        let count = unsafe withUnsafeMutableBytes(of: &bytes) { unsafe pread(file, $0.baseAddress, $0.count, 0) }
        guard count == 8 else {
            throw MartletError(
                .corruptData, "the committed offset of \(consumer) cannot be read", place: .init(file: path))
        }
        return Int64(bitPattern: UInt64(littleEndian: bytes))
    }

    /// Blocks the thread.
    func sleep(seconds: Double) { usleep(UInt32(seconds * 1e6)) }
}
