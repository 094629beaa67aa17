import MartletCore
import MartletHTTP
import Testing

@Suite("A JSON document")
struct JSONDocumentTests {
    private func parsed<Result>(_ text: String, _ body: (JSONElement) throws -> Result) throws -> Result {
        try Array(text.utf8).withUnsafeBytes { bytes in
            let document = try JSONDocument(parsing: bytes)
            return try body(document.root)
        }
    }

    /// The element as an ordinary tree, to compare with the cold-path parser.
    private func tree(_ element: JSONElement) -> JSONValue {
        switch element.kind {
        case .null: .null
        case .bool: .bool(element.bool!)
        case .integer: element.int64.map { .integer($0) } ?? .number(element.double!)
        case .double: .number(element.double!)
        case .string: .string(element.string!)
        case .array: .array(element.elements.map { tree($0) })
        case .object:
            .object(
                Dictionary(element.members.map { (String(decoding: $0.name, as: UTF8.self), tree($0.value)) }) { $1 })
        }
    }

    @Test(
        "holds what the text says",
        arguments: [
            "{}", "[]", "1", "\"x\"", "[[],[[1]],{}]", #"{"a":[1,-2,3.5,true,false,null,"é\n\u20ac"],"b":{"c":{}}}"#,
            "[9223372036854775807,-9223372036854775808]", #"{"":"","x":[{"y":[]},[]]}"#,
        ])
    func equalsColdParser(text: String) throws {
        let expected = try JSONValue(parsing: text)
        let seen = try parsed(text) { tree($0) }
        #expect(seen == expected)
    }

    @Test("counts elements and members")
    func counts() throws {
        try parsed(#"{"a":[1,[2,3],{"x":1}],"b":{}}"#) { root in
            #expect(root.count == 2)
            let first = Array(root.members)[0]
            #expect(first.name.equals("a"))
            #expect(!first.name.equals("b"))
            #expect(first.value.count == 3)
            #expect(first.value.elements.map(\.kind) == [.integer, .array, .object])
        }
    }

    @Test("has typed access that refuses other types")
    func typedAccess() throws {
        try parsed(#"[1, 1.5, "1", true, null, 18446744073709551615]"#) { root in
            let items = Array(root.elements)
            #expect(items.map(\.int64) == [1, nil, nil, nil, nil, nil])
            #expect(items.map(\.double) == [1, 1.5, nil, nil, nil, 0x1p64])
            #expect(items.map(\.string) == [nil, nil, "1", nil, nil, nil])
            #expect(items.map(\.bool) == [nil, nil, nil, true, nil, nil])
            #expect(items.map(\.isNull) == [false, false, false, false, true, false])
        }
    }

    @Test(
        "refuses what is not JSON",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\"}", "01", "1 2", "nul", "\"\u{1}\"", "[1e999]",
            "123456789012345678901234567890",
            String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
        ])
    func refusals(text: String) {
        #expect { try parsed(text) { _ in } } throws: { ($0 as? MartletError)?.code == .invalidInput }
    }

    @Test("refuses bad UTF-8")
    func badText() {
        let bytes: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(throws: MartletError.self) {
            try bytes.withUnsafeBytes { _ = try JSONDocument(parsing: $0) }
        }
    }

    @Test("two documents of one thread do not disturb each other")
    func nested() throws {
        try parsed("[1,2,3]") { outer in
            try parsed("[4,5]") { inner in
                #expect(inner.elements.compactMap(\.int64) == [4, 5])
            }
            #expect(outer.elements.compactMap(\.int64) == [1, 2, 3])
        }
    }

    @Test("string arrays have equal bytes where they are equal, and only there")
    func stringArrayBytes() throws {
        func bytes(_ text: String) throws -> [UInt8]? { try parsed(text) { $0.stringArrayBytes.map { Array($0) } } }
        #expect(try bytes(#"["a:b","c"]"#) == bytes(#"[ "a:b" , "\u0063" ]"#))
        #expect(try bytes(#"["ab","c"]"#) != bytes(#"["a","bc"]"#))
        #expect(try bytes(#"["a"]"#) != bytes(#"["a",""]"#))
        #expect(try bytes(#"["a",1]"#) == nil)
        #expect(try bytes("[]") == [])
    }

    @Test("a text of several megabytes is read, and small ones after it")
    func large() throws {
        let numbers = (0..<600_000).map(String.init).joined(separator: ",")
        #expect(try parsed("[\(numbers)]") { $0.count } == 600_000)
        #expect(try parsed("[1]") { $0.count } == 1)
    }

    @Test("random trees read as the cold parser reads them", arguments: [UInt64(5), 6])
    func randomTrees(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let text = randomTree(&random, depth: 4).text
            let expected = try JSONValue(parsing: text)
            #expect(try parsed(text) { tree($0) } == expected, "seed \(seed)")
        }
    }

    private func randomTree(_ random: inout SeededRandom, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
        case 3: return .number(random.uniform() * 1e9 + 0.5)
        case 4: return .string(["", "x", "\"\\\n", "é😀"].randomElement(using: &random)!)
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in randomTree(&random, depth: depth - 1) })
        default:
            let count = Int.random(in: 0...4, using: &random)
            return .object(Dictionary((0..<count).map { ("k\($0)", randomTree(&random, depth: depth - 1)) }) { $1 })
        }
    }
}
