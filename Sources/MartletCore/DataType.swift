/// The types a column can have. Names are those of the definition language; `docs/semantics.md` lists how each one is
/// spelled in Parquet, Delta, DuckDB and on the wire.
package enum DataType: Sendable, Hashable {
    case bool
    case int32
    case int64
    case float32
    case float64
    case string
    case bytes
    /// Microseconds since 1970-01-01T00:00:00Z.
    case timestamp
    /// A list of values, none of them null.
    case list(Element)
    /// From different texts, ascending by their bytes, to values, none of them null.
    case map(Element)

    /// What lists and maps hold: any scalar type, and no list or map.
    package enum Element: String, Sendable, Hashable, CaseIterable {
        case bool, int32, int64, float32, float64, string, bytes, timestamp

        package var type: DataType {
            switch self {
            case .bool: .bool
            case .int32: .int32
            case .int64: .int64
            case .float32: .float32
            case .float64: .float64
            case .string: .string
            case .bytes: .bytes
            case .timestamp: .timestamp
            }
        }
    }

    /// The types of one value each.
    package static let scalars: [DataType] = Element.allCases.map(\.type)

    /// The scalar as an element of lists and maps; nil for a list or a map.
    package var element: Element? {
        switch self {
        case .bool: .bool
        case .int32: .int32
        case .int64: .int64
        case .float32: .float32
        case .float64: .float64
        case .string: .string
        case .bytes: .bytes
        case .timestamp: .timestamp
        case .list, .map: nil
        }
    }

    package var isNested: Bool { element == nil }

    package var isNumeric: Bool {
        switch self {
        case .int32, .int64, .float32, .float64: true
        case .bool, .string, .bytes, .timestamp, .list, .map: false
        }
    }
}

extension DataType: RawRepresentable, CustomStringConvertible {
    /// `int64`, `list<float64>`, `map<string,int64>`.
    package var rawValue: String {
        switch self {
        case .list(let element): "list<\(element.rawValue)>"
        case .map(let element): "map<string,\(element.rawValue)>"
        default: element?.rawValue ?? ""
        }
    }

    package init?(rawValue: String) {
        if let element = Element(rawValue: rawValue) {
            self = element.type
        } else if let element = elementName(rawValue, after: "list<") {
            self = .list(element)
        } else if let element = elementName(rawValue, after: "map<string,") {
            self = .map(element)
        } else {
            return nil
        }
    }

    package var description: String { rawValue }
}

private func elementName(_ text: String, after prefix: String) -> DataType.Element? {
    guard text.hasPrefix(prefix), text.hasSuffix(">") else { return nil }
    return DataType.Element(rawValue: String(text.dropFirst(prefix.count).dropLast()))
}
