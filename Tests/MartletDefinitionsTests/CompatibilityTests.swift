import MartletCore
import MartletDefinitions
import Testing

@Suite("Compatibility of a source's versions")
struct CompatibilityTests {
    private static let id = SourceColumn(name: "id", type: .int64, isNullable: false)
    private static let note = SourceColumn(name: "note", type: .string)

    struct Case: Sendable {
        var old: [SourceColumn]
        var new: [SourceColumn]
        /// Who forbids it.
        var backward: Bool
        var forward: Bool
    }

    static let cases = [
        // Nothing, a column that may be empty comes or goes.
        Case(old: [id, note], new: [note, id], backward: false, forward: false),
        Case(old: [id], new: [id, note], backward: false, forward: false),
        Case(old: [id, note], new: [id], backward: false, forward: false),
        // A column that is always there comes or goes.
        Case(
            old: [id], new: [id, SourceColumn(name: "note", type: .string, isNullable: false)], backward: true,
            forward: false),
        Case(
            old: [id, SourceColumn(name: "note", type: .string, isNullable: false)], new: [id], backward: false,
            forward: true),
        Case(
            old: [id],
            new: [id, SourceColumn(name: "note", type: .string, isNullable: false, constant: .string("x"))],
            backward: false, forward: false),
        // A column becomes required, or free to be empty.
        Case(
            old: [id, note], new: [id, SourceColumn(name: "note", type: .string, isNullable: false)], backward: true,
            forward: false),
        Case(
            old: [id, SourceColumn(name: "note", type: .string, isNullable: false)], new: [id, note], backward: false,
            forward: true),
        // Another type.
        Case(old: [id, note], new: [id, SourceColumn(name: "note", type: .bytes)], backward: true, forward: true),
    ]

    @Test("each mode forbids what its readers could not read", arguments: cases)
    func modes(setup: Case) {
        func isForbidden(_ mode: SchemaCompatibility) -> Bool { !mode.faults(from: setup.old, to: setup.new).isEmpty }
        #expect(!isForbidden(.none))
        #expect(isForbidden(.backward) == setup.backward)
        #expect(isForbidden(.forward) == setup.forward)
        #expect(isForbidden(.full) == (setup.backward || setup.forward))
    }

    @Test("both members are read, kept in the canonical text, and absent there where they say nothing")
    func canonical() throws {
        func read(_ more: String) throws -> Definition {
            let text = "source: s\ncolumns: {id: int64, at: timestamp}\nevent_time: at\n" + more
            let repository = RepositoryText(checking: [.init(path: "a.yaml", text: text)]) { _ in .success("") }
            #expect(repository.faults.isEmpty)
            return try #require(repository.definitions.first)
        }
        let plain = try read("")
        #expect(!plain.canonicalText.contains("compat") && !plain.canonicalText.contains("compact"))
        let told = try read("compatibility: full\ncompact_by: [id]\n")
        guard case .source(let source) = told else {
            Issue.record("this is a source")
            return
        }
        #expect(source.compatibility == .full && source.compactBy == ["id"])
        #expect(try Definition(canonical: told.canonicalText) == told)
    }
}
