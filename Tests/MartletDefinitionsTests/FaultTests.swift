import MartletCore
import MartletDefinitions
import Testing

@Suite("Faults of definitions")
struct FaultTests {
    private static let mistakes: [Mistake] =
        Mistake.ofShape + Mistake.ofReference + Mistake.ofColumn + Mistake.ofCheck + Mistake.ofWindow + Mistake.ofFormat

    @Test("each mistake is found at its place, with its fix, and little else", arguments: mistakes)
    func mistake(_ mistake: Mistake) throws {
        let text = try #require(Examples.payments.replacingFirst(mistake.replace, by: mistake.with))
        let faults = Examples.check(text).faults
        let shown = faults.map(\.description).joined(separator: "\n")
        #expect(mistake.isFound(in: faults), "\(shown)")
        #expect(faults.count <= 3, "one mistake, many faults:\n\(shown)")
    }

    @Test("all faults are reported at once, in the order of files and lines")
    func all() {
        let files = [
            RepositoryText.File(path: "b.yaml", text: "entity: a\nkey: id\ntype: float\ncolor: red\n"),
            RepositoryText.File(path: "a.yaml", text: "service: s\nfeatures: [none]\n---\nentity: b\nkeys: {}\n"),
        ]
        let faults = RepositoryText(checking: files) { _ in .success("") }.faults
        #expect(
            faults.map { "\($0.place?.description ?? ""): \($0.message)" } == [
                "a.yaml:2:12: there is no feature view named `none`", "a.yaml:5:7: `keys` is empty",
                "b.yaml:3:7: `type` cannot be `float`", "b.yaml:4:1: unknown key `color` in an entity",
            ])
    }

    @Test("features of two views whose names collide in a service are faulted, and keys of two types")
    func collisions() {
        let faults = Examples.check(
            """
            entity: a
            keys: {id: int64}
            ---
            entity: b
            keys: {id: string}
            ---
            source: s
            columns: {id: int64, at: timestamp, x: string}
            event_time: at
            ---
            source: t
            columns: {id: string, at: timestamp, x: string}
            event_time: at
            ---
            features: va
            entity: a
            source: s
            latest: [x]
            ---
            features: vb
            entity: b
            source: t
            latest: [x]
            ---
            features: both
            entities: [a, b]
            source: s
            latest: [x]
            ---
            service: all
            features: [va, vb]
            """
        ).faults
        #expect(
            faults.map { "\($0.place?.description ?? ""): \($0.message)" } == [
                "a.yaml:26:11: entities a and b both have the key `id`",
                "a.yaml:27:9: the key `id` of entity b is of type string, but column `id` is of type int64",
                "a.yaml:31:16: the feature `x` comes from va and from vb",
                "a.yaml:31:16: the key `id` is of type int64 in entity a and string in b",
            ])
    }

    @Test("a faulty definition is known by name, so that its users are not faulted for it")
    func cascade() throws {
        let text = try #require(Examples.payments.replacingFirst("amount: {type: float64", by: "amount: {type: double"))
        #expect(Examples.check(text).faults.map(\.message) == ["`columns.amount.type` cannot be `double`"])
    }

    @Test("where a file cannot be read to its end, names that may be in it are not called unknown")
    func incomplete() {
        let faults = Examples.check("service: s\nfeatures: [a]\n---\nfeatures: a\n\tx: 1\n").faults
        #expect(faults.count == 1)
        #expect(faults.first?.message.hasPrefix("not valid YAML") == true)
    }

    @Test("a document without a kind is a fault", arguments: ["- a\n", "just text\n", "12\n", "{}\n"])
    func noKind(text: String) {
        let faults = Examples.check(text).faults
        #expect(faults.map(\.place?.description) == ["a.yaml:1:1"])
        #expect(faults.first?.message.hasPrefix("a definition is a mapping") == true)
    }

    @Test("a fault prints its place, message, code and fix")
    func printed() {
        let faults = Examples.check("entity: a\nkey: id\ntype: int46\n").faults
        #expect(
            DefinitionFaults(faults).description == """
                a.yaml:3:7: `type` cannot be `int46` [invalid-definition]
                  fix: did you mean `int32`?
                """)
    }

    @Test("a thousand faults are the most that is reported")
    func limit() {
        let documents = (0..<1_100).map { "entity: e\($0)\nkey: id\ntype: x\n" }.joined(separator: "---\n")
        #expect(Examples.check(documents).faults.count == 1_000)
    }
}
