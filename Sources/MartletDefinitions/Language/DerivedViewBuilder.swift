internal import MartletCore

extension DefinitionLanguage {
    static let derivedFeature = ObjectShape(
        "a derived feature", "An expression over features and request values.",
        [
            MemberShape(
                "expression", .text, isRequired: true,
                "The expression, such as request.amount / customer_spending.amount_mean_30d."),
            MemberShape("description", .text, "What it is, for a person."),
        ])

    static let derivedMembers = [
        MemberShape(
            "derived", .map(.either([.text, .object(derivedFeature)])),
            "Features computed when they are asked for, by name: expressions over features and request values."),
        MemberShape(
            "request", .map(dataType),
            "The values that a request gives, with their types; in a training set columns of the labels."),
    ]
}

/// Builds a view of derived features from its checked keys and what the repository knows.
struct DerivedViewBuilder {
    private let object: CheckedObject
    private let about: About
    private var lookup: DefinitionLookup

    init(_ object: CheckedObject, about: About, lookup: DefinitionLookup) {
        self.object = object
        self.about = about
        self.lookup = lookup
        self.lookup.faults = FaultList()
    }

    private struct Entry {
        let name: String
        let value: Checked
        let text: String
        let description: String
    }

    /// - Returns: nil where there are faults; `faults` has those that the shape did not show.
    mutating func build() -> (view: FeatureViewDefinition?, faults: FaultList) {
        let request = (object["request"]?.map ?? []).compactMap { entry in
            entry.value.text.flatMap(DataType.init(rawValue:)).map { Field(entry.name, $0) }
        }
        if request.count > ExpressionLimits.maximumRequestValues {
            lookup.faults.add(
                "the view has \(request.count) request values, more than the limit of "
                    + "\(ExpressionLimits.maximumRequestValues)",
                at: object.place("request"), .limitExceeded)
        }
        let entries = (object["derived"]?.map ?? []).compactMap { entry -> Entry? in
            let written = entry.value.object
            guard let value = written?["expression"] ?? (written == nil ? entry.value : nil), let text = value.text
            else { return nil }
            return Entry(
                name: entry.name, value: value, text: text, description: written?.text("description") ?? "")
        }
        var syntax: [(name: String, syntax: ExpressionSyntax)] = []
        for entry in entries {
            do throws(ExpressionFault) {
                syntax.append((entry.name, try ExpressionParser.parse(entry.text)))
            } catch {
                add(error, entry)
            }
        }
        guard object.isWhole, syntax.count == entries.count else { return (nil, lookup.faults) }
        let checker = DerivedChecker(view: about.name, request: request, features: syntax, names: names)
        let typed = syntax.indices.map { checker.expression($0) }
        for found in checker.faults { add(found.fault, entries[found.feature]) }
        let expressions = typed.compactMap { $0 }
        guard lookup.faults.faults.isEmpty, expressions.count == entries.count,
            let reads = reads(expressions)
        else { return (nil, lookup.faults) }
        let views = reads.compactMap { known($0.view) }
        let view = FeatureViewDefinition(
            about: about, entities: entities(of: views), source: nil, reads: reads,
            isOnline: views.allSatisfy(\.isOnline),
            features: .derived(
                DerivedFeatures(
                    request: request,
                    features: zip(entries, expressions).map {
                        DerivedFeature(
                            name: $0.name, expression: $0.text, type: $1.type.dataType, description: $0.description)
                    })))
        checkNames(of: view, request)
        return (lookup.faults.faults.isEmpty ? view : nil, lookup.faults)
    }

    private mutating func add(_ fault: ExpressionFault, _ entry: Entry) {
        lookup.faults.add(fault.error(in: entry.value, "`\(entry.name)`"))
    }

    private var names: ExpressionNames {
        let lookup = lookup
        let about = about
        let areOwnersComplete =
            lookup.areNamesComplete
            && lookup.views.allSatisfy { name, view in
                if case .faulty = view { lookup.derivedViews.contains(name) } else { true }
            }
        return ExpressionNames(
            view: { name in
                switch lookup.views[name] {
                case .whole(let view): return .fields(view.featureFields)
                case .faulty: return .faulty
                case nil:
                    guard lookup.areNamesComplete else { return .faulty }
                    let known = lookup.views.keys.filter { $0 != about.name } + ["request"]
                    return .unknown(fix: suggestion(for: name, among: known))
                }
            }, owners: { lookup.featureOwners[$0] ?? [] }, areOwnersComplete: areOwnersComplete)
    }

    private func known(_ name: String) -> FeatureViewDefinition? {
        if case .whole(let view) = lookup.views[name] { view } else { nil }
    }

    /// What the expressions take from each other view, in the order of that view, the views in order of their names.
    private mutating func reads(_ expressions: [TypedExpression]) -> [ViewRead]? {
        var wanted: [String: Set<String>] = [:]
        for case .feature(let view, let name) in expressions.flatMap(\.inputs) where view != about.name {
            wanted[view, default: []].insert(name)
        }
        let reads = wanted.sorted { $0.key < $1.key }.compactMap { name, features -> ViewRead? in
            guard let view = known(name) else { return nil }
            return ViewRead(
                view: name, features: view.featureFields.filter { features.contains($0.name) },
                definition: view.fingerprint)
        }
        return reads.count == wanted.count ? reads : nil
    }

    private func entities(of views: [FeatureViewDefinition]) -> [String] {
        var names: [String] = []
        for name in views.flatMap(\.entities) where !names.contains(name) { names.append(name) }
        return names
    }

    private mutating func checkNames(of view: FeatureViewDefinition, _ request: [Field]) {
        let place = object.place("derived")
        let limit = DefinitionLanguage.maximumFeaturesPerView
        if view.features.count > limit {
            lookup.faults.add(
                "the view has \(view.features.count) features, more than the limit of \(limit)", at: place,
                fix: "split it into several views", .limitExceeded)
        }
        var keys: [String: (type: DataType, entity: String)] = [:]
        for name in view.entities {
            guard case .whole(let entity) = lookup.entities[name] else { continue }
            for key in entity.keys {
                if let other = keys[key.name], other.type != key.type {
                    lookup.faults.add(
                        "the view needs the key `\(key.name)` as \(other.type) for entity \(other.entity) "
                            + "and as \(key.type) for \(name)",
                        at: place, fix: "give it one type, or one of them another name", .typeMismatch)
                }
                keys[key.name] = (key.type, name)
            }
        }
        for entry in object["request"]?.map ?? [] where keys[entry.name] != nil {
            lookup.faults.add(
                "the request value `\(entry.name)` has the name of a key", at: entry.namePlace,
                fix: "give it another name")
        }
        for entry in object["derived"]?.map ?? [] {
            if keys[entry.name] != nil {
                lookup.faults.add(
                    "the feature `\(entry.name)` has the name of a key", at: entry.namePlace,
                    fix: "give it another name")
            } else if request.contains(where: { $0.name == entry.name }) {
                lookup.faults.add(
                    "the feature `\(entry.name)` has the name of a request value", at: entry.namePlace,
                    fix: "give it another name")
            }
        }
    }
}

extension ExpressionFault {
    /// As an error at its place in the file; where the text spans lines, at the text, with the place in it in words.
    func error(in value: Checked, _ what: String) -> MartletError {
        let text = value.text ?? ""
        let position = position(in: text)
        var place = value.place
        if text.contains("\n") {
            return MartletError(
                code, "\(what), line \(position.line), column \(position.column): \(message)", place: place, fix: fix)
        }
        // The opening quote stands before a quoted text.
        place.column = place.column.map { $0 + position.column - (value.isPlain ? 1 : 0) }
        return MartletError(code, "\(what): \(message)", place: place, fix: fix)
    }
}
