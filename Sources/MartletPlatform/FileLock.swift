internal import Glibc
internal import MartletCore

/// A file or folder that is locked for other holders, of this process and of others; let go with this value or with the
/// process.
struct FileLock: ~Copyable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// Waits for other holders of a lock file, which is made where there is none; one that has it alone may remove it.
    /// - Parameter isShared: whether others that share it may hold it, too.
    static func held(_ path: String, isShared: Bool = false) throws -> FileLock {
        try makeFolder(parent(of: path))
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw lockFault(path) }
            let lock = FileLock(descriptor: descriptor)
            try lock.wait(isShared ? LOCK_SH : LOCK_EX, path)
            if lock.isThere { return lock }
        }
    }

    /// Locks a file.
    /// - Parameter isMade: whether it is made where there is none.
    /// - Returns: nil where somebody holds it, or where there is none.
    static func ifFree(file: String, isMade: Bool = false) -> FileLock? {
        let descriptor = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (isMade ? O_CREAT : 0), 0o666)
        guard descriptor >= 0 else { return nil }
        let lock = FileLock(descriptor: descriptor)
        guard lock.tryExclusive(), lock.isThere else { return nil }
        return lock
    }

    /// Locks a folder that is there.
    /// - Returns: nil where somebody holds it, or where it is no folder.
    static func ifFree(folder: String) -> FileLock? {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        let lock = FileLock(descriptor: descriptor)
        guard lock.tryExclusive() else { return nil }
        return lock
    }

    /// Shares a file that is there with others that do so, and waits for one that has it alone.
    /// - Returns: nil where it is gone.
    static func sharing(file: String) throws -> FileLock? {
        let descriptor = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw lockFault(file)
        }
        let lock = FileLock(descriptor: descriptor)
        try lock.wait(LOCK_SH, file)
        guard lock.isThere else { return nil }
        return lock
    }

    /// Whether the one that had the file alone before has left it where it was.
    private var isThere: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink > 0
    }

    /// Makes a shared lock one that nobody else holds.
    /// - Returns: whether it is; otherwise it is not held any more. Of several holders that ask, the last one gets it.
    func tryExclusive() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    private func wait(_ operation: Int32, _ path: String) throws {
        while flock(descriptor, operation) != 0 {
            guard errno == EINTR else { throw lockFault(path) }
        }
    }

    deinit { close(descriptor) }
}

/// Runs `body` while this holder has the lock file alone; other holders are waited for.
func withFileLock<T>(_ path: String, _ body: () throws -> T) throws -> T {
    let lock = try FileLock.held(path)
    return try withExtendedLifetime(lock, body)
}

private func lockFault(_ path: String) -> MartletError {
    MartletError(
        .fileSystem, "the lock cannot be taken: \(unsafe String(cString: strerror(errno)))", place: .init(file: path))
}
