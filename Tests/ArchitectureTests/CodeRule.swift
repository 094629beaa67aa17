/// One thing that code must not say, found in the code of a line (comments and literals are blank there).
struct CodeRule: Sendable, CustomStringConvertible {
    let name: String
    /// What to write instead.
    let instead: String
    /// Whether the rule is for the file at this path.
    let covers: @Sendable (String) -> Bool
    /// Whether line `index` of the file breaks it.
    let isBroken: @Sendable (SwiftFile, Int) -> Bool

    var description: String { name }

    func findings(in files: [SwiftFile]) -> [Finding] {
        var found: [Finding] = []
        for file in files where covers(file.path) {
            for index in file.code.indices where isBroken(file, index) {
                found.append(Finding(file.path, line: index + 1, "\(name): \(instead)"))
            }
        }
        return found
    }
}

private let sources: @Sendable (String) -> Bool = { $0.hasPrefix("Sources/") }
private let everywhere: @Sendable (String) -> Bool = { _ in true }
/// Libraries leave printing to the doors.
private let libraries: @Sendable (String) -> Bool = { $0.hasPrefix("Sources/Martlet") }
private let hotRooms = ["MartletFeatures", "MartletHTTP", "MartletKeyValue", "MartletOnline", "MartletServer"]
private let hot: @Sendable (String) -> Bool = { path in hotRooms.contains { path.hasPrefix("Sources/\($0)/") } }

extension CodeRule {
    /// Bans a word of code.
    init(_ word: String, in covers: @escaping @Sendable (String) -> Bool, instead: String) {
        self.init(name: word, instead: instead, covers: covers) { file, index in file.code[index].containsWord(word) }
    }

    static let all: [CodeRule] = [
        CodeRule("try!", in: everywhere, instead: "throw, or `try` in a throwing test"),
        CodeRule("as!", in: everywhere, instead: "`as?` with the error for the other case"),
        CodeRule("fatalError(", in: sources, instead: "throw a MartletError; a broken invariant is a precondition"),
        CodeRule("print(", in: libraries, instead: "return it, or report through a parameter: doors print"),
        CodeRule("debugPrint(", in: sources, instead: "return it, or report through a parameter"),
        CodeRule("dump(", in: sources, instead: "return it, or report through a parameter"),
        CodeRule("Task.detached", in: sources, instead: "a task with an owner"),
        CodeRule("JSONEncoder", in: hot, instead: "JSONWriter (12 times as fast)"),
        CodeRule("JSONDecoder", in: hot, instead: "simdjson through MartletHTTP, or JSONValue on a cold path"),
        CodeRule("JSONSerialization", in: sources, instead: "JSONValue and JSONWriter"),
        CodeRule("@_exported", in: everywhere, instead: "an import in each file that uses the module"),
        CodeRule("XCTest", in: everywhere, instead: "Swift Testing"),
        CodeRule(".unsafeFlags", in: everywhere, instead: "nothing: SwiftPM refuses it in dependencies"),
        CodeRule(
            name: "import Foundation", instead: "FoundationEssentials, or preferably neither", covers: everywhere,
            isBroken: { file, index in
                file.code[index].containsWord("import") && !file.code[index].containsWord("FoundationEssentials")
                    && file.code[index].split(separator: " ").contains { $0.hasPrefix("Foundation") }
            }),
        CodeRule(
            name: "Data in package API", instead: "[UInt8] or a Span (bytewise Data is 25 times as slow)", covers: hot,
            isBroken: { file, index in
                isDeclaration(file.code[index]) && signature(file, index).containsWord("Data")
            }),
        CodeRule(
            name: "unsafe without its reason", instead: "a comment beside or above says what makes it safe",
            covers: everywhere,
            isBroken: { file, index in
                let words = [
                    "@unchecked Sendable", "nonisolated(unsafe)", "unowned(unsafe)", "unsafeBitCast(",
                    "unsafeDowncast(",
                    "@unsafe", "@preconcurrency",
                ]
                return words.contains { file.code[index].containsWord($0) } && !hasComment(file, index)
            }),
        CodeRule(
            name: "open end without an issue", instead: "do it, or name the issue: TODO(#12)", covers: everywhere,
            isBroken: { file, index in
                file.comments.indices.contains(index) && hasOpenEnd(file.comments[index])
            }),
    ]
}

/// Whether text promises work and names no issue.
func hasOpenEnd(_ text: String) -> Bool {
    ["TODO", "FIXME", "XXX"].contains { word in
        guard text.containsWord(word), let place = text.ranges(of: word).first else { return false }
        let rest = text[place.upperBound...]
        return !(rest.hasPrefix("(#") && rest.dropFirst(2).first?.isNumber == true)
    }
}

/// A comment on the line itself or on the one above, attributes between them not counted.
private func hasComment(_ file: SwiftFile, _ index: Int) -> Bool {
    func isSaid(_ line: Int) -> Bool {
        file.comments[line].contains { $0.isLetter }
    }
    if isSaid(index) { return true }
    var above = index - 1
    while above >= 0, file.code[above].drop(while: \.isWhitespace).hasPrefix("@") {
        if isSaid(above) { return true }
        above -= 1
    }
    return above >= 0 && isSaid(above)
}

private func isDeclaration(_ code: String) -> Bool {
    (code.containsWord("package") || code.containsWord("public")) && !code.containsWord("import")
}

/// The declaration that begins on a line: that line and those after it while a parenthesis is open.
private func signature(_ file: SwiftFile, _ index: Int) -> String {
    var text = ""
    var depth = 0
    for line in file.code[index...].prefix(20) {
        text += line.prefix { $0 != "{" }
        depth += line.reduce(0) { $0 + ($1 == "(" ? 1 : $1 == ")" ? -1 : 0) }
        if depth <= 0 { break }
    }
    return text
}

extension String {
    /// Whether the word occurs with no identifier going on before its start or after its end.
    func containsWord(_ word: String) -> Bool {
        let text = utf8
        let wanted = Array(word.utf8)
        guard let first = wanted.first, let last = wanted.last, text.count >= wanted.count else { return false }
        var start = text.startIndex
        var before: UInt8 = 0
        while start != text.endIndex {
            if text[start] == first, !(isNamePart(first) && (isNamePart(before) || before == UInt8(ascii: "."))),
                text[start...].starts(with: wanted)
            {
                let end = text.index(start, offsetBy: wanted.count)
                if end == text.endIndex || !(isNamePart(last) && isNamePart(text[end])) { return true }
            }
            before = text[start]
            start = text.index(after: start)
        }
        return false
    }
}

private func isNamePart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
    default: false
    }
}
