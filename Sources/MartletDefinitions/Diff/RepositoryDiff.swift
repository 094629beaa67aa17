internal import MartletCore

/// What differs between two sets of definitions, and what each difference touches.
package struct RepositoryDiff: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        case added
        case removed
        /// Never empty.
        case changed([FieldChange])
    }

    package struct Change: Sendable, Hashable {
        package var key: DefinitionKey
        package var action: Action
        /// What uses it in the old or in the new set, directly or through others, in the order of application.
        package var downstream: [DefinitionKey]
    }

    /// A field that differs: nil where it is not there.
    package struct FieldChange: Sendable, Hashable {
        /// `columns.amount.type`.
        package var path: String
        package var before: String?
        package var after: String?

        package init(path: String, before: String?, after: String?) {
            self.path = path
            self.before = before
            self.after = after
        }
    }

    /// In the order of application: by kind, then by name.
    package let changes: [Change]

    /// Names are unique within a kind in each set. The order of definitions and their places do not matter.
    package init(from old: [Definition], to new: [Definition]) {
        let before = Dictionary(old.map { ($0.key, $0) }) { first, _ in first }
        let after = Dictionary(new.map { ($0.key, $0) }) { first, _ in first }
        let graphs = [DefinitionGraph(old), DefinitionGraph(new)]
        var changes: [Change] = []
        for key in Set(before.keys).union(after.keys).sorted() {
            let action: Action
            switch (before[key], after[key]) {
            case (nil, _): action = .added
            case (_, nil): action = .removed
            case (let old?, let new?):
                let fields = fieldChanges(from: old, to: new)
                guard !fields.isEmpty else { continue }
                action = .changed(fields)
            }
            let downstream = Set(graphs.flatMap { $0.downstream(of: key) }).sorted()
            changes.append(Change(key: key, action: action, downstream: downstream))
        }
        self.changes = changes
    }

    package var isEmpty: Bool { changes.isEmpty }

    /// All that a changed definition touches; empty where it did not change.
    package func downstream(of key: DefinitionKey) -> [DefinitionKey] {
        changes.first { $0.key == key }?.downstream ?? []
    }
}

/// The fields that differ, by the canonical texts, sorted by path.
private func fieldChanges(from old: Definition, to new: Definition) -> [RepositoryDiff.FieldChange] {
    let (before, after) = (old.canonicalText, new.canonicalText)
    guard before != after else { return [] }
    guard let left = try? JSONValue(parsing: before), let right = try? JSONValue(parsing: after) else {
        preconditionFailure("a canonical text is JSON")
    }
    var changes: [RepositoryDiff.FieldChange] = []
    compare(left, right, path: "", into: &changes)
    return changes
}

private func compare(
    _ left: JSONValue?, _ right: JSONValue?, path: String, into changes: inout [RepositoryDiff.FieldChange]
) {
    guard left != right else { return }
    func below(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    switch (left, right) {
    case (.object(let before)?, .object(let after)?):
        for name in Set(before.keys).union(after.keys).sorted() {
            compare(before[name], after[name], path: below(name), into: &changes)
        }
    case (.array(let before)?, .array(let after)?):
        guard let old = byName(before), let new = byName(after) else { break }
        for name in (old.names + new.names.filter { old.members[$0] == nil }) {
            compare(old.members[name], new.members[name], path: below(name), into: &changes)
        }
        let kept = (old.names.filter { new.members[$0] != nil }, new.names.filter { old.members[$0] != nil })
        if kept.0 != kept.1 {
            changes.append(
                .init(
                    path: below("order"), before: kept.0.joined(separator: ", "), after: kept.1.joined(separator: ", "))
            )
        }
        return
    default: break
    }
    if case .object? = left, case .object? = right { return }
    changes.append(.init(path: path, before: left.map(fieldText), after: right.map(fieldText)))
}

/// The elements of a list of named objects; nil for any other list.
private func byName(_ values: [JSONValue]) -> (names: [String], members: [String: JSONValue])? {
    let names = values.compactMap { $0["name"]?.string }
    guard names.count == values.count, Set(names).count == names.count else { return nil }
    return (names, Dictionary(uniqueKeysWithValues: zip(names, values)))
}

private func fieldText(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .array(let values): "[\(values.map(fieldText).joined(separator: ", "))]"
    case .object(let members) where members["view"] != nil:
        // A part of a service, as its author may write it.
        (members["view"].map(fieldText) ?? "") + (members["features"].map { ":\(fieldText($0))" } ?? "")
    case .object(let members):
        "{"
            + members.filter { $0.key != "name" }.sorted { $0.key < $1.key }
            .map { "\($0.key): \(fieldText($0.value))" }.joined(separator: ", ") + "}"
    default: value.text
    }
}
