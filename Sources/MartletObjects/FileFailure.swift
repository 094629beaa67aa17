internal import Glibc
internal import MartletCore

/// A system call that failed: the cause inside the errors that the store throws.
struct FileFailure: Error, CustomStringConvertible {
    let call: FileCall
    let path: String
    let code: Int32

    var reason: String { String(cString: strerror(code)) }
    var description: String { "\(call.rawValue) failed: \(reason) (errno \(code))" }

    /// The same failure as the store's callers know it.
    var asMartletError: MartletError {
        switch code {
        case ENOSPC, EDQUOT:
            MartletError(
                .diskFull, "no space left to write \(path)", fix: "free space on that disk, then run the command again",
                cause: self)
        case ENOENT where call == .open || call == .stat || call == .read:
            MartletError(.notFound, "there is no file \(path)", cause: self)
        case EACCES, EPERM, EROFS:
            MartletError(
                .fileSystem, "not allowed to \(call.rawValue) \(path): \(reason)",
                fix: "check the owner and the mode of the file and of its folder", cause: self)
        default:
            MartletError(.fileSystem, "cannot \(call.rawValue) \(path): \(reason)", cause: self)
        }
    }
}

/// Turns failures of system calls into the errors of the room.
func reportingFailures<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as FileFailure { throw failure.asMartletError }
}
