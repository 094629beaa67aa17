import MartletCore
import MartletDefinitions
import Testing

@Suite("The canonical text of a definition")
struct CanonicalTextTests {
    private let definitions = Examples.check(Examples.payments).definitions

    @Test("every definition of the example comes back from its text, and gives the same text again")
    func roundTrip() throws {
        #expect(definitions.count == 10)
        for definition in definitions {
            let read = try Definition(canonical: definition.canonicalText)
            #expect(read == definition)
            #expect(read.canonicalText == definition.canonicalText)
        }
    }

    @Test("the text has fixed keys in a fixed order")
    func golden() {
        #expect(
            definitions.prefix(2).map(\.canonicalText) == [
                #"{"format":1,"kind":"entity","name":"branch","keys":[{"name":"branch_id","type":"int32"},"#
                    + #"{"name":"region","type":"string"}]}"#,
                #"{"format":1,"kind":"entity","name":"customer","description":"A person who holds cards","#
                    + #""owner":"payments team","tags":{"domain":"fraud","tier":"1"},"#
                    + #""keys":[{"name":"customer_id","type":"int64"}]}"#,
            ])
    }

    @Test("the place is no part of a definition")
    func place() {
        let moved = RepositoryText(
            checking: [.init(path: "b.yaml", text: "# moved\n" + Examples.payments)]
        ) { _ in .success(Examples.flows) }.definitions
        #expect(moved.map(\.canonicalText) == definitions.map(\.canonicalText))
        #expect(moved == definitions)
        #expect(Set(moved + definitions).count == 10)
        #expect(moved[0].about.place != definitions[0].about.place)
    }

    @Test("the text of the query is a part of it")
    func query() {
        let other = RepositoryText(checking: [.init(path: "a.yaml", text: Examples.payments)]) { _ in
            .success(Examples.flows + "-- changed\n")
        }.definitions
        let changed = zip(other, definitions).filter { $0.canonicalText != $1.canonicalText }
        #expect(changed.map(\.0.name) == ["branch_flows"])
    }

    @Test(
        "values of every type come back exactly",
        arguments: [
            .bool(false), .int32(.min), .int64(.max), .int64(9_007_199_254_740_993), .float32(0.1), .float64(0.1),
            .float64(-0.0), .float64(.greatestFiniteMagnitude), .string("\u{0}\"\\ é 🐦"), .bytes([0, 255]),
            .timestamp(Timestamp(microseconds: -1)), .null,
        ] as [Value])
    func values(_ value: Value) throws {
        let definition = Definition.checks(
            ChecksDefinition(
                about: About(name: "c"), source: "s",
                checks: [Check(name: "a", rule: .accepted(column: "x", values: [value]), severity: .error)]))
        #expect(try Definition(canonical: definition.canonicalText) == definition)
    }

    @Test("a text that is cut off or changed is corrupt, and never traps")
    func damage() throws {
        for definition in definitions {
            let bytes = Array(definition.canonicalText.utf8)
            for count in stride(from: 0, to: bytes.count, by: 9) {
                let text = String(decoding: bytes[..<count], as: UTF8.self)
                #expect(throws: MartletError.self) { try Definition(canonical: text) }
            }
        }
        for text in [
            "{}", "[]", #"{"format":2,"kind":"entity","name":"a","keys":[]}"#,
            #"{"format":1,"kind":"entity","name":"a","keys":[{"name":"b","type":"int99"}]}"#,
            #"{"format":1,"kind":"thing","name":"a"}"#,
        ] {
            do {
                _ = try Definition(canonical: text)
                Issue.record("\(text) was read")
            } catch let error as MartletError {
                #expect(error.code == .corruptData)
            }
        }
    }
}
