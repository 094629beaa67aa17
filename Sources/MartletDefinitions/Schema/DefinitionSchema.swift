internal import MartletCore

/// The JSON Schema (draft 2020-12) of the definition language and of `martlet.yaml`, for completion and checks in
/// editors, made from the tables that drive the parser.
///
/// It knows shapes, not references: names of other definitions, columns and windows are checked by the parser alone,
/// and so is that the key which names the kind comes first.
package enum DefinitionSchema {
    /// Committed as `docs/schema/martlet.schema.json`.
    package static var definitions: String {
        let kinds = Definition.Kind.allCases
        let references = kinds.map { JSONValue.object(["$ref": .string("#/$defs/\($0.rawValue)")]) }
        return prettyText([
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            ("title", .string("Martlet definitions")),
            (
                "description",
                .string("Entities, sources, features, services and checks of a Martlet feature repository.")
            ),
            ("anyOf", .array(references)),
            (
                "$defs",
                .object(
                    Dictionary(
                        uniqueKeysWithValues: kinds.map { kind in
                            (kind.rawValue, .object(schema(of: DefinitionLanguage.shape(of: kind))))
                        }))
            ),
        ])
    }

    /// Committed as `docs/schema/settings.schema.json`.
    package static var settings: String {
        let shape = schema(of: SettingsLanguage.shape).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return prettyText([("$schema", .string("https://json-schema.org/draft/2020-12/schema"))] + shape)
    }

    private static func schema(of object: ObjectShape) -> [String: JSONValue] {
        var schema: [String: JSONValue] = [
            "type": .string("object"),
            "title": .string(object.title),
            "description": .string(object.documentation),
            "additionalProperties": .bool(false),
        ]
        var properties: [String: JSONValue] = [:]
        for member in object.members {
            var property = self.schema(of: member.shape)
            property["description"] = .string(member.documentation)
            properties[member.name] = .object(property)
        }
        schema["properties"] = .object(properties)
        let required = object.members.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { schema["required"] = .array(required) }
        let groups = object.exactlyOne.map { group in
            JSONValue.object(["oneOf": .array(group.map { .object(["required": .array([.string($0)])]) })])
        }
        if !groups.isEmpty { schema["allOf"] = .array(groups) }
        if !object.needs.isEmpty {
            let needs = Dictionary(grouping: object.needs, by: \.key)
            schema["dependentRequired"] = .object(needs.mapValues { .array($0.map { .string($0.other) }) })
        }
        return schema
    }

    private static let namePattern = "^[a-z][a-z0-9_]{0,62}$"

    private static func schema(of shape: Shape) -> [String: JSONValue] {
        func typed(_ type: String, _ more: [String: JSONValue] = [:]) -> [String: JSONValue] {
            more.merging(["type": .string(type)]) { first, _ in first }
        }
        switch shape {
        case .text: return typed("string", ["minLength": .integer(1)])
        case .anyText: return typed("string")
        case .character: return typed("string", ["maxLength": .integer(1)])
        case .name: return typed("string", ["pattern": .string(namePattern)])
        case .form(let pattern, _): return typed("string", ["pattern": .string(pattern)])
        case .boolean: return typed("boolean")
        case .integer(let range):
            var bounds: [String: JSONValue] = ["minimum": .integer(range.lowerBound)]
            if range.upperBound < .max { bounds["maximum"] = .integer(range.upperBound) }
            return typed("integer", bounds)
        case .number: return typed("number")
        case .timeSpan:
            return typed("string", ["pattern": .string("^[0-9]+(w|d|h|m|s|ms|us)([0-9]+(d|h|m|s|ms|us))*$")])
        case .byteCount:
            let text = typed("string", ["pattern": .string("^[0-9]+ *([KMGT]i?)?B$")])
            return ["anyOf": .array([.object(typed("integer", ["minimum": .integer(1)])), .object(text)])]
        case .choice(let names): return ["enum": .array(names.map { .string($0) })]
        case .scalar: return ["type": .array(["boolean", "number", "string"].map { .string($0) })]
        case .list(let element):
            return typed("array", ["items": .object(schema(of: element)), "minItems": .integer(1)])
        case .map(let value):
            return typed(
                "object",
                [
                    "additionalProperties": .object(schema(of: value)), "minProperties": .integer(1),
                    "propertyNames": .object(["pattern": .string(namePattern)]),
                ])
        case .labels: return typed("object", ["additionalProperties": .object(schema(of: .text))])
        case .object(let object): return schema(of: object)
        case .either(let shapes): return ["anyOf": .array(shapes.map { .object(schema(of: $0)) })]
        }
    }
}

/// Indented by two spaces; the members of the outermost object in the order given, those within by name.
private func prettyText(_ members: [(String, JSONValue)]) -> String {
    func write(_ value: JSONValue, _ indent: String) -> String {
        let inner = indent + "  "
        switch value {
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map {
                "\(inner)\(JSONValue.string($0.key).text): \(write($0.value, inner))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        case .array(let values) where !values.isEmpty:
            if values.allSatisfy({ $0.array == nil && $0.object == nil }) {
                return "[\(values.map(\.text).joined(separator: ", "))]"
            }
            return "[\n\(values.map { inner + write($0, inner) }.joined(separator: ",\n"))\n\(indent)]"
        default: return value.text
        }
    }
    let lines = members.map { "  \(JSONValue.string($0.0).text): \(write($0.1, "  "))" }
    return "{\n\(lines.joined(separator: ",\n"))\n}\n"
}
