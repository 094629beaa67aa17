/// A Swift file split into lines of code, with comments and the contents of string literals blanked out, and lines of
/// comments: a banned word counts only where it is code.
struct SwiftFile: Sendable {
    let path: String
    /// As written.
    let lines: [String]
    /// Line by line the same length in bytes as `lines`; comments and string contents are spaces.
    let code: [String]
    /// Line by line the text of comments, empty where there is none.
    let comments: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var lexer = Lexer(Array(text.utf8))
        lexer.run()
        code = lexer.code.split(separator: newline, omittingEmptySubsequences: false).map(decode)
        comments = lexer.comments.split(separator: newline, omittingEmptySubsequences: false).map(decode)
    }

    /// The room or test folder the file belongs to: the second part of `Sources/NAME/…`; nil elsewhere.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && (parts[0] == "Sources" || parts[0] == "Tests") ? String(parts[1]) : nil
    }

    struct Import: Equatable {
        let module: String
        let line: Int
        /// What stands before the word: `internal`, `package`, `@_exported public`; empty for a plain import.
        let modifiers: String
    }

    /// Every import of the file. A submodule or a single declaration counts as its module.
    var imports: [Import] {
        var found: [Import] = []
        for (index, line) in code.enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == ";" })
            guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
                words[..<at].allSatisfy({ importModifiers.contains(String($0)) })
            else { continue }
            let kinds = ["typealias", "struct", "class", "enum", "protocol", "let", "var", "func"]
            let name = kinds.contains(String(words[at + 1])) && at + 2 < words.count ? words[at + 2] : words[at + 1]
            found.append(
                Import(
                    module: String(name.prefix { $0 != "." }), line: index + 1,
                    modifiers: words[..<at].joined(separator: " ")))
        }
        return found
    }
}

private let importModifiers: Set<String> = [
    "private", "fileprivate", "internal", "package", "public", "@_exported", "@testable", "@preconcurrency",
    "@_implementationOnly",
]

private let newline = UInt8(ascii: "\n")
private let space = UInt8(ascii: " ")
private let quote = UInt8(ascii: "\"")
private let slash = UInt8(ascii: "/")
private let star = UInt8(ascii: "*")
private let pound = UInt8(ascii: "#")
private let backslash = UInt8(ascii: "\\")

private func decode(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

/// Tells code, comments and string literals apart; interpolations are code again. Regex literals are not known: the
/// project writes patterns as strings.
private struct Lexer {
    let text: [UInt8]
    var position = 0
    var code: [UInt8] = []
    var comments: [UInt8] = []

    init(_ text: [UInt8]) {
        self.text = text
        code.reserveCapacity(text.count)
        comments.reserveCapacity(text.count)
    }

    mutating func run() {
        while position < text.count { lexCode(untilParenthesis: false) }
    }

    private func byte(_ ahead: Int = 0) -> UInt8? {
        position + ahead < text.count ? text[position + ahead] : nil
    }

    private mutating func take(asCode: Bool, asComment: Bool = false) {
        let current = text[position]
        if current == newline {
            code.append(newline)
            comments.append(newline)
        } else {
            code.append(asCode ? current : space)
            if asComment { comments.append(current) }
        }
        position += 1
    }

    /// Code up to the end, or up to the parenthesis that closes an interpolation.
    private mutating func lexCode(untilParenthesis: Bool) {
        var depth = 0
        while let current = byte() {
            if current == slash, byte(1) == slash {
                while let next = byte(), next != newline { take(asCode: false, asComment: true) }
            } else if current == slash, byte(1) == star {
                lexBlockComment()
            } else if current == quote || (current == pound && opensRawString) {
                lexString()
            } else {
                if current == UInt8(ascii: "(") { depth += 1 }
                if current == UInt8(ascii: ")") {
                    if depth == 0 && untilParenthesis { return }
                    depth -= 1
                }
                take(asCode: true)
            }
        }
    }

    private mutating func lexBlockComment() {
        var depth = 0
        repeat {
            if byte() == slash, byte(1) == star {
                depth += 1
                take(asCode: false, asComment: true)
            } else if byte() == star, byte(1) == slash {
                depth -= 1
                take(asCode: false, asComment: true)
            }
            take(asCode: false, asComment: true)
        } while depth > 0 && position < text.count
    }

    /// Whether the pound signs here are followed by a quotation mark.
    private var opensRawString: Bool {
        var ahead = 0
        while byte(ahead) == pound { ahead += 1 }
        return byte(ahead) == quote
    }

    private mutating func lexString() {
        var pounds = 0
        while byte() == pound {
            pounds += 1
            take(asCode: true)
        }
        let isLong = byte(1) == quote && byte(2) == quote
        let quotes = isLong ? 3 : 1
        for _ in 0..<quotes { take(asCode: true) }
        while let current = byte() {
            if current == backslash, follows(pound, count: pounds, from: 1) {
                if byte(1 + pounds) == UInt8(ascii: "(") {
                    for _ in 0..<(2 + pounds) { take(asCode: false) }
                    lexCode(untilParenthesis: true)
                    if byte() != nil { take(asCode: false) }
                } else {
                    for _ in 0..<(2 + pounds) where byte() != nil { take(asCode: false) }
                }
            } else if follows(quote, count: quotes, from: 0), follows(pound, count: pounds, from: quotes) {
                for _ in 0..<(quotes + pounds) { take(asCode: true) }
                return
            } else if current == newline && !isLong {
                return  // not a valid literal: the compiler's matter
            } else {
                take(asCode: false)
            }
        }
    }

    private func follows(_ wanted: UInt8, count: Int, from: Int) -> Bool {
        (0..<count).allSatisfy { byte(from + $0) == wanted }
    }
}
