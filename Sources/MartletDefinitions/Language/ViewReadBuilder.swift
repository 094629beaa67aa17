internal import MartletCore

extension DefinitionLanguage {
    static let readsMember = MemberShape(
        "reads", .list(.either([.name, .object(viewRead)])),
        "Other views whose features, as of each row's event time and as known at its arrival, become columns of the "
            + "rows, named VIEW__FEATURE.")

    private static let viewRead = ObjectShape(
        "a view that is read", "Features of another view beside the columns of the rows.",
        [
            MemberShape("view", .name, isRequired: true, "The feature view."),
            MemberShape("features", .list(.name), "Its features; without it, all of them."),
            MemberShape(
                "key_columns", .map(.name), "For each of its join keys whose column has another name in the rows."),
        ])
}

/// Builds what a view with rows reads of other views.
struct ViewReadBuilder {
    let reader: String
    /// The columns of the rows; nil where they come from SQL or are not known.
    let columns: [SourceColumn]?

    func reads(_ items: [Checked], _ lookup: inout DefinitionLookup) -> [ViewRead] {
        var reads: [ViewRead] = []
        for item in items {
            guard let name = item.text ?? item.object?.text("view") else { continue }
            let place = item.object?.place("view") ?? item.place
            guard !lookup.derivedViews.contains(name) else {
                lookup.faults.add(
                    "the view `\(name)` is derived: its values are computed for requests, not for rows", at: place,
                    fix: "read the views that it is derived from")
                continue
            }
            guard let view = lookup.view(name, at: place) else { continue }
            guard !reads.contains(where: { $0.view == name }) else {
                lookup.faults.add("the view `\(name)` is read twice", at: place, fix: "list its features together")
                continue
            }
            let keyColumns = self.keyColumns(item.object?["key_columns"]?.map ?? [], view, place, &lookup)
            guard let features = features(item, view, &lookup) else { continue }
            if let nested = features.first(where: \.type.isNested) {
                lookup.faults.add(
                    "the feature `\(nested.name)` of \(name) is a \(nested.type), which is no column of rows",
                    at: place,
                    fix: "name the features that you want: {view: \(name), features: […]}", .typeMismatch)
            }
            let read = ViewRead(
                view: name, features: features, keyColumns: keyColumns, definition: view.fingerprint)
            for column in read.columns {
                if !isIdentifier(column.name) {
                    lookup.faults.add(
                        "the column `\(column.name)` has a name longer than 63 characters", at: place, .limitExceeded)
                } else if columns?.contains(where: { $0.name == column.name }) == true {
                    lookup.faults.add(
                        "the rows have a column `\(column.name)` already", at: place, fix: "rename it in the source")
                }
            }
            reads.append(read)
        }
        return reads
    }

    private func features(
        _ item: Checked, _ view: FeatureViewDefinition, _ lookup: inout DefinitionLookup
    ) -> [Field]? {
        let known = view.featureFields
        guard let names = item.object?["features"]?.oneOrMore else { return known }
        var wanted: Set<String> = []
        for name in names {
            guard known.contains(where: { $0.name == name.text }) else {
                lookup.faults.add(
                    "feature view \(view.about.name) has no feature `\(name.text)`", at: name.place,
                    fix: suggestion(for: name.text, among: known.map(\.name)))
                return nil
            }
            wanted.insert(name.text)
        }
        return known.filter { wanted.contains($0.name) }
    }

    private func keyColumns(
        _ entries: [CheckedEntry], _ view: FeatureViewDefinition, _ place: MartletError.Place,
        _ lookup: inout DefinitionLookup
    ) -> [String: String] {
        var renamed: [String: String] = [:]
        for entry in entries { renamed[entry.name] = entry.value.text }
        var keys: [Field] = []
        for name in view.entities {
            guard case .whole(let entity) = lookup.entities[name] else { return renamed }
            keys += entity.keys
        }
        for entry in entries where !keys.contains(where: { $0.name == entry.name }) {
            lookup.faults.add(
                "`key_columns` names `\(entry.name)`, which is no key of \(view.about.name)", at: entry.namePlace,
                fix: suggestion(for: entry.name, among: keys.map(\.name)))
        }
        guard let columns else { return renamed }
        for key in keys {
            let wanted = renamed[key.name] ?? key.name
            let at = entries.first { $0.name == key.name }?.value.place ?? place
            guard let column = columns.first(where: { $0.name == wanted }) else {
                lookup.faults.add(
                    "\(reader) reads \(view.about.name), whose key `\(key.name)` is no column `\(wanted)` of the rows",
                    at: at, fix: suggestion(for: wanted, among: columns.map(\.name)), .missingColumn)
                continue
            }
            if column.type != key.type {
                lookup.faults.add(
                    "the key `\(key.name)` of \(view.about.name) is of type \(key.type), "
                        + "but column `\(wanted)` is of type \(column.type)",
                    at: at, fix: "give the key and the column one type", .typeMismatch)
            }
        }
        return renamed
    }
}
