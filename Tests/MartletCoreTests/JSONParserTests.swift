import MartletCore
import Testing

@Suite("Reading JSON")
struct JSONParserTests {
    @Test(
        "gives the value",
        arguments: [
            (" 12 ", JSONValue.integer(12)), ("-0", .integer(0)), ("1.0", .integer(1)), ("1e3", .integer(1_000)),
            ("9223372036854775807", .integer(.max)), ("9223372036854775808", .number(9.223372036854775808e18)),
            ("-1.5E-2", .number(-0.015)), ("1e300", .number(1e300)),
            (#""\u00e9\ud83d\ude00\/\b\f""#, .string("é😀/\u{08}\u{0C}")),
            (#"{"a":1,"a":2}"#, .object(["a": .integer(2)])), ("[ ]", .array([])), ("{ }", .object([:])),
            ("\t[1 , 2]\r\n", .array([.integer(1), .integer(2)])), (#""\u0000""#, .string("\0")),
        ])
    func values(text: String, value: JSONValue) throws { #expect(try JSONValue(parsing: text) == value) }

    @Test(
        "refuses what RFC 8259 refuses",
        arguments: [
            "01", "+1", ".5", "1.", "1e", "-", "1 2", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "\"\t\"", "\"\\x\"",
            "\"\\u12\"",
            #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#, "tru", "True", "NaN", "1e999", "[", "\"", "{\"a\"", "[1}",
        ])
    func refused(text: String) {
        let error = #expect(throws: MartletError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == .invalidInput)
    }

    @Test("refuses bytes that are not UTF-8")
    func encoding() { #expect(throws: MartletError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) } }

    @Test("keeps the sign of a negative zero")
    func negativeZero() throws {
        guard case .number(let zero) = try JSONValue(parsing: "-0.0") else {
            Issue.record("not a number with a sign")
            return
        }
        #expect(zero.sign == .minus)
    }

    @Test("refuses values nested too deep instead of exhausting the stack")
    func depth() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: MartletError.self) { try JSONValue(parsing: deep) }
        let allowed = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        #expect(try JSONValue(parsing: allowed).text == allowed)
    }

    @Test("reads what the writer writes, for random trees")
    func roundTrip() throws {
        let seed = UInt64.random(in: 0...99_999)
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let tree = tree(&random, depth: 4)
            #expect(try JSONValue(parsing: tree.text) == tree, "seed \(seed)")
        }
    }

    @Test("refuses every text cut short")
    func truncated() throws {
        let text = #"{"a":[1.5,true,null,"x\u00e9"],"b":{"c":false}}"#
        for length in 0..<text.utf8.count {
            #expect(throws: MartletError.self, "\(length) bytes") {
                try JSONValue(parsing: Array(text.utf8.prefix(length)))
            }
        }
    }

    private func tree(_ random: inout SeededRandom, depth: Int) -> JSONValue {
        switch random.next() % (depth == 0 ? 5 : 7) {
        case 0: return .null
        case 1: return .bool(random.next() % 2 == 0)
        case 2: return .integer(Int64(bitPattern: random.next()))
        case 3: return .number(random.uniform() - 0.5)
        case 4:
            return .string(String(decoding: (0..<8).map { _ in UInt8(random.next() % 128) }, as: UTF8.self) + "é\"\\")
        case 5: return .array((0..<Int(random.next() % 4)).map { _ in tree(&random, depth: depth - 1) })
        default:
            var members: [String: JSONValue] = [:]
            for _ in 0..<(random.next() % 4) { members["k\(random.next() % 10)"] = tree(&random, depth: depth - 1) }
            return .object(members)
        }
    }
}
