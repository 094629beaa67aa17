internal import Glibc
internal import MartletCore

/// The one place of this room that touches the file system: reads the files of a repository.
struct FolderReader {
    let root: String
    let limits: RepositoryLimits

    /// The paths from the root of all files with the suffixes, sorted; hidden files and folders are left out, links to
    /// folders are not followed.
    func files(suffixes: [String]) throws(MartletError) -> [String] {
        var found: [String] = []
        try collect("", depth: 0, suffixes, into: &found)
        return found.sorted()
    }

    private func collect(
        _ folder: String, depth: Int, _ suffixes: [String], into found: inout [String]
    ) throws(MartletError) {
        guard depth <= limits.maximumFolderDepth else {
            throw MartletError(
                .limitExceeded, "folders are nested deeper than \(limits.maximumFolderDepth)",
                place: .init(file: path(folder)))
        }
        guard let directory = opendir(path(folder)) else { throw fileFault(errno, "read the folder", path(folder)) }
        defer { closedir(directory) }
        var folders: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".") { continue }
            let relative = folder.isEmpty ? name : "\(folder)/\(name)"
            var information = stat()
            guard lstat(path(relative), &information) == 0 else { continue }
            if information.st_mode & S_IFMT == S_IFDIR {
                folders.append(relative)
            } else if suffixes.contains(where: name.hasSuffix) {
                found.append(relative)
                guard found.count <= limits.maximumFiles else {
                    throw MartletError(
                        .limitExceeded, "the repository has more than \(limits.maximumFiles) YAML files",
                        place: .init(file: path(folder)))
                }
            }
        }
        for folder in folders.sorted() { try collect(folder, depth: depth + 1, suffixes, into: &found) }
    }

    /// For messages and system calls.
    func path(_ relative: String) -> String {
        if relative.isEmpty { return root.isEmpty ? "." : root }
        if root.isEmpty || root == "." { return relative }
        return root.hasSuffix("/") ? root + relative : "\(root)/\(relative)"
    }

    /// A file of at most `maximumSizeBytes`; a larger one gives one byte more than that, so that the reader of its
    /// content says so.
    func bytes(of relative: String, maximumSizeBytes: Int) throws(MartletError) -> [UInt8] {
        let path = path(relative)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fileFault(errno, "read", path) }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            throw MartletError(.fileSystem, "not a file", place: .init(file: path))
        }
        var bytes = [UInt8](repeating: 0, count: min(Int(information.st_size), maximumSizeBytes) + 1)
        var count = 0
        while count < bytes.count {
            let result = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if result < 0, errno == EINTR { continue }
            guard result >= 0 else { throw fileFault(errno, "read", path) }
            if result == 0 { break }
            count += result
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// The text of an SQL file. The path must lead to a file within the repository.
    func sql(_ relative: String) -> Result<String, MartletError> {
        let parts = relative.split(separator: "/", omittingEmptySubsequences: false)
        guard !relative.hasPrefix("/"), !parts.contains(".."), !relative.utf8.contains(0) else {
            return .failure(
                MartletError(
                    .invalidDefinition, "the SQL file `\(relative)` is not within the repository",
                    fix: "give its path from the folder of martlet.yaml"))
        }
        do {
            let bytes = try bytes(of: relative, maximumSizeBytes: limits.maximumSQLSizeBytes)
            guard bytes.count <= limits.maximumSQLSizeBytes else {
                return .failure(
                    MartletError(
                        .limitExceeded, "the SQL file `\(relative)` is larger than \(limits.maximumSQLSizeBytes) bytes")
                )
            }
            guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
                return .failure(MartletError(.invalidDefinition, "the SQL file `\(relative)` is not UTF-8 text"))
            }
            return .success(text)
        } catch {
            guard error.code == .notFound else { return .failure(error) }
            let known = (try? files(suffixes: [".sql"])) ?? []
            return .failure(
                MartletError(
                    .notFound, "there is no SQL file `\(relative)`",
                    fix: suggestion(for: relative, among: known)
                        ?? "create it; the path is from the folder of martlet.yaml"))
        }
    }
}

private func fileFault(_ number: Int32, _ action: String, _ path: String) -> MartletError {
    MartletError(
        number == ENOENT || number == ENOTDIR ? .notFound : .fileSystem,
        "cannot \(action): \(String(cString: strerror(number)))",
        place: .init(file: path))
}
