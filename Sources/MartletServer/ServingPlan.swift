internal import MartletCore
internal import MartletFeatures
internal import MartletHTTP
internal import MartletOnline

/// A feature list resolved against a catalog: nothing is looked up by name while it is served.
final class ServingPlan: Sendable {
    /// One view with those of its features that are wanted.
    struct Part: Sendable {
        let view: OnlineView
        let keyGroup: Int
        var features: [Int]
    }

    /// A feature that is read.
    struct Stored: Sendable {
        let part: Int
        let keyGroup: Int
        /// Index into the view's features.
        let feature: Int
        /// Index into the part's features.
        let column: Int
        let type: DataType
    }

    /// The different combinations of join keys: views with equal ones share their encoded keys.
    let keyGroups: [[Field]]
    let parts: [Part]
    /// One for each part.
    let lookups: [RecordLookup]
    /// What is read: what is asked for and what derived features need besides.
    let stored: [Stored]
    /// How the features asked for come of it; its `stored` are those here.
    let derivation: DerivedPlan
    /// The names of the outputs as JSON strings, each after a comma.
    let namesJSON: [UInt8]
    /// `,"feature_view_metadata":[…]`, or empty.
    let metadataJSON: [UInt8]
    /// The service whose features these are; nil for a list of features.
    let service: String?
    let options: ServingCatalog.ServiceOptions

    struct Reference: Hashable {
        var view: String
        /// The version that was named: `view@v2`.
        var version: Int?
        var feature: String
    }

    init(
        _ references: [Reference], hasFullNames: Bool, hasVersionMetadata: Bool, catalog: ServingCatalog,
        store: any OnlineStore, servesExpired: Bool = false, service: String? = nil
    ) throws {
        self.service = service
        options = service.flatMap { catalog.serviceOptions[$0] } ?? ServingCatalog.ServiceOptions()
        var keyGroups: [[Field]] = []
        var parts: [Part] = []
        var lookups: [RecordLookup] = []
        var stored: [Stored] = []
        var partOfView: [String: Int] = [:]
        for reference in references { try catalog.checkDerived(reference) }
        let wanted = references.map { FeatureReference(view: $0.label(in: catalog), feature: $0.feature) }
        // Versions are part of the label: to the plan they are views of their own.
        let named = Dictionary(zip(wanted.map(\.view), references)) { first, _ in first }
        derivation = try DerivedPlan(wanted, derived: catalog.derivedViews)
        for needed in derivation.stored {
            var reference = named[needed.view] ?? Reference(view: needed.view, version: nil, feature: "")
            reference.feature = needed.feature
            let applied = try catalog.view(reference)
            let view = servesExpired ? applied.withoutTimeToLive : applied
            guard let feature = view.featureIndex(needed.feature) else {
                throw unknownFeature(needed.feature, of: view.name, among: view.features)
            }
            let part = partOfView[needed.view] ?? parts.count
            if part == parts.count {
                partOfView[needed.view] = part
                let group = keyGroups.firstIndex(of: view.keys) ?? keyGroups.count
                if group == keyGroups.count { keyGroups.append(view.keys) }
                parts.append(Part(view: view, keyGroup: group, features: []))
                lookups.append(RecordLookup(view: try store.handle(for: view.identity), keyIndex: group))
            }
            stored.append(
                Stored(
                    part: part, keyGroup: parts[part].keyGroup, feature: feature, column: parts[part].features.count,
                    type: view.features[feature].type)
            )
            parts[part].features.append(feature)
        }
        let names = wanted.map { hasFullNames ? "\($0.view)__\($0.feature)" : $0.feature }
        try checkUnique(names, hasFullNames)
        self.keyGroups = keyGroups
        self.parts = parts
        self.lookups = lookups
        self.stored = stored
        namesJSON = names.flatMap { name in
            var writer = ByteWriter()
            writer.append(UInt8(ascii: ","))
            writer.appendJSON(name)
            return writer.copied()
        }
        let derived = catalog.derivedViews.values.filter { view in wanted.contains { $0.view == view.name } }
        metadataJSON =
            hasVersionMetadata
            ? versionMetadata(
                parts.map { ($0.view.name, $0.view.identity.version) }
                    + derived.map { ($0.name, $0.version) }.sorted { $0.0 < $1.0 }) : []
    }

    /// Whether one of the views has a join key of that name.
    func hasKey(_ name: UnsafeRawBufferPointer) -> Bool {
        for group in keyGroups {
            for key in group where isName(name, key.name) { return true }
        }
        return false
    }
}

extension OnlineView {
    /// The same view, whose values never grow too old.
    var withoutTimeToLive: OnlineView {
        ttl == nil ? self : OnlineView(identity: identity, keys: keys, features: features, kind: kind, vector: vector)
    }
}

extension ServingPlan.Reference {
    /// Reads `view:feature` or `view@v2:feature`.
    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        let view = parts[0].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        if view.count == 2 {
            guard view[1].first == "v", let number = Int(view[1].dropFirst()) else { return nil }
            version = number
        }
        self.view = String(view[0])
        feature = String(parts[1])
    }
}

extension ServingPlan.Reference {
    /// The view, with the version where one of several is named.
    fileprivate func label(in catalog: ServingCatalog) -> String {
        guard let version, catalog.derivedViews[view] == nil else { return view }
        return "\(view)@v\(version)"
    }
}

func unknownFeature(_ name: String, of view: String, among features: [Field]) -> FeastError {
    let near = nearestName(to: name, among: features.map(\.name))
    return FeastError(
        status: 404, class: "FeastObjectNotFoundException",
        "Feature \(name) does not exist in feature view \(view)" + (near.map { "; did you mean \($0)?" } ?? ""))
}

extension ServingCatalog {
    /// - Throws: 404 for a feature that a derived view does not have, and for a version that is not the current one.
    fileprivate func checkDerived(_ reference: ServingPlan.Reference) throws {
        guard let view = derivedViews[reference.view] else { return }
        if let version = reference.version, version != view.version { throw noView(reference) }
        if !view.features.contains(where: { $0.name == reference.feature }) {
            throw unknownFeature(reference.feature, of: view.name, among: view.features)
        }
    }

    func view(_ reference: ServingPlan.Reference) throws -> OnlineView {
        let found = reference.version.map { pinnedViews[reference.view]?[$0] } ?? views[reference.view]
        if let found { return found }
        throw noView(reference)
    }

    private func noView(_ reference: ServingPlan.Reference) -> FeastError {
        let near = nearestName(to: reference.view, among: (Array(views.keys) + derivedViews.keys).sorted())
        let version = reference.version.map { "@v\($0)" } ?? ""
        return FeastError(
            status: 404, class: "FeatureViewNotFoundException",
            "Feature view \(reference.view)\(version) does not exist"
                + (near.map { $0 == reference.view ? "" : "; did you mean \($0)?" } ?? ""))
    }
}

private func checkUnique(_ names: [String], _ hasFullNames: Bool) throws {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
        throw FeastError(
            type: "value_error", at: [.name("features")],
            hasFullNames
                ? "the feature \(name) is asked for twice"
                : "the feature name \(name) is asked for twice: set full_feature_names to tell views apart")
    }
}

/// Feast leaves out version 0.
func versionMetadata(_ views: [(name: String, version: Int)]) -> [UInt8] {
    var json = JSONWriter()
    json.array {
        for view in views {
            $0.object {
                $0.member("name", view.name)
                if view.version != 0 { $0.member("version", view.version) }
            }
        }
    }
    return Array(",\"feature_view_metadata\":".utf8) + json.bytes
}
