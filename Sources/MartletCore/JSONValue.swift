/// A JSON document as a tree. For cold paths (logs of tables, settings, records of runs); hot paths read with simdjson
/// and write with `JSONWriter`.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// - Throws: `invalidInput` where the bytes are not one JSON value.
    package init(parsing bytes: some Collection<UInt8>) throws {
        do throws(JSONParser.Failure) {
            var parser = JSONParser(bytes)
            self = try parser.parseDocument()
        } catch {
            throw MartletError(.invalidInput, "not valid JSON", cause: error)
        }
    }

    package init(parsing text: String) throws { try self.init(parsing: Array(text.utf8)) }

    /// The member of an object; nil for an absent one and for anything that is not an object.
    package subscript(name: String) -> JSONValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
    package var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// Compact, with the members of objects in the order of their names, so that equal trees give equal text.
    package var text: String {
        var json = JSONWriter()
        write(to: &json)
        return json.text
    }

    package func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .bool(let value): json.value(value)
        case .integer(let value): json.value(value)
        case .number(let value): json.value(value)
        case .string(let value): json.value(value)
        case .array(let values): json.array { for value in values { value.write(to: &$0) } }
        case .object(let members):
            json.object {
                for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                    $0.key(name)
                    value.write(to: &$0)
                }
            }
        }
    }
}
