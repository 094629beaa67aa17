internal import Glibc

/// By what a changed certificate or key is noticed: which file it is, its size and when it was written.
struct TLSFingerprint: Sendable, Hashable {
    private let certificate: [Int]
    private let key: [Int]

    init(_ files: TLSFiles) {
        certificate = Self.state(of: files.certificate)
        key = Self.state(of: files.key)
    }

    /// Empty where there is no file.
    private static func state(of path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [
            Int(truncatingIfNeeded: status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
        ]
    }
}
