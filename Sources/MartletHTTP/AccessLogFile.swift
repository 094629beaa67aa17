internal import Glibc
internal import MartletCore

/// The file that an access log is written to.
struct AccessLogFile: ~Copyable {
    private let path: String
    private var descriptor: Int32

    /// - Parameter path: `-` for standard output.
    init(path: String) throws(MartletError) {
        self.path = path
        descriptor = try Self.open(path)
    }

    deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

    mutating func reopen() throws(MartletError) {
        let new = try Self.open(path)
        if descriptor > STDERR_FILENO { close(descriptor) }
        descriptor = new
    }

    /// Writes all bytes, however many calls that takes.
    /// - Returns: whether all were taken.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func open(_ path: String) throws(MartletError) -> Int32 {
        if path == "-" { return STDOUT_FILENO }
        // Others on this machine have no business with who asked for what.
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw MartletError(
                .fileSystem, "cannot write the access log \(path): \(String(cString: strerror(errno)))",
                fix: "name a file in a folder that this user may write to, or - for standard output")
        }
        return descriptor
    }
}
