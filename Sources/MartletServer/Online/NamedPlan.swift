internal import MartletCore
internal import MartletFeatures
internal import MartletOnline
internal import Synchronization

/// The serving plan of some services and features, with what our own answers say of each output.
final class NamedPlan: Sendable {
    struct Output: Sendable {
        /// `view:feature`, or `view@v2:feature`.
        let name: String
        let view: String
        let feature: String
        let type: DataType
        /// Of the view's definition.
        let version: Int
    }

    let serving: ServingPlan
    let outputs: [Output]
    /// The services asked for, with the outputs of each in its order.
    let services: [(name: String, outputs: [Int])]
    /// What all services allow; nothing where features are asked for by themselves.
    let maxStale: TimeSpan?
    let revision: Int64

    init(
        _ serving: ServingPlan, _ outputs: [Output], services: [(name: String, outputs: [Int])], maxStale: TimeSpan?,
        revision: Int64
    ) {
        self.serving = serving
        self.outputs = outputs
        self.services = services
        self.maxStale = maxStale
        self.revision = revision
    }
}

extension ServingState {
    /// The plan of services and single features; what several of them name is read and answered once.
    /// - Throws: 404 for what there is not, 422 for too many features.
    func plan(services: [String], features: [String], _ settings: FeatureServerSettings) throws -> NamedPlan {
        // No name has these characters.
        let key = services.joined(separator: ",") + ";" + features.joined(separator: ",")
        if let known = namedPlans.withLock({ $0[key] }) { return known }
        let plan = try makePlan(services, features, settings)
        namedPlans.withLock { plans in
            if plans.count >= max(1, settings.planLimit), plans[key] == nil { plans.remove(at: plans.startIndex) }
            plans[key] = plan
        }
        return plan
    }

    private func makePlan(
        _ services: [String], _ features: [String], _ settings: FeatureServerSettings
    ) throws -> NamedPlan {
        var references: [ServingPlan.Reference] = []
        var places: [ServingPlan.Reference: Int] = [:]
        func place(_ reference: ServingPlan.Reference) -> Int {
            if let known = places[reference] { return known }
            places[reference] = references.count
            references.append(reference)
            return references.count - 1
        }
        var named: [(name: String, outputs: [Int])] = []
        for service in services { named.append((service, try self.references(ofService: service).map(place))) }
        for feature in features {
            guard var reference = ServingPlan.Reference(feature) else {
                throw FeastError(
                    type: "value_error", at: [.name("features")],
                    "a feature is named view:feature, or view@v2:feature for a version")
            }
            // The version in service is no other feature.
            if reference.version == catalog.views[reference.view]?.identity.version { reference.version = nil }
            _ = place(reference)
        }
        guard references.count <= settings.featureLimit else {
            throw FeastError(
                type: "too_long", at: [.name("features")],
                "at most \(settings.featureLimit) features (feature limit), not \(references.count)")
        }
        let serving = try ServingPlan(
            references, hasFullNames: true, hasVersionMetadata: false, catalog: catalog, store: store,
            servesExpired: settings.servesExpired)
        let outputs = zip(references, serving.derivation.outputs).map { reference, output in
            switch output {
            case .stored(let place):
                let stored = serving.stored[place]
                let version = serving.parts[stored.part].view.identity.version
                let view = reference.version == nil ? reference.view : "\(reference.view)@v\(version)"
                return NamedPlan.Output(
                    name: "\(view):\(reference.feature)", view: reference.view, feature: reference.feature,
                    type: stored.type, version: version)
            case .derived(let place):
                return NamedPlan.Output(
                    name: "\(reference.view):\(reference.feature)", view: reference.view, feature: reference.feature,
                    type: serving.derivation.types[place], version: catalog.derivedViews[reference.view]?.version ?? 0)
            }
        }
        let allowed = services.map { catalog.serviceOptions[$0]?.maxStale }
        let maxStale = features.isEmpty && !allowed.contains(nil) ? allowed.compactMap(\.self).min() : nil
        return NamedPlan(
            serving, outputs, services: named, maxStale: maxStale, revision: catalog.revision)
    }
}
