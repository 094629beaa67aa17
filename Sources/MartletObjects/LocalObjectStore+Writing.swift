internal import Glibc
package import MartletCore

extension LocalObjectStore {
    package func put(_ key: String, _ bytes: [UInt8]) throws {
        try reportingFailures {
            let target = try path(key)
            try makeFolders(for: key)
            let temporary = temporaryPath(beside: target)
            try write(bytes, to: temporary, modified: nil)
            do {
                _ = try calls.run(.rename, target) { Int(rename(temporary, target)) }
            } catch {
                discard(temporary)
                throw error
            }
            try syncFolder(of: target)
        }
    }

    package func putIfAbsent(_ key: String, _ bytes: [UInt8], modified: Timestamp?) throws -> Bool {
        try reportingFailures {
            let target = try path(key)
            try makeFolders(for: key)
            let temporary = temporaryPath(beside: target)
            try write(bytes, to: temporary, modified: modified)
            defer { discard(temporary) }
            do {
                // link(2) fails where the name exists, in one step, on every local file system and on NFS.
                _ = try calls.run(.link, target) { Int(link(temporary, target)) }
            } catch let failure as FileFailure where failure.code == EEXIST {
                return false
            }
            try syncFolder(of: target)
            return true
        }
    }

    package func delete(_ key: String) throws {
        try reportingFailures {
            let target = try path(key)
            do {
                _ = try calls.run(.unlink, target) { Int(unlink(target)) }
            } catch let failure as FileFailure where failure.code == ENOENT || failure.code == ENOTDIR {
                return
            }
            try syncFolder(of: target)
        }
    }

    package func prepareFolder(_ prefix: String) throws {
        try reportingFailures { try makeFolders(for: prefix + "x") }
    }

    package func makeDurable(_ keys: [String]) throws {
        try reportingFailures {
            var folders: Set<String> = []
            for key in keys {
                let target = try path(key)
                try sync(target, flags: O_RDONLY)
                // Folders above may be as new as the file.
                var folder = parent(of: target)
                while folder.utf8.count > root.utf8.count, folders.insert(folder).inserted {
                    folder = parent(of: folder)
                }
            }
            for folder in folders.sorted() { try sync(folder, flags: O_RDONLY | O_DIRECTORY) }
            if !keys.isEmpty { try sync(root.isEmpty ? "/" : root, flags: O_RDONLY | O_DIRECTORY) }
        }
    }

    private func write(_ bytes: [UInt8], to path: String, modified: Timestamp?) throws {
        let descriptor = Int32(
            try calls.run(.open, path) { Int(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)) })
        do {
            defer { close(descriptor) }
            var offset = 0
            while offset < bytes.count {
                offset += try calls.run(.write, path) {
                    bytes.withUnsafeBytes {
                        pwrite(descriptor, $0.baseAddress! + offset, $0.count - offset, off_t(offset))
                    }
                }
            }
            if let modified {
                let microseconds = modified.microseconds
                let seconds = flooredDivision(microseconds, by: 1_000_000)
                let time = timespec(
                    tv_sec: Int(seconds), tv_nsec: Int(microseconds - seconds * 1_000_000) * 1_000)
                _ = try calls.run(.write, path) {
                    var times = (time, time)
                    return withUnsafePointer(to: &times) { pointer in
                        pointer.withMemoryRebound(to: timespec.self, capacity: 2) { Int(futimens(descriptor, $0)) }
                    }
                }
            }
            _ = try calls.run(.fsync, path) { Int(fsync(descriptor)) }
        } catch {
            discard(path)
            throw error
        }
    }

    /// Makes the folders above an object, and makes new ones durable.
    private func makeFolders(for key: String) throws {
        let target = try path(key)
        var missing: [String] = []
        var folder = parent(of: target)
        while !folder.isEmpty, !isFolder(folder) {
            missing.append(folder)
            folder = parent(of: folder)
        }
        for folder in missing.reversed() {
            do {
                _ = try calls.run(.mkdir, folder) { Int(mkdir(folder, 0o755)) }
            } catch let failure as FileFailure where failure.code == EEXIST && isFolder(folder) {
                continue
            }
            try syncFolder(of: folder)
        }
    }

    private func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private func syncFolder(of path: String) throws {
        let folder = parent(of: path)
        try sync(folder.isEmpty ? "/" : folder, flags: O_RDONLY | O_DIRECTORY)
    }

    private func sync(_ path: String, flags: Int32) throws {
        let descriptor = Int32(try calls.run(.open, path) { Int(open(path, flags | O_CLOEXEC)) })
        defer { close(descriptor) }
        _ = try calls.run(.fsync, path) { Int(fsync(descriptor)) }
    }

    /// Best effort: a file under a temporary name is never read.
    private func discard(_ path: String) { unlink(path) }

    private func parent(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path.prefix(upTo: $0)) } ?? ""
    }
}
