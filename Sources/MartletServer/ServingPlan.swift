internal import MartletCore
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

    struct Output: Sendable {
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
    /// In the order asked for.
    let outputs: [Output]
    /// The names of the outputs as JSON strings, each after a comma.
    let namesJSON: [UInt8]
    /// `,"feature_view_metadata":[…]`, or empty.
    let metadataJSON: [UInt8]

    struct Reference: Hashable {
        var view: String
        /// The version that was named: `view@v2`.
        var version: Int?
        var feature: String
    }

    init(
        _ references: [Reference], hasFullNames: Bool, hasVersionMetadata: Bool, catalog: ServingCatalog,
        store: any OnlineStore
    ) throws {
        var keyGroups: [[Field]] = []
        var parts: [Part] = []
        var lookups: [RecordLookup] = []
        var outputs: [Output] = []
        var names: [String] = []
        var partOfView: [String: Int] = [:]
        for reference in references {
            let view = try catalog.view(reference)
            guard let feature = view.featureIndex(reference.feature) else {
                let near = nearestName(to: reference.feature, among: view.features.map(\.name))
                throw FeastError(
                    status: 404, class: "FeastObjectNotFoundException",
                    "Feature \(reference.feature) does not exist in feature view \(view.name)"
                        + (near.map { "; did you mean \($0)?" } ?? ""))
            }
            let label = reference.version.map { "\(reference.view)@v\($0)" } ?? reference.view
            let part = partOfView[label] ?? parts.count
            if part == parts.count {
                partOfView[label] = part
                let group = keyGroups.firstIndex(of: view.keys) ?? keyGroups.count
                if group == keyGroups.count { keyGroups.append(view.keys) }
                parts.append(Part(view: view, keyGroup: group, features: []))
                lookups.append(RecordLookup(view: try store.handle(for: view.identity), keyIndex: group))
            }
            outputs.append(
                Output(
                    part: part, keyGroup: parts[part].keyGroup, feature: feature, column: parts[part].features.count,
                    type: view.features[feature].type)
            )
            parts[part].features.append(feature)
            names.append(hasFullNames ? "\(label)__\(reference.feature)" : reference.feature)
        }
        try checkUnique(names, hasFullNames)
        self.keyGroups = keyGroups
        self.parts = parts
        self.lookups = lookups
        self.outputs = outputs
        namesJSON = names.flatMap { name in
            var writer = ByteWriter()
            writer.append(UInt8(ascii: ","))
            writer.appendJSON(name)
            return writer.copied()
        }
        metadataJSON = hasVersionMetadata ? versionMetadata(parts.map(\.view)) : []
    }

    /// Whether one of the views has a join key of that name.
    func hasKey(_ name: UnsafeRawBufferPointer) -> Bool {
        for group in keyGroups {
            for key in group where isName(name, key.name) { return true }
        }
        return false
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

extension ServingCatalog {
    fileprivate func view(_ reference: ServingPlan.Reference) throws -> OnlineView {
        let found = reference.version.map { pinnedViews[reference.view]?[$0] } ?? views[reference.view]
        if let found { return found }
        let near = nearestName(to: reference.view, among: views.keys.sorted())
        let version = reference.version.map { "@v\($0)" } ?? ""
        throw FeastError(
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
private func versionMetadata(_ views: [OnlineView]) -> [UInt8] {
    var json = JSONWriter()
    json.array {
        for view in views {
            $0.object {
                $0.member("name", view.name)
                if view.identity.version != 0 { $0.member("version", view.identity.version) }
            }
        }
    }
    return Array(",\"feature_view_metadata\":".utf8) + json.bytes
}
