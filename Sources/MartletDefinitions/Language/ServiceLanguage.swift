internal import MartletCore

extension DefinitionLanguage {
    static let service = ObjectShape(
        "a service", "The features that one model asks for, in the order in which it wants them.",
        named(.service, "The name of the service.") + [
            MemberShape(
                "features", .list(.either([viewOrFeature, .object(serviceFeatures)])), isRequired: true,
                "Views, single features as VIEW:FEATURE, or a view with a list of its features."),
            MemberShape(
                "max_stale", .timeSpan,
                "How old a record in memory may be that is served, marked as stale, while the online store is "
                    + "unavailable; without it, such requests are refused."),
            MemberShape("logging", .object(logging), "What is logged of the vectors that are served; nothing without."),
        ])

    static let logging = ObjectShape(
        "the logging of a service", "Served vectors are appended to the table served.SERVICE.",
        [
            MemberShape(
                "sample_rate", .number, isRequired: true,
                "The share of entities whose vectors are logged, above 0 and up to 1.")
        ])

    static let longestStaleness = TimeSpan.days(7)

    static let serviceFeatures = ObjectShape(
        "the features of a view", "Some features of a view.",
        [
            MemberShape("view", .name, isRequired: true, "The feature view."),
            MemberShape("features", .list(.name), "Its features; without it, all of them."),
        ])

    static let viewOrFeature: Shape = .form(
        pattern: "^[a-z][a-z0-9_]{0,62}(:[a-z][a-z0-9_]{0,62})?$", example: "a view or VIEW:FEATURE")
}

extension ServiceDefinition {
    /// - Returns: nil where there are faults; they are in `lookup`, but for those of the shape.
    init?(_ object: CheckedObject, about: About, lookup: inout DefinitionLookup) {
        let before = lookup.faults.faults.count
        var features: [ServiceFeatures] = []
        var owners: [String: String] = [:]
        var keyTypes: [String: (type: DataType, entity: String)] = [:]
        for item in object["features"]?.list ?? [] {
            guard let parts = ServiceFeatures.parts(item, &lookup) else { continue }
            features.append(ServiceFeatures(view: parts.view.text, names: parts.names?.map(\.text)))
            guard let view = lookup.view(parts.view.text, at: parts.view.place) else { continue }
            let known = view.featureNames
            for name in parts.names ?? known.map({ ($0, item.place) }) {
                guard known.contains(name.text) else {
                    lookup.faults.add(
                        "feature view \(view.about.name) has no feature `\(name.text)`", at: name.place,
                        fix: suggestion(for: name.text, among: known))
                    continue
                }
                if let other = owners.updateValue(view.about.name, forKey: name.text) {
                    let message =
                        other == view.about.name
                        ? "the feature `\(name.text)` of \(other) is asked for twice"
                        : "the feature `\(name.text)` comes from \(other) and from \(view.about.name)"
                    lookup.faults.add(
                        message, at: name.place, fix: "name the features that you want, or rename one of them")
                }
            }
            for entity in view.entities.compactMap({ lookup.entities[$0] }) {
                guard case .whole(let entity) = entity else { continue }
                for key in entity.keys {
                    if let other = keyTypes[key.name], other.type != key.type {
                        lookup.faults.add(
                            "the key `\(key.name)` is of type \(other.type) in entity \(other.entity) "
                                + "and \(key.type) in \(entity.about.name)",
                            at: item.place, fix: "give it one type, or one of them another name", .typeMismatch)
                    }
                    keyTypes[key.name] = (key.type, entity.about.name)
                }
            }
        }
        checkRequest(features.map(\.view), owners, keyTypes.mapValues(\.type), object.place("features"), &lookup)
        for (name, view) in owners.sorted(by: { $0.key < $1.key }) where keyTypes[name] != nil {
            lookup.faults.add(
                "the feature `\(name)` of \(view) has the name of a key of the service", at: object.place("features"))
        }
        let maxStale = object["max_stale"]?.timeSpan
        if let maxStale, !(.seconds(1)...DefinitionLanguage.longestStaleness).contains(maxStale) {
            lookup.faults.add(
                "max_stale is from 1s to \(DefinitionLanguage.longestStaleness)", at: object.place("max_stale"))
        }
        let sampleRate = object["logging"]?.object?["sample_rate"]?.number
        if let sampleRate, !(sampleRate > 0 && sampleRate <= 1) {
            lookup.faults.add(
                "sample_rate is above 0 and up to 1", at: object.place("logging"),
                fix: "0.01 logs the vectors of one entity in a hundred")
        }
        guard object.isWhole, lookup.faults.faults.count == before else { return nil }
        self.init(
            about: about, features: features, maxStale: maxStale,
            logging: sampleRate.map { ServiceLogging(sampleRate: $0) })
    }
}

/// Request values of different views are one value where they have one name.
private func checkRequest(
    _ views: [String], _ owners: [String: String], _ keyTypes: [String: DataType], _ place: MartletError.Place,
    _ lookup: inout DefinitionLookup
) {
    var types: [String: (type: DataType, view: String)] = [:]
    var seen: Set<String> = []
    var waiting = views
    while let name = waiting.popLast() {
        guard seen.insert(name).inserted, case .whole(let view) = lookup.views[name],
            case .derived(let derived) = view.features
        else { continue }
        waiting += view.reads.map(\.view)
        for field in derived.request {
            if let other = types[field.name], other.type != field.type {
                let pair = [(name, field.type), (other.view, other.type)].sorted { $0.0 < $1.0 }
                lookup.faults.add(
                    "the request value `\(field.name)` is of type \(pair[0].1) in \(pair[0].0) "
                        + "and \(pair[1].1) in \(pair[1].0)",
                    at: place, fix: "give it one type, or one of them another name", .typeMismatch)
            }
            types[field.name] = (field.type, name)
        }
    }
    for name in types.keys.sorted() {
        if keyTypes[name] != nil {
            lookup.faults.add("the request value `\(name)` has the name of a key of the service", at: place)
        } else if let view = owners[name] {
            lookup.faults.add(
                "the request value `\(name)` has the name of a feature of \(view)", at: place,
                fix: "rename one of them")
        }
    }
}

extension ServiceFeatures {
    typealias Named = (text: String, place: MartletError.Place)

    fileprivate static func parts(_ item: Checked, _ lookup: inout DefinitionLookup) -> (view: Named, names: [Named]?)?
    {
        if let text = item.text {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.allSatisfy(isIdentifier) else {
                lookup.faults.add(
                    "`\(text)` is not a view or VIEW:FEATURE", at: item.place,
                    fix: "such as customer_spending:payments_7d")
                return nil
            }
            return ((parts[0], item.place), parts.count == 2 ? [(parts[1], item.place)] : nil)
        }
        guard let object = item.object, let view = object["view"], let name = view.text else { return nil }
        return ((name, view.place), object["features"]?.oneOrMore)
    }
}
