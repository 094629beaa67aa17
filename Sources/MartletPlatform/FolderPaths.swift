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

/// Runs `body` while this process holds the lock file alone; other holders are waited for. The holder may remove the
/// file.
func withFileLock<T>(_ path: String, _ body: () throws -> T) throws -> T {
    try makeFolder(parent(of: path))
    while true {
        if let descriptor = try lock(path, LOCK_EX) {
            defer { close(descriptor) }
            return try body()
        }
    }
}

/// Runs `body` as `withFileLock` does, but not at all where somebody holds the lock.
func withFileLockIfFree(_ path: String, _ body: () throws -> Void) throws {
    try makeFolder(parent(of: path))
    guard let descriptor = try lock(path, LOCK_EX | LOCK_NB) else { return }
    defer { close(descriptor) }
    try body()
}

/// - Returns: the open file; nil where it is held, or where its last holder removed it.
private func lock(_ path: String, _ operation: Int32) throws -> Int32? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    func fault() -> MartletError {
        MartletError(
            .fileSystem, "the lock cannot be taken: \(unsafe String(cString: strerror(errno)))",
            place: .init(file: path))
    }
    guard descriptor >= 0 else { throw fault() }
    while flock(descriptor, operation) != 0 {
        if errno == EINTR { continue }
        let fault = errno == EWOULDBLOCK ? nil : fault()
        close(descriptor)
        if let fault { throw fault }
        return nil
    }
    var (held, named) = (stat(), stat())
    guard fstat(descriptor, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino,
        held.st_dev == named.st_dev
    else {
        close(descriptor)
        return nil
    }
    return descriptor
}

/// When the file was last written; nil where there is none.
func modificationTime(_ path: String) -> Timestamp? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return Timestamp(microseconds: Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000)
}
