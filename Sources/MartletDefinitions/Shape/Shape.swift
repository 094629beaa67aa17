/// What a value of the definition language looks like. One table of these drives the parser, the messages and the JSON
/// Schema for editors, so that they cannot differ.
package indirect enum Shape: Sendable {
    /// Not empty.
    case text
    /// An identifier: see `isIdentifier`.
    case name
    /// Text of a form of its own, with the pattern for editors and an example for messages. The builder checks it
    /// finely.
    case form(pattern: String, example: String)
    case boolean
    case integer(ClosedRange<Int64>)
    case number
    /// `7d`, `1h30m`.
    case timeSpan
    /// `2GiB`, `512MiB`, or a number of bytes.
    case byteCount
    case choice([String])
    /// Any single value but null.
    case scalar
    /// Text of one character or none.
    case character
    /// Text that may be empty.
    case anyText
    /// At least one element.
    case list(Shape)
    /// At least one entry, its key a name, in the order of the file.
    case map(Shape)
    /// Free keys with text values.
    case labels
    case object(ObjectShape)
    /// Told apart by what stands there: a single value, a list or a mapping.
    case either([Shape])
}

/// A mapping with known keys.
package struct ObjectShape: Sendable {
    package let title: String
    package let documentation: String
    package let members: [MemberShape]
    /// Of each group exactly one key is there.
    package let exactlyOne: [[String]]
    /// A key that makes sense only together with another.
    package let needs: [(key: String, other: String)]

    package init(
        _ title: String, _ documentation: String, _ members: [MemberShape], exactlyOne: [[String]] = [],
        needs: [(key: String, other: String)] = []
    ) {
        self.title = title
        self.documentation = documentation
        self.members = members
        self.exactlyOne = exactlyOne
        self.needs = needs
    }

    package subscript(name: String) -> MemberShape? { members.first { $0.name == name } }
}

package struct MemberShape: Sendable {
    package let name: String
    package let shape: Shape
    package let isRequired: Bool
    package let documentation: String

    package init(_ name: String, _ shape: Shape, isRequired: Bool = false, _ documentation: String) {
        self.name = name
        self.shape = shape
        self.isRequired = isRequired
        self.documentation = documentation
    }
}

extension Shape {
    enum NodeKind { case scalar, sequence, mapping }

    func accepts(_ kind: NodeKind) -> Bool {
        switch self {
        case .list: kind == .sequence
        case .map, .labels, .object: kind == .mapping
        case .either(let shapes): shapes.contains { $0.accepts(kind) }
        default: kind == .scalar
        }
    }

    /// For messages: `a name`, `a time span such as 7d`.
    var phrase: String {
        switch self {
        case .text, .anyText: "text"
        case .name: "a name"
        case .form(_, let example): example
        case .boolean: "true or false"
        case .integer(let range):
            range.upperBound == .max
                ? "a whole number from \(range.lowerBound)"
                : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number: "a number"
        case .timeSpan: "a time span such as 7d or 1h30m"
        case .byteCount: "a size such as 512MiB or 2GiB"
        case .choice(let names):
            names.count > 5 ? "one of \(names.joined(separator: ", "))" : names.joined(separator: " or ")
        case .scalar: "a single value"
        case .character: "one character"
        case .list(let element): "a list of \(element.phrase)"
        case .map(let value): "a mapping of names to \(value.phrase)"
        case .labels: "a mapping of text to text"
        case .object(let object): "a mapping (\(object.title))"
        case .either(let shapes): shapes.map(\.phrase).joined(separator: ", or ")
        }
    }
}
