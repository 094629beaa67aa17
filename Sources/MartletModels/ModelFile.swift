internal import Glibc
import MartletCore

extension GradientBoostedTrees {
    /// The largest file that `load` reads.
    package static let maximumFileBytes = 4 << 30

    /// Writes the model beside the path, syncs it, and renames it: a reader sees the old file or the new one, never a
    /// part.
    /// - Throws: `fileSystem`, `diskFull`.
    package func save(to path: String) throws {
        let bytes = try serialized()
        let beside = path + ".partial-\(getpid())"
        do {
            try write(bytes, to: beside)
            guard rename(beside, path) == 0 else { throw fileError("rename the model file", path) }
        } catch {
            unlink(beside)
            throw error
        }
        try syncFolder(of: path)
    }

    /// - Throws: `notFound`, `fileSystem`, `limitExceeded`, `corruptData`.
    package static func load(from path: String) throws -> GradientBoostedTrees {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw errno == ENOENT
                ? MartletError(.notFound, "there is no model file \(path)", fix: "Train a model first: martlet train.")
                : fileError("open the model file", path)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw fileError("read the model file", path) }
        guard status.st_size <= Self.maximumFileBytes else {
            throw MartletError(.limitExceeded, "the model file \(path) has more than \(Self.maximumFileBytes) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw fileError("read the model file", path) }
            done += count
        }
        do {
            return try GradientBoostedTrees(serialized: bytes)
        } catch let error as MartletError where error.code == .corruptData {
            throw MartletError(
                .corruptData, "the model file \(path) cannot be read", fix: "Restore it, or train again.", cause: error)
        }
    }
}

private func write(_ bytes: [UInt8], to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw fileError("create the model file", path) }
    defer { close(file) }
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw fileError("write the model file", path) }
        done += count
    }
    guard fsync(file) == 0 else { throw fileError("sync the model file", path) }
}

/// Makes the rename itself durable.
private func syncFolder(of path: String) throws {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { throw fileError("open the folder of the model file", folder) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw fileError("sync the folder of the model file", folder) }
}

private func fileError(_ doing: String, _ path: String) -> MartletError {
    let code = errno
    let reason = String(cString: strerror(code))
    return MartletError(
        code == ENOSPC || code == EDQUOT ? .diskFull : .fileSystem, "could not \(doing) \(path): \(reason)")
}
