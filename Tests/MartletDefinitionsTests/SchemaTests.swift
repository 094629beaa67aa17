import Glibc
import MartletCore
import MartletDefinitions
import Testing

/// The schemas for editors are made from the parser's tables; here an independent reader of JSON Schema compares the
/// two.
@Suite("The JSON Schema")
struct SchemaTests {
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    private static let definitions = Result { try JSONSchema(DefinitionSchema.definitions) }
    private static let settings = Result { try JSONSchema(DefinitionSchema.settings) }

    @Test(
        "the committed copies are what is generated; MARTLET_REFRESH=1 writes them",
        arguments: [
            ("docs/schema/martlet.schema.json", DefinitionSchema.definitions),
            ("docs/schema/settings.schema.json", DefinitionSchema.settings),
        ])
    func committed(path: String, expected: String) throws {
        let full = "\(Self.root)/\(path)"
        if getenv("MARTLET_REFRESH").map({ String(cString: $0) }) == "1" {
            mkdir("\(Self.root)/docs", 0o777)
            mkdir("\(Self.root)/docs/schema", 0o777)
            let file = try #require(fopen(full, "w"))
            let bytes = Array(expected.utf8)
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
        }
        let file = try #require(fopen(full, "r"), "\(path) is missing: run the tests with MARTLET_REFRESH=1")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        #expect(text == expected, "\(path) is old: run the tests with MARTLET_REFRESH=1")
    }

    @Test("the schema has exactly the keys that the parser knows", arguments: Definition.Kind.allCases)
    func keys(kind: Definition.Kind) throws {
        let schema = try JSONValue(parsing: DefinitionSchema.definitions)
        let definition = try #require(schema["$defs"]?[kind.rawValue])
        var compared = 0
        try compare(definition, DefinitionLanguage.shape(of: kind), &compared)
        #expect(compared > 0)
    }

    @Test("the schema of the settings has exactly the keys that the parser knows")
    func settingsKeys() throws {
        var compared = 0
        try compare(try JSONValue(parsing: DefinitionSchema.settings), SettingsLanguage.shape, &compared)
        #expect(compared == 3)
    }

    /// Compares the keys of an object and of all objects within.
    private func compare(_ schema: JSONValue, _ shape: ObjectShape, _ count: inout Int) throws {
        let properties = try #require(schema["properties"]?.object)
        #expect(Set(properties.keys) == Set(shape.members.map(\.name)), "\(shape.title)")
        #expect(schema["additionalProperties"] == .bool(false))
        let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
        #expect(required == Set(shape.members.filter(\.isRequired).map(\.name)))
        count += 1
        for member in shape.members {
            let property = try #require(properties[member.name])
            #expect(property["description"]?.string == member.documentation)
            try compareWithin(property, member.shape, &count)
        }
    }

    private func compareWithin(_ schema: JSONValue, _ shape: Shape, _ count: inout Int) throws {
        switch shape {
        case .object(let object): try compare(schema, object, &count)
        case .list(let element): try compareWithin(try #require(schema["items"]), element, &count)
        case .map(let value): try compareWithin(try #require(schema["additionalProperties"]), value, &count)
        case .either(let shapes):
            let choices = try #require(schema["anyOf"]?.array)
            for (choice, shape) in zip(choices, shapes) { try compareWithin(choice, shape, &count) }
        default: break
        }
    }

    @Test("the example passes the schema, document by document")
    func example() throws {
        let schema = try Self.definitions.get()
        let file = YAMLFile(parsing: Array(Examples.payments.utf8), file: "a.yaml")
        #expect(file.documents.count == 10)
        for document in file.documents { #expect(schema.accepts(document.json), "line \(document.place.line ?? 0)") }
    }

    @Test("what the parser refuses by its shape, the schema refuses too", arguments: Mistake.ofShape)
    func mistakes(_ mistake: Mistake) throws {
        let text = try #require(Examples.payments.replacingFirst(mistake.replace, by: mistake.with))
        let file = YAMLFile(parsing: Array(text.utf8), file: "a.yaml")
        // A key given twice is refused by every reader of YAML, before any schema.
        if !file.faults.isEmpty { return }
        let schema = try Self.definitions.get()
        #expect(!file.documents.allSatisfy { schema.accepts($0.json) })
    }

    @Test("what the schema cannot know, references and columns, it lets pass", arguments: Mistake.ofColumn)
    func references(_ mistake: Mistake) throws {
        let text = try #require(Examples.payments.replacingFirst(mistake.replace, by: mistake.with))
        let schema = try Self.definitions.get()
        let refused = YAMLFile(parsing: Array(text.utf8), file: "a.yaml").documents.filter { !schema.accepts($0.json) }
        // The short form of aggregates has a pattern, which knows the functions.
        let isPattern = mistake.message.contains("is not an aggregate") || mistake.with == "sum"
        #expect(refused.isEmpty == !isPattern)
    }

    @Test(
        "settings pass and fail alike",
        arguments: [
            ("workspace: demo\n", true),
            ("workspace: demo\nengine: duckdb\nlimits: {memory: 1GiB, threads: 2}\n", true),
            ("workspace: demo\nlimits: {memory: 1 GiB}\n", true), ("workspace: demo\nlimits: {memory: 1giga}\n", false),
            ("workspace: demo\nlimits: {memory: 12}\n", true), ("workspace: demo\nport: 1\n", false),
            ("workspace: demo\nserver: {port: 70000}\n", false), ("tenant: a\n", false), ("workspace: A\n", false),
            ("workspace: demo\nregistry: postgres://x\n", false),
            ("workspace: demo\nlimits: {future_skew: 5}\n", false),
        ])
    func settings(text: String, isValid: Bool) throws {
        let schema = try Self.settings.get()
        let document = try #require(YAMLFile(parsing: Array(text.utf8), file: "martlet.yaml").documents.first)
        #expect(schema.accepts(document.json) == isValid)
        let parsed = try? WorkspaceSettings(parsing: Array(text.utf8), file: "martlet.yaml")
        #expect((parsed != nil) == isValid)
    }
}

extension YAMLNode {
    /// As an editor hands it to a checker of schemas.
    var json: JSONValue {
        switch content {
        case .sequence(let items): .array(items.map(\.json))
        case .mapping(let entries): .object(Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.value.json) }))
        case .scalar:
            switch scalar {
            case .boolean(let value): .bool(value)
            case .integer(let value): .integer(value)
            case .number(let value): .number(value)
            case .text(let value): .string(value)
            case .null, nil: .null
            }
        }
    }
}
