internal import Glibc
internal import MartletCore

/// Files that a client sent, in a folder of their own below `.martlet/uploads`; removed with the last reference to it.
final class UploadFolder {
    let path: String
    /// In the order in which they were made.
    private var made: [(path: String, isFolder: Bool)] = []

    init(in directory: String) throws {
        let parent = "\(directory)/.martlet/uploads"
        try makeFolder(parent)
        var template = "\(parent)/XXXXXX".utf8CString
        let name = template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else { return nil }
            return unsafe String(cString: made)
        }
        guard let name else { throw uploadFault("make a folder", parent) }
        path = name
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

private func uploadFault(_ action: String, _ path: String) -> MartletError {
    let number = errno
    return MartletError(
        number == ENOSPC ? .diskFull : .fileSystem, "cannot \(action): \(unsafe String(cString: strerror(number)))",
        place: .init(file: path))
}
