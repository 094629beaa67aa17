internal import Glibc
package import MartletCore

/// The machine's own disk.
package struct SystemDisk: LogDisk {
    package init() {}

    package func makeFolder(_ path: String) throws(MartletError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            let parent = made.isEmpty ? "/" : made
            made += "/\(part)"
            if mkdir(made, 0o777) == 0 {
                try syncFolder(parent)
            } else if errno != EEXIST {
                throw diskFailure("make the folder", made)
            }
        }
    }

    package func list(_ path: String) throws(MartletError) -> [String] {
        guard let folder = opendir(path) else { throw diskFailure("list", path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    package func open(_ path: String, for use: LogFileUse) throws(MartletError) -> any LogFile {
        let flags =
            switch use {
            case .reading: O_RDONLY
            case .writing: O_RDWR
            case .creating: O_RDWR | O_CREAT | O_TRUNC
            }
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw diskFailure("open", path) }
        return SystemFile(descriptor, path: path)
    }

    package func rename(_ path: String, to newPath: String) throws(MartletError) {
        guard Glibc.rename(path, newPath) == 0 else { throw diskFailure("rename", path) }
    }

    package func remove(_ path: String) throws(MartletError) {
        guard unlink(path) == 0 else { throw diskFailure("remove", path) }
    }

    package func syncFolder(_ path: String) throws(MartletError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw diskFailure("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw diskFailure("sync", path) }
    }

    package func lock(_ path: String) throws(MartletError) -> any LogLock {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw diskFailure("open", path) }
        let lock = SystemLock(descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK {
                throw MartletError(
                    .conflict, "another process has the log open", place: .init(file: path),
                    fix: "stop it, or read the log without opening it for writing")
            }
            throw diskFailure("lock", path)
        }
        return lock
    }
}

/// What a call just failed with.
private func diskFailure(_ action: String, _ path: String) -> MartletError {
    let code = errno
    return MartletError(
        code == ENOSPC || code == EDQUOT ? .diskFull : .fileSystem,
        "cannot \(action): \(String(cString: strerror(code)))",
        place: .init(file: path))
}

private final class SystemLock: LogLock {
    private let descriptor: Int32
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
}

private final class SystemFile: LogFile {
    private let descriptor: Int32
    private let path: String

    init(_ descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func sizeBytes() throws(MartletError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw diskFailure("look at", path) }
        return Int(status.st_size)
    }

    func write(_ pieces: [[UInt8]], at position: Int) throws(MartletError) {
        var position = position
        var start = 0
        while start < pieces.count {
            let end = min(pieces.count, start + mostPiecesACall)
            let size = pieces[start..<end].reduce(0) { $0 + $1.count }
            let written = writeOnce(pieces[start..<end], at: position)
            if written < 0 {
                if errno == EINTR { continue }
                throw diskFailure("write to", path)
            }
            if written < size {
                try writeRest(Array(pieces[start..<end].joined().dropFirst(written)), at: position + written)
            }
            position += size
            start = end
        }
    }

    /// One call for several pieces.
    private func writeOnce(_ pieces: ArraySlice<[UInt8]>, at position: Int) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: pieces.count) { vectors in
            var count = 0
            func fill(_ rest: ArraySlice<[UInt8]>) -> Int {
                guard let piece = rest.first else {
                    return pwritev(descriptor, vectors.baseAddress, Int32(count), off_t(position))
                }
                return piece.withUnsafeBytes { bytes in
                    vectors[count] = iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                    count += 1
                    return fill(rest.dropFirst())
                }
            }
            return fill(pieces)
        }
    }

    private func writeRest(_ bytes: [UInt8], at position: Int) throws(MartletError) {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { bytes in
                pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(position + done))
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw diskFailure("write to", path)
            }
            if written == 0 { throw MartletError(.fileSystem, "nothing more is written", place: .init(file: path)) }
            done += written
        }
    }

    func read(at position: Int, into bytes: UnsafeMutableRawBufferPointer) throws(MartletError) -> Int {
        var done = 0
        while done < bytes.count {
            let count = pread(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(position + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw diskFailure("read", path)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func truncate(to sizeBytes: Int) throws(MartletError) {
        guard ftruncate(descriptor, off_t(sizeBytes)) == 0 else { throw diskFailure("truncate", path) }
    }

    func sync() throws(MartletError) {
        guard fdatasync(descriptor) == 0 else { throw diskFailure("sync", path) }
    }
}

/// Of one writing call; Linux takes 1,024. Each is a frame of the stack while the call is put together.
private let mostPiecesACall = 256
