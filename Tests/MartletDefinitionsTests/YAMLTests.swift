import MartletCore
import MartletDefinitions
import Testing

@Suite("YAML")
struct YAMLTests {
    private func parse(_ text: String, _ change: (inout YAMLLimits) -> Void = { _ in }) -> YAMLFile {
        var limits = YAMLLimits()
        change(&limits)
        return YAMLFile(parsing: Array(text.utf8), file: "a.yaml", limits: limits)
    }

    @Test(
        "plain scalars follow the core schema of YAML 1.2",
        arguments: [
            ("no", .text("no")), ("on", .text("on")), ("Yes", .text("Yes")), ("12:30", .text("12:30")),
            ("true", .boolean(true)), ("FALSE", .boolean(false)), ("~", .null), ("", .null), ("null", .null),
            ("12", .integer(12)), ("-3", .integer(-3)), ("+7", .integer(7)), ("007", .integer(7)),
            ("0x1F", .integer(31)), ("0o17", .integer(15)), ("0b1", .text("0b1")), ("1_000", .text("1_000")),
            ("1.5", .number(1.5)), (".5", .number(0.5)), ("5.", .number(5)), ("1e3", .number(1_000)),
            ("-2.5E-1", .number(-0.25)), (".inf", .number(.infinity)), ("-.INF", .number(-.infinity)),
            (".", .text(".")), ("-", .text("-")), ("1e", .text("1e")), ("1.2.3", .text("1.2.3")), ("inf", .text("inf")),
            ("9223372036854775807", .integer(.max)), ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("2026-05-01", .text("2026-05-01")), ("7d", .text("7d")),
        ] as [(String, YAMLScalar)])
    func coreSchema(text: String, expected: YAMLScalar) {
        #expect(resolveCoreScalar(text) == expected)
    }

    @Test("quotes make text, and keys are text whatever they look like")
    func quotes() throws {
        let file = parse("null: \"12\"\ntrue: '~'\n12: |\n  a\n  b\n")
        guard case .mapping(let entries) = try #require(file.documents.first).content else {
            Issue.record("not a mapping")
            return
        }
        #expect(entries.map(\.key) == ["null", "true", "12"])
        #expect(entries.map(\.value.scalar) == [.text("12"), .text("~"), .text("a\nb\n")])
    }

    @Test("every node knows its line and column, in every document")
    func places() throws {
        let file = parse("# head\na: 1\n---\nb:\n  - x\n  - {c: y}\n")
        #expect(file.isComplete && file.faults.isEmpty && file.documents.count == 2)
        guard case .mapping(let entries) = file.documents[1].content,
            case .sequence(let items) = try #require(entries.first).value.content,
            case .mapping(let inner) = items[1].content
        else {
            Issue.record("another shape")
            return
        }
        #expect(entries[0].keyPlace.description == "a.yaml:4:1")
        #expect(items[0].place.description == "a.yaml:5:5")
        #expect(inner[0].value.place.description == "a.yaml:6:9")
    }

    @Test(
        "what is not YAML is one fault with its place and its fix",
        arguments: [
            ("a: b: c\n", 1, 5, "quote a value that contains `: ` or ends with `:`"),
            ("a:\n\tb: 1\n", 2, 1, "indent with spaces, not with tabs"),
            ("a: [1, 2\n", 2, 1, "close the bracket"),
            ("a: \"x\n", 2, 1, "close the quote"),
            ("a: 1\n  b: 2\n", 2, 4, "quote a value that contains `: ` or ends with `:`"),
            ("a: @x\n", 1, 4, "quote the value"),
            ("a: &x 1\n", 1, 4, "write the value out where it is used"),
            ("a: *x\n", 1, 4, "write the value out"),
            ("a: !!int 1\n", 1, 4, "remove the tag; quote a value to make it text"),
            ("a: 1\nb: 2\na: 3\n", 3, 1, "keep one of them"),
            ("? [x]\n: 1\n", 1, 3, nil),
        ] as [(String, Int, Int, String?)])
    func faults(text: String, line: Int, column: Int, fix: String?) throws {
        let fault = try #require(parse(text).faults.first)
        #expect(parse(text).faults.count == 1)
        #expect(fault.code == .invalidDefinition)
        #expect(fault.place == MartletError.Place(file: "a.yaml", line: line, column: column), "\(fault)")
        #expect(fault.fix == fix, "\(fault)")
    }

    @Test("bytes that are not UTF-8 are a fault at their line")
    func encoding() throws {
        let file = YAMLFile(parsing: Array("a: 1\nb: ".utf8) + [0xff, 0xfe, 10], file: "a.yaml")
        let fault = try #require(file.faults.first)
        #expect(fault.place?.line == 2 && fault.place?.column == 4, "\(fault)")
        #expect(!file.isComplete)
    }

    @Test("a file that is cut off anywhere never traps and never loses its faults")
    func truncated() {
        let bytes = Array(Examples.payments.utf8)
        for count in stride(from: 0, to: bytes.count, by: 5) {
            let file = YAMLFile(parsing: Array(bytes[..<count]), file: "a.yaml")
            #expect(file.isComplete == file.faults.isEmpty, "cut after \(count) bytes")
        }
    }

    @Test("random damage never traps")
    func damaged() {
        let seed: UInt64 = 20_260_501
        var random = SeededRandom(seed: seed)
        let original = Array(Examples.payments.utf8)
        for round in 0..<150 {
            var bytes = original
            for _ in 0..<(1 + Int.random(in: 0..<6, using: &random)) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let text = RepositoryText(checking: [.init(path: "a.yaml", bytes: bytes)]) { _ in .success("SELECT 1") }
            #expect(text.definitions.count <= 10, "seed \(seed), round \(round)")
        }
    }

    @Test(
        "limits are kept",
        arguments: [
            ("a: [[[[1]]]]\n", \YAMLLimits.maximumDepth, 4, "nested deeper than 4"),
            ("a: [1, 2, 3]\n", \YAMLLimits.maximumNodes, 5, "more than 5 values"),
            ("a: 12345\n", \YAMLLimits.maximumSizeBytes, 8, "more than the limit of 8"),
        ] as [(String, any WritableKeyPath<YAMLLimits, Int> & Sendable, Int, String)])
    func limits(text: String, limit: any WritableKeyPath<YAMLLimits, Int> & Sendable, value: Int, message: String)
        throws
    {
        #expect(parse(text).faults.isEmpty)
        let fault = try #require(parse(text) { $0[keyPath: limit] = value }.faults.first)
        #expect(fault.code == .limitExceeded)
        #expect(fault.message.contains(message), "\(fault)")
        #expect(parse(text) { $0[keyPath: limit] = value + 5 }.faults.isEmpty)
    }

    @Test("a thousand brackets are refused, not followed")
    func deep() {
        let file = parse(String(repeating: "[", count: 100_000))
        #expect(file.faults.map(\.code) == [.limitExceeded])
    }
}
