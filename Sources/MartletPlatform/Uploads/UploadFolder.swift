internal import FoundationEssentials
internal import Glibc
internal import MartletCore

/// Files that a client sent, in a folder of their own below `.martlet/uploads`; removed with the last reference to it.
/// It is locked as long as this process uses it, so that what a process left that died can be told apart.
final class UploadFolder {
    let path: String
    private let lock: FileLock
    /// In the order in which they were made.
    private var made: [(path: String, isFolder: Bool)] = []

    init(in directory: String) throws {
        let parent = uploads(directory)
        try makeFolder(parent)
        var made = ""
        // Nobody sweeps between the making of the folder and its lock.
        let sweeping = try FileLock.held(sweepLock(directory), isShared: true)
        lock = try withExtendedLifetime(sweeping) {
            var template = "\(parent)/XXXXXX".utf8CString
            let name = template.withUnsafeMutableBufferPointer { buffer -> String? in
                guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else { return nil }
                return unsafe String(cString: made)
            }
            guard let name else { throw uploadFault("make a folder", parent) }
            guard let lock = FileLock.ifFree(folder: name) else { throw uploadFault("lock a folder", name) }
            made = name
            return lock
        }
        path = made
    }

    /// Removes what processes left that died while they answered a request.
    static func sweep(_ directory: String) throws {
        let parent = uploads(directory)
        guard access(parent, F_OK) == 0 else { return }
        try withFileLock(sweepLock(directory)) {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
                guard let lock = FileLock.ifFree(folder: "\(parent)/\(name)") else { continue }
                withExtendedLifetime(lock) { try? FileManager.default.removeItem(atPath: "\(parent)/\(name)") }
            }
        }
    }

    deinit {
        for item in made.reversed() { _ = item.isFolder ? rmdir(item.path) : unlink(item.path) }
        rmdir(path)
    }

    /// Writes a new file.
    /// - Precondition: `name` is a relative path without `..`.
    /// - Returns: its path.
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let parts = name.split(separator: "/").map(String.init)
        var folder = path
        for part in parts.dropLast() {
            folder += "/\(part)"
            if mkdir(folder, 0o700) == 0 {
                made.append((folder, true))
            } else if errno != EEXIST {
                throw uploadFault("make a folder", folder)
            }
        }
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw uploadFault("write", file) }
        defer { close(descriptor) }
        made.append((file, false))
        var count = 0
        while count < bytes.count {
            let result = bytes[count...].withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw uploadFault("write", file) }
            count += result
        }
        return file
    }
}

private func uploads(_ directory: String) -> String { "\(directory)/.martlet/uploads" }

private func sweepLock(_ directory: String) -> String { "\(directory)/.martlet/locks/uploads.lock" }

private func uploadFault(_ action: String, _ path: String) -> MartletError {
    let number = errno
    return MartletError(
        number == ENOSPC ? .diskFull : .fileSystem, "cannot \(action): \(unsafe String(cString: strerror(number)))",
        place: .init(file: path))
}
