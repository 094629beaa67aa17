internal import Glibc
internal import MartletCore

/// Objects as files of a folder, made durable before a call returns: a file is written beside its place under a
/// temporary name, synced, renamed or linked into place, and the folder is synced.
package struct LocalObjectStore: ObjectStore {
    /// The absolute path of the folder, without a slash at its end (the root folder is the empty text).
    package let root: String
    let calls: FileCalls
    private let random: @Sendable () -> UInt64

    /// - Parameters:
    ///   - url: `file:/absolute`, `file:///absolute`, `file:relative` or a bare path, taken literally (no percent
    ///     escapes).
    ///   - base: what a relative path is relative to; nil means the current folder.
    ///   - random: makes temporary names unique.
    /// - Throws: `invalidSettings` for a URL of another kind.
    package init(
        url: String, relativeTo base: String? = nil, faults: FileFaults? = nil,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) throws {
        root = try folder(url, base: base ?? currentFolder())
        calls = FileCalls(faults: faults)
        self.random = random
    }

    package var location: String { root }

    package func localPath(_ key: String) throws -> String? { try path(key) }

    func path(_ key: String) throws -> String {
        try validateKey(key)
        return root + "/" + key
    }

    /// A name in the same folder that no reader takes for an object.
    func temporaryPath(beside path: String) -> String {
        let folder = path.prefix(upTo: path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)
        return folder + temporaryPrefix + String(random(), radix: 16)
    }
}

/// What the names of files begin with that are being written, or were when a process died.
let temporaryPrefix = ".martlet-writing-"

private func folder(_ url: String, base: String) throws -> String {
    var path = Substring(url)
    if let colon = path.firstIndex(of: ":"), path.prefix(upTo: colon).allSatisfy({ $0.isLetter || $0.isNumber }) {
        guard path.hasPrefix("file:") else {
            throw MartletError(
                .invalidSettings, "objects cannot be kept at \"\(url)\"", fix: "use a URL such as file:.martlet/tables")
        }
        path = path.dropFirst("file:".count)
        if path.hasPrefix("//") {
            path = path.dropFirst(2)
            guard path.hasPrefix("/") else {
                throw MartletError(.invalidSettings, "\"\(url)\" names a host", fix: "write file:/absolute/path")
            }
        }
    }
    guard !path.isEmpty, !path.utf8.contains(0) else {
        throw MartletError(.invalidSettings, "\"\(url)\" names no folder", fix: "write file:.martlet/tables")
    }
    let absolute = path.hasPrefix("/") ? String(path) : base + "/" + path
    var parts: [Substring] = []
    for part in absolute.split(separator: "/") where part != "." {
        if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.map { "/" + $0 }.joined()
}

private func currentFolder() -> String {
    guard let bytes = getcwd(nil, 0) else { return "" }
    defer { free(bytes) }
    return String(cString: bytes)
}
