import Testing

/// What any text file of the project must look like, whatever its language.
struct Tidiness {
    static let lineLengthLimit = 120
    /// Most files are under 150 lines; none is longer than this.
    static let lineCountLimit = 600

    /// Breaches in one file.
    static func findings(path: String, text: String) -> [Finding] {
        let kind = Kind(path: path, text: text)
        guard kind != .other else { return [] }
        var found: [Finding] = []
        if !text.isEmpty && (!text.hasSuffix("\n") || text.hasSuffix("\n\n")) {
            found.append(.init(path, "ends with exactly one line break"))
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            if let last = line.utf8.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") || last == 13 {
                found.append(.init(path, line: index + 1, "white space at the end"))
            }
            guard kind == .code else { continue }
            if line.utf8.count > lineLengthLimit && line.count > lineLengthLimit {
                found.append(.init(path, line: index + 1, "\(line.count) columns, over \(lineLengthLimit)"))
            }
            if line.utf8.contains(UInt8(ascii: "\t")) && !path.hasSuffix("Makefile") {
                found.append(.init(path, line: index + 1, "a tab: indent with spaces"))
            }
            // Swift is told apart from its comments by a rule of its own.
            if !path.hasSuffix(".swift"), hasOpenEnd(String(line)) {
                found.append(.init(path, line: index + 1, "open end without an issue: TODO(#12)"))
            }
        }
        if kind == .code && lines.count - 1 > lineCountLimit {
            found.append(.init(path, "\(lines.count - 1) lines, over \(lineCountLimit): one subject a file"))
        }
        return found
    }

    private enum Kind {
        case code, prose, other

        init(path: String, text: String) {
            let name = path.split(separator: "/").last ?? ""
            switch name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last ?? "" {
            case "c", "cpp", "h", "js", "lua", "py", "sh", "sql", "swift", "ts", "tsx": self = .code
            case "css", "html", "in", "md", "modulemap", "toml", "txt", "yaml", "yml": self = .prose
            case "": self = text.hasPrefix("#!") || name == "Makefile" ? .code : .other
            default: self = .other
            }
        }
    }
}

@Suite("Tidy files")
struct TidyTests {
    @Test("every text file keeps to the limits")
    func files() {
        #expect(Repository.paths.count > 80, "the files of the project were not found")
        expectNone(
            Repository.paths.flatMap { path in
                Repository.contents(path).map { Tidiness.findings(path: path, text: $0) } ?? []
            })
    }

    @Test("a name says what a file holds")
    func names() {
        let vague = ["Util", "Helper", "Manager", "Misc", "Common"]
        expectNone(
            Repository.paths.filter { path in
                let name = path.split(separator: "/").last ?? ""
                return name.hasSuffix(".swift") && vague.contains { name.contains($0) }
            }.map { Finding($0, "name the subject") })
    }

    @Test(
        "each breach is found",
        arguments: [
            ("a.swift", "let a = 1\n", 0),
            ("a.swift", "let a = 1", 1),
            ("a.swift", "let a = 1\n\n", 1),
            ("a.swift", "let a = 1 \nb\n", 1),
            ("a.swift", "\tlet a = 1\n", 1),
            ("a.swift", "a*120", 0),
            ("a.swift", "é*120", 0),
            ("a.swift", "a*121", 1),
            ("a.md", "a*500", 0),
            ("a.md", "a  \n", 1),
            ("a.swift", "a\n*600", 0),
            ("a.swift", "a\n*601", 1),
            ("a.py", "# FIXME\n", 1),
            ("scripts/run", "#!/bin/sh \n", 1),
            ("Makefile", "a:\n\tb\n", 0),
            ("a.json", "{} ", 0),
        ])
    func breaches(path: String, sketch: String, expected: Int) {
        // `a*120` stands for a line of 120 letters, `a\n*600` for 600 lines.
        let parts = sketch.split(separator: "*")
        var text = sketch
        if parts.count == 2, let count = Int(parts[1]) {
            text = String(repeating: String(parts[0]), count: count) + (parts[0].hasSuffix("\n") ? "" : "\n")
        }
        #expect(Tidiness.findings(path: path, text: text).count == expected)
    }
}
