import FoundationEssentials
import Testing

/// The files of the project as they stand on disk, found from this file's own place.
enum Repository {
    /// The folder that holds Package.swift, without a slash at its end.
    static let root: String = {
        // ROOT/Tests/ArchitectureTests/Repository.swift
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// Relative paths of all files below the folders that hold what people write, in order. What is built, downloaded
    /// or generated does not count.
    static let paths: [String] = {
        let folders = [
            ".ci", "Sources", "Tests", "bench", "deploy", "docs", "examples", "integrations", "python", "scripts",
            "web",
        ]
        let notOurs: Set<String> = [
            ".build", ".deps", ".martlet", "Golden", "__pycache__", "data", "dist", "node_modules", "results",
        ]
        var found: [String] = []
        for folder in folders {
            for path in (try? FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(folder)")) ?? [] {
                let parts = path.split(separator: "/")
                if parts.contains(where: { notOurs.contains(String($0)) }) { continue }
                found.append("\(folder)/\(path)")
            }
        }
        found += (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return found.sorted().filter { isFile($0) }
    }()

    /// All Swift files, read and lexed once for all tests.
    static let swiftFiles: [SwiftFile] = paths.filter { $0.hasSuffix(".swift") }.compactMap { path in
        contents(path).map { SwiftFile(path: path, text: $0) }
    }

    /// - Returns: nil where the file is not UTF-8 or not there.
    static func contents(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: "\(root)/\(path)") else { return nil }
        return String(validating: data, as: UTF8.self)
    }

    private static func isFile(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isDirectory) && !isDirectory
    }
}

/// One breach of a rule, as an editor can jump to it.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    /// Counted from 1; nil where the whole file is meant.
    let line: Int?
    let what: String

    init(_ path: String, line: Int? = nil, _ what: String) {
        self.path = path
        self.line = line
        self.what = what
    }

    var description: String { line.map { "\(path):\($0): \(what)" } ?? "\(path): \(what)" }
}

/// Fails with every finding on a line of its own.
func expectNone(_ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation) {
    let list = findings.map(\.description).joined(separator: "\n")
    // Not `findings.isEmpty` itself: the failure would print all of them on one line as well.
    let isClean = findings.isEmpty
    #expect(isClean, "\(findings.count) found:\n\(list)", sourceLocation: sourceLocation)
}
