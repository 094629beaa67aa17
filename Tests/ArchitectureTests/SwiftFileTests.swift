import Testing

@Suite("Reading Swift source")
struct SwiftFileTests {
    @Test(
        "only code is left of a line",
        arguments: [
            ("let a = 1 // try! here", "let a = 1             "),
            ("let a = \"try! x\"", "let a = \"      \""),
            ("let a = \"x \\\"try!\\\" y\" + b", "let a = \"            \" + b"),
            ("let a = \"n: \\(try! f(\"as!\")) m\"", "let a = \"     try! f(\"   \")   \""),
            ("let a = #\"\\(try!) \"x\" \"# + b", "let a = #\"            \"# + b"),
            ("a /* as! /* b */ c */ d", "a                     d"),
            ("let a = \"\" + try! b", "let a = \"\" + try! b"),
        ])
    func code(line: String, expected: String) {
        #expect(SwiftFile(path: "x.swift", text: line).code == [expected])
    }

    @Test("a long string literal is blank over its lines and code follows it")
    func longLiteral() {
        let file = SwiftFile(path: "x.swift", text: "let a = \"\"\"\n  as! \"b\" \\(try! c)\n  \"\"\"\nas! d\n")
        #expect(file.code == ["let a = \"\"\"", "            try! c ", "  \"\"\"", "as! d", ""])
    }

    @Test("comments are kept apart, line by line")
    func comments() {
        let file = SwiftFile(path: "x.swift", text: "a // one\nb\n/* two\nthree */ c\n")
        #expect(file.comments == ["// one", "", "/* two", "three */", ""])
        #expect(file.code == ["a       ", "b", "      ", "         c", ""])
    }

    @Test("imports are read with their modifiers, submodules and single declarations")
    func imports() {
        let file = SwiftFile(
            path: "Sources/A/x.swift",
            text: """
                internal import CLMDB
                @_exported public import MartletCore
                import struct FoundationEssentials.Data
                // import Foundation
                let text = "import Foundation"
                """)
        #expect(
            file.imports == [
                .init(module: "CLMDB", line: 1, modifiers: "internal"),
                .init(module: "MartletCore", line: 2, modifiers: "@_exported public"),
                .init(module: "FoundationEssentials", line: 3, modifiers: ""),
            ])
        #expect(file.target == "A")
    }
}
