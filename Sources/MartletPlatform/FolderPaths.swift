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

/// When the file was last written; nil where there is none.
func modificationTime(_ path: String) -> Timestamp? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return Timestamp(microseconds: Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000)
}
