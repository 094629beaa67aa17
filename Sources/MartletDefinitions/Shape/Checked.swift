internal import MartletCore

/// A value that has the shape asked for.
struct Checked: Sendable {
    indirect enum Content: Sendable {
        case text(String)
        case boolean(Bool)
        case integer(Int64)
        case number(Double)
        case timeSpan(TimeSpan)
        case scalar(YAMLScalar)
        case list([Checked])
        case map([CheckedEntry])
        case object(CheckedObject)
    }

    let content: Content
    let place: MartletError.Place
    /// Whether a single value stood without quotes.
    var isPlain = true

    var text: String? { if case .text(let value) = content { value } else { nil } }
    var boolean: Bool? { if case .boolean(let value) = content { value } else { nil } }
    var integer: Int64? { if case .integer(let value) = content { value } else { nil } }
    var number: Double? { if case .number(let value) = content { value } else { nil } }
    var timeSpan: TimeSpan? { if case .timeSpan(let value) = content { value } else { nil } }
    var scalar: YAMLScalar? { if case .scalar(let value) = content { value } else { nil } }
    var list: [Checked]? { if case .list(let values) = content { values } else { nil } }
    var map: [CheckedEntry]? { if case .map(let entries) = content { entries } else { nil } }
    var object: CheckedObject? { if case .object(let value) = content { value } else { nil } }

    /// The texts of a list, or the one text: for keys that take either.
    var oneOrMore: [(text: String, place: MartletError.Place)] {
        if let text { return [(text, place)] }
        return (list ?? []).compactMap { item in item.text.map { ($0, item.place) } }
    }
}

struct CheckedEntry: Sendable {
    let name: String
    let namePlace: MartletError.Place
    let value: Checked
}

/// The well-formed members of a mapping. `isWhole` says that there was nothing wrong with it.
struct CheckedObject: Sendable {
    let shape: ObjectShape
    let place: MartletError.Place
    let members: [String: Checked]
    let isWhole: Bool

    subscript(name: String) -> Checked? {
        precondition(shape[name] != nil, "the parser may ask only for keys of the shape table: \(shape.title).\(name)")
        return members[name]
    }

    func text(_ name: String) -> String? { self[name]?.text }
    func place(_ name: String) -> MartletError.Place { self[name]?.place ?? place }
}
