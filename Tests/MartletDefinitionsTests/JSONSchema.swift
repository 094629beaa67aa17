import MartletCore

/// A checker for the part of JSON Schema (draft 2020-12) that the generated schemas use; an unknown keyword is an
/// error.
struct JSONSchema: Sendable {
    private let root: JSONValue

    struct UnknownKeyword: Error { let name: String }

    init(_ text: String) throws {
        root = try JSONValue(parsing: text)
        try Self.checkKeywords(root)
    }

    func accepts(_ value: JSONValue) -> Bool { accepts(value, root) }

    private static let keywords: Set<String> = [
        "$schema", "$defs", "$ref", "title", "description", "type", "enum", "pattern", "minLength", "maxLength",
        "minimum",
        "maximum", "items", "minItems", "properties", "required", "additionalProperties", "propertyNames",
        "minProperties",
        "dependentRequired", "anyOf", "oneOf", "allOf",
    ]

    private static func checkKeywords(_ schema: JSONValue) throws {
        for (name, value) in schema.object ?? [:] {
            guard keywords.contains(name) else { throw UnknownKeyword(name: name) }
            switch name {
            case "properties", "$defs": for (_, inner) in value.object ?? [:] { try checkKeywords(inner) }
            case "anyOf", "oneOf", "allOf": for inner in value.array ?? [] { try checkKeywords(inner) }
            case "items", "additionalProperties", "propertyNames": try checkKeywords(value)
            default: break
            }
        }
    }

    private func accepts(_ value: JSONValue, _ schema: JSONValue) -> Bool {
        if let fixed = schema.bool { return fixed }
        guard let keywords = schema.object else { return false }
        return keywords.allSatisfy { name, argument in
            switch name {
            case "$ref":
                let key = argument.string?.split(separator: "/").last.map(String.init) ?? ""
                return root["$defs"]?[key].map { accepts(value, $0) } ?? false
            case "type": return (argument.array ?? [argument]).contains { isType(value, $0.string ?? "") }
            case "enum": return argument.array?.contains(value) ?? false
            case "anyOf": return argument.array?.contains { accepts(value, $0) } ?? false
            case "oneOf": return argument.array?.count { accepts(value, $0) } == 1
            case "allOf": return argument.array?.allSatisfy { accepts(value, $0) } ?? false
            default:
                return acceptsText(value, name, argument) && acceptsNumber(value, name, argument)
                    && acceptsArray(value, name, argument) && acceptsObject(value, name, argument, schema)
            }
        }
    }

    private func isType(_ value: JSONValue, _ type: String) -> Bool {
        switch value {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .integer: type == "integer" || type == "number"
        case .number(let number): type == "number" || (type == "integer" && number == number.rounded())
        case .string: type == "string"
        case .array: type == "array"
        case .object: type == "object"
        }
    }

    private func acceptsText(_ value: JSONValue, _ keyword: String, _ argument: JSONValue) -> Bool {
        guard let text = value.string else { return true }
        switch keyword {
        case "pattern": return (try? Regex(argument.string ?? "")).map { text.contains($0) } ?? false
        case "minLength": return text.unicodeScalars.count >= argument.integer ?? 0
        case "maxLength": return text.unicodeScalars.count <= argument.integer ?? 0
        default: return true
        }
    }

    private func acceptsNumber(_ value: JSONValue, _ keyword: String, _ argument: JSONValue) -> Bool {
        guard let number = value.number, let bound = argument.number else { return true }
        switch keyword {
        case "minimum": return number >= bound
        case "maximum": return number <= bound
        default: return true
        }
    }

    private func acceptsArray(_ value: JSONValue, _ keyword: String, _ argument: JSONValue) -> Bool {
        guard let items = value.array else { return true }
        switch keyword {
        case "items": return items.allSatisfy { accepts($0, argument) }
        case "minItems": return items.count >= argument.integer ?? 0
        default: return true
        }
    }

    private func acceptsObject(
        _ value: JSONValue, _ keyword: String, _ argument: JSONValue, _ schema: JSONValue
    ) -> Bool {
        guard let members = value.object else { return true }
        let properties = schema["properties"]?.object ?? [:]
        switch keyword {
        case "properties":
            return members.allSatisfy { name, value in properties[name].map { accepts(value, $0) } ?? true }
        case "additionalProperties":
            return members.allSatisfy { name, value in properties[name] != nil || accepts(value, argument) }
        case "propertyNames": return members.keys.allSatisfy { accepts(.string($0), argument) }
        case "minProperties": return members.count >= argument.integer ?? 0
        case "required": return (argument.array ?? []).allSatisfy { members[$0.string ?? ""] != nil }
        case "dependentRequired":
            return (argument.object ?? [:]).allSatisfy { name, others in
                members[name] == nil || (others.array ?? []).allSatisfy { members[$0.string ?? ""] != nil }
            }
        default: return true
        }
    }
}
