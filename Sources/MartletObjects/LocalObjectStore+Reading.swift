internal import Glibc
internal import MartletCore

extension LocalObjectStore {
    package func get(_ key: String, sizeBytesMax: Int) throws -> [UInt8] {
        try reportingFailures {
            let target = try path(key)
            let descriptor = Int32(try calls.run(.open, target) { Int(open(target, O_RDONLY | O_CLOEXEC)) })
            defer { close(descriptor) }
            var status = stat()
            _ = try calls.run(.stat, target) { Int(fstat(descriptor, &status)) }
            let size = Int(status.st_size)
            guard size <= sizeBytesMax else {
                throw MartletError(
                    .limitExceeded, "\(target) has \(size) bytes, more than the limit of \(sizeBytesMax)")
            }
            return try readAll(descriptor, size: size, path: target)
        }
    }

    private func readAll(_ descriptor: Int32, size: Int, path: String) throws -> [UInt8] {
        var offset = 0
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            while offset < size {
                let count = try calls.run(.read, path) {
                    pread(descriptor, buffer.baseAddress! + offset, size - offset, off_t(offset))
                }
                if count == 0 { break }
                offset += count
                initialized = offset
            }
            initialized = offset
        }
    }

    package func entry(_ key: String) throws -> ObjectEntry? {
        try reportingFailures { try entry(key, path: path(key)) }
    }

    private func entry(_ key: String, path: String) throws -> ObjectEntry? {
        var status = stat()
        do {
            _ = try calls.run(.stat, path) { Int(stat(path, &status)) }
        } catch let failure as FileFailure where failure.code == ENOENT || failure.code == ENOTDIR {
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000
        return ObjectEntry(
            key: key, sizeBytes: Int(status.st_size), modified: Timestamp(microseconds: modified))
    }

    package func list(prefix: String, after: String?) throws -> [ObjectEntry] {
        try reportingFailures {
            var entries: [ObjectEntry] = []
            let folder = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
            if !folder.isEmpty { try validateKey(String(folder.dropLast())) }
            try collect(folder, prefix: prefix, after: after, into: &entries)
            return entries.sorted { keyPrecedes($0.key, $1.key) }
        }
    }

    /// - Parameter folder: empty, or a prefix that ends in a slash.
    private func collect(_ folder: String, prefix: String, after: String?, into entries: inout [ObjectEntry]) throws {
        for name in try names(in: root + "/" + folder) where !name.hasPrefix(temporaryPrefix) {
            let key = folder + name
            let path = root + "/" + key
            if key.hasPrefix(prefix), let entry = try entry(key, path: path) {
                if let after, !keyPrecedes(after, key) { continue }
                entries.append(entry)
            } else if key.hasPrefix(prefix) || prefix.hasPrefix(key + "/") {
                try collect(key + "/", prefix: prefix, after: after, into: &entries)
            }
        }
    }

    /// Nothing for an absent folder and for a file.
    private func names(in folder: String) throws -> [String] {
        var handle: OpaquePointer?
        do {
            _ = try calls.run(.list, folder) {
                handle = opendir(folder)
                return handle == nil ? -1 : 0
            }
        } catch let failure as FileFailure where failure.code == ENOENT || failure.code == ENOTDIR {
            return []
        }
        guard let handle else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while true {
            errno = 0
            guard let item = readdir(handle) else {
                let code = errno
                if code != 0 { throw FileFailure(call: .list, path: folder, code: code) }
                return names
            }
            let name = withUnsafePointer(to: &item.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }
}
