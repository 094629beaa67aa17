internal import MartletCore

/// Compares nodes with shapes: what fits becomes `Checked`, what does not becomes a fault.
struct ShapeChecker {
    let code: MartletError.Code
    var faults = FaultList()

    init(code: MartletError.Code = .invalidDefinition) { self.code = code }

    /// - Parameter path: how messages call the value: `columns.amount`.
    mutating func check(_ node: YAMLNode, _ shape: Shape, _ path: String) -> Checked? {
        switch shape {
        case .either(let shapes):
            guard let fitting = shapes.first(where: { $0.accepts(node.nodeKind) }) else {
                return wrong(node, shape, path)
            }
            return check(node, fitting, path)
        case .list(let element): return checkList(node, element, shape, path)
        case .map(let value): return checkMap(node, value, shape, path)
        case .labels: return checkLabels(node, shape, path)
        case .object(let object):
            guard case .mapping = node.content else { return wrong(node, shape, path) }
            return Checked(content: .object(checkObject(node, object, path)), place: node.place)
        default: return checkScalar(node, shape, path)
        }
    }

    /// The node is a mapping.
    mutating func checkObject(_ node: YAMLNode, _ shape: ObjectShape, _ path: String) -> CheckedObject {
        guard case .mapping(let entries) = node.content else { preconditionFailure("only a mapping has members") }
        let faultsBefore = faults.faults.count
        var members: [String: Checked] = [:]
        var present: Set<String> = []
        for entry in entries {
            guard let member = shape[entry.key] else {
                unknownKey(entry, shape, present: entries.map(\.key))
                continue
            }
            present.insert(entry.key)
            members[entry.key] = check(entry.value, member.shape, path.isEmpty ? entry.key : "\(path).\(entry.key)")
        }
        let name = path.isEmpty ? shape.title : "`\(path)`"
        for member in shape.members where member.isRequired && !present.contains(member.name) {
            fault(
                "\(name) has no `\(member.name)`", at: node.place, fix: "add `\(member.name)`: \(member.documentation)")
        }
        for group in shape.exactlyOne where group.count(where: present.contains) != 1 {
            let given = group.filter(present.contains)
            let choices = group.map { "`\($0)`" }.joined(separator: ", ")
            if given.isEmpty {
                fault("\(name) has none of \(choices)", at: node.place, fix: "give exactly one of them")
            } else {
                let all = given.map { "`\($0)`" }.joined(separator: " and ")
                fault("\(name) has \(all)", at: node.place, fix: "keep one of them")
            }
        }
        for need in shape.needs where present.contains(need.key) && !present.contains(need.other) {
            fault("`\(need.key)` makes sense only with `\(need.other)`", at: members[need.key]?.place ?? node.place)
        }
        return CheckedObject(
            shape: shape, place: node.place, members: members, isWhole: faults.faults.count == faultsBefore)
    }

    private mutating func unknownKey(_ entry: YAMLEntry, _ shape: ObjectShape, present: [String]) {
        let free = shape.members.map(\.name).filter { !present.contains($0) }
        fault(
            "unknown key `\(entry.key)` in \(shape.title)", at: entry.keyPlace,
            fix: suggestion(for: entry.key, among: free.isEmpty ? shape.members.map(\.name) : free))
    }

    private mutating func checkList(_ node: YAMLNode, _ element: Shape, _ shape: Shape, _ path: String) -> Checked? {
        guard case .sequence(let items) = node.content else { return wrong(node, shape, path) }
        guard !items.isEmpty else {
            fault("`\(path)` is an empty list", at: node.place)
            return nil
        }
        var values: [Checked] = []
        for (index, item) in items.enumerated() {
            if let value = check(item, element, "\(path)[\(index)]") { values.append(value) }
        }
        return Checked(content: .list(values), place: node.place)
    }

    private mutating func checkMap(_ node: YAMLNode, _ value: Shape, _ shape: Shape, _ path: String) -> Checked? {
        guard case .mapping(let entries) = node.content else { return wrong(node, shape, path) }
        guard !entries.isEmpty else {
            fault("`\(path)` is empty", at: node.place)
            return nil
        }
        var checked: [CheckedEntry] = []
        for entry in entries {
            guard isIdentifier(entry.key) else {
                fault("`\(entry.key)` in `\(path)` is not a name", at: entry.keyPlace, fix: nameRule(entry.key))
                continue
            }
            guard let value = check(entry.value, value, "\(path).\(entry.key)") else { continue }
            checked.append(CheckedEntry(name: entry.key, namePlace: entry.keyPlace, value: value))
        }
        return Checked(content: .map(checked), place: node.place)
    }

    private mutating func checkLabels(_ node: YAMLNode, _ shape: Shape, _ path: String) -> Checked? {
        guard case .mapping(let entries) = node.content else { return wrong(node, shape, path) }
        var checked: [CheckedEntry] = []
        for entry in entries {
            guard let value = check(entry.value, .text, "\(path).\(entry.key)") else { continue }
            checked.append(CheckedEntry(name: entry.key, namePlace: entry.keyPlace, value: value))
        }
        return Checked(content: .map(checked), place: node.place)
    }

    private mutating func checkScalar(_ node: YAMLNode, _ shape: Shape, _ path: String) -> Checked? {
        guard let scalar = node.scalar else { return wrong(node, shape, path) }
        switch (shape, scalar) {
        case (.text, .text(let text)) where !text.isEmpty, (.anyText, .text(let text)):
            return checked(.text(text), node)
        case (.character, .text(let text)) where text.utf8.count <= 1: return checked(.text(text), node)
        case (.form, .text(let text)) where !text.isEmpty: return checked(.text(text), node)
        case (.name, .text(let text)):
            if isIdentifier(text) { return checked(.text(text), node) }
            fault("`\(path)` is `\(text)`, which is not a name", at: node.place, fix: nameRule(text))
            return nil
        case (.choice(let names), .text(let text)):
            if names.contains(text) { return checked(.text(text), node) }
            fault("`\(path)` cannot be `\(text)`", at: node.place, fix: suggestion(for: text, among: names))
            return nil
        case (.boolean, .boolean(let value)): return checked(.boolean(value), node)
        case (.integer(let range), .integer(let value)) where range.contains(value):
            return checked(.integer(value), node)
        case (.number, .integer(let value)): return checked(.number(Double(value)), node)
        case (.number, .number(let value)) where value.isFinite: return checked(.number(value), node)
        case (.timeSpan, .text(let text)):
            guard let span = TimeSpan(text) else { return wrong(node, shape, path) }
            return checked(.timeSpan(span), node)
        case (.byteCount, .integer(let value)) where value > 0: return checked(.integer(value), node)
        case (.byteCount, .text(let text)):
            guard let count = byteCount(text) else { return wrong(node, shape, path) }
            return checked(.integer(count), node)
        case (.scalar, .null): return wrong(node, shape, path)
        case (.scalar, let scalar): return checked(.scalar(scalar), node)
        default: return wrong(node, shape, path)
        }
    }

    private func checked(_ content: Checked.Content, _ node: YAMLNode) -> Checked {
        let isPlain = if case .scalar(_, let isPlain) = node.content { isPlain } else { true }
        return Checked(content: content, place: node.place, isPlain: isPlain)
    }

    private mutating func wrong(_ node: YAMLNode, _ shape: Shape, _ path: String) -> Checked? {
        var fix: String?
        if case .scalar(let text, true) = node.content, !text.isEmpty {
            switch shape {
            case .text, .anyText, .name, .form, .choice, .character: fix = "quote it: \"\(text)\""
            case .boolean where ["yes", "on", "y"].contains(text.lowercased()): fix = "write true"
            case .boolean where ["no", "off", "n"].contains(text.lowercased()): fix = "write false"
            default: break
            }
        }
        // A whole number outside of its bounds is named; "not a whole number" would be wrong.
        var found = node.kindName
        if case .integer = shape, case .integer(let value) = node.scalar { found = String(value) }
        fault("`\(path)` must be \(shape.phrase), not \(found)", at: node.place, fix: fix)
        return nil
    }

    private mutating func fault(_ message: String, at place: MartletError.Place, fix: String? = nil) {
        faults.add(message, at: place, fix: fix, code)
    }
}

/// Why a text is no name, with the name that it could be.
private func nameRule(_ text: String) -> String {
    var bytes = text.lowercased().utf8.map { byte -> UInt8 in
        (97...122).contains(byte) || (48...57).contains(byte) ? byte : UInt8(ascii: "_")
    }
    bytes = Array(bytes.drop { !(97...122).contains($0) }.prefix(63))
    let rule = "a name is a lower-case letter, then up to 62 lower-case letters, digits and underscores"
    return bytes.isEmpty ? rule : "\(rule), such as `\(String(decoding: bytes, as: UTF8.self))`"
}

/// - Returns: nil where the text is not a positive whole number with a unit `B KB MB GB TB KiB MiB GiB TiB`, or above
///   2^62.
func byteCount(_ text: String) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let units: [(String, Int64)] = [
        ("B", 1), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("KiB", 1 << 10),
        ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]
    guard let count = Int64(digits), count > 0,
        let unit = units.first(where: { $0.0 == text.dropFirst(digits.count).drop { $0 == " " } })?.1
    else { return nil }
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    return overflow || product > 1 << 62 ? nil : product
}

extension YAMLNode {
    var nodeKind: Shape.NodeKind {
        switch content {
        case .scalar: .scalar
        case .sequence: .sequence
        case .mapping: .mapping
        }
    }
}
