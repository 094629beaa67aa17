internal import Glibc
internal import MartletCore

/// Makes a folder with its parents; one that is there is fine.
func makeFolder(_ path: String) throws {
    if path.isEmpty || access(path, F_OK) == 0 { return }
    try makeFolder(parent(of: path))
    if mkdir(path, 0o777) != 0, errno != EEXIST {
        let number = errno
        throw MartletError(
            number == ENOSPC ? .diskFull : .fileSystem,
            "the folder cannot be made: \(unsafe String(cString: strerror(number)))", place: .init(file: path))
    }
}

/// - Throws: `notFound` for a file that is not there, `fileSystem` where it cannot be asked for.
func fileSizeBytes(_ path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else {
        let number = errno
        throw MartletError(
            number == ENOENT ? .notFound : .fileSystem,
            "the file cannot be read: \(unsafe String(cString: strerror(number)))", place: .init(file: path))
    }
    return Int(status.st_size)
}

func parent(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
}

/// Runs `body` while this process holds the lock file alone; other holders are waited for.
func withFileLock<T>(_ path: String, _ body: () throws -> T) throws -> T {
    try makeFolder(parent(of: path))
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
        throw MartletError(
            .fileSystem, "the lock cannot be taken: \(unsafe String(cString: strerror(errno)))",
            place: .init(file: path))
    }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
        guard errno == EINTR else {
            throw MartletError(
                .fileSystem, "the lock cannot be taken: \(unsafe String(cString: strerror(errno)))",
                place: .init(file: path))
        }
    }
    return try body()
}
