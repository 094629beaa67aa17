import Testing

@Suite("What code must not say")
struct CodeRuleTests {
    @Test("no code says it", arguments: CodeRule.all)
    func clean(rule: CodeRule) {
        expectNone(rule.findings(in: Repository.swiftFiles))
    }

    /// Each rule is broken by its first text and kept by its second, so that a rule that finds nothing is noticed.
    static let examples: [(rule: String, broken: String, kept: String)] = [
        ("try!", "let a = try! b()", "let a = try b() // try! would trap"),
        ("as!", "let a = b as! C", "let a = \"b as! C\""),
        ("fatalError(", "fatalError()", "preconditionFailure()"),
        ("print(", "print(1)", "fingerprint(1); report.print(1)"),
        ("debugPrint(", "debugPrint(a)", "a()"),
        ("dump(", "dump(a)", "a.dump()"),
        ("Task.detached", "Task.detached { }", "Task { }"),
        ("JSONEncoder", "let a = JSONEncoder()", "let a = JSONWriter()"),
        ("JSONDecoder", "let a = JSONDecoder()", "let a = MyJSONDecoder()"),
        ("JSONSerialization", "JSONSerialization.data()", "JSONValue.null"),
        ("@_exported", "@_exported import A", "import A"),
        ("XCTest", "import XCTest", "import Testing"),
        (".unsafeFlags", "x.unsafeFlags([])", "let unsafeFlagsCount = 1"),
        ("import Foundation", "internal import Foundation", "internal import FoundationEssentials"),
        ("import Foundation", "import FoundationNetworking", "import Glibc"),
        ("Data in package API", "package func a(\n  b: Data\n) {}", "private func a(b: Data) {}"),
        ("Data in package API", "package var a: Data", "package func a(b: DataType) { Data() }"),
        (
            "unsafe without its reason", "struct A: @unchecked Sendable {",
            "// its lock\nstruct A: @unchecked Sendable {"
        ),
        ("unsafe without its reason", "nonisolated(unsafe) var a", "nonisolated(unsafe) var a  // one thread"),
        ("unsafe without its reason", "@a\nnonisolated(unsafe) var a", "// why\n@a\nnonisolated(unsafe) var a"),
        ("open end without an issue", "// TODO later", "// TODO(#12) later"),
        ("open end without an issue", "a() // FIXME", "let a = TODOS // to do"),
    ]

    @Test("each rule finds what breaks it and lets the rest pass", arguments: examples)
    func rule(rule: String, broken: String, kept: String) throws {
        let rules = CodeRule.all.filter { $0.name == rule }
        try #require(rules.count == 1)
        func count(_ text: String) -> Int {
            rules[0].findings(in: [SwiftFile(path: "Sources/MartletOnline/x.swift", text: text)]).count
        }
        #expect(count(broken) == 1)
        #expect(count(kept) == 0)
    }

    @Test("each rule has an example")
    func examplesAreComplete() {
        #expect(Set(Self.examples.map(\.rule)) == Set(CodeRule.all.map(\.name)))
    }

    @Test("a rule for libraries leaves the command line alone, one for hot rooms the cold ones")
    func reach() {
        func findings(_ path: String, _ text: String) -> Int {
            CodeRule.all.flatMap { $0.findings(in: [SwiftFile(path: path, text: text)]) }.count
        }
        #expect(findings("Sources/martlet/x.swift", "print(1)") == 0)
        #expect(findings("Sources/MartletCore/x.swift", "print(1)") == 1)
        #expect(findings("Sources/MartletCore/x.swift", "JSONEncoder()") == 0)
        #expect(findings("Sources/MartletHTTP/x.swift", "JSONEncoder()") == 1)
        #expect(findings("Tests/MartletCoreTests/x.swift", "fatalError()") == 0)
    }
}
