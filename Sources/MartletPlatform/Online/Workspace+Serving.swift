internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
package import MartletOnline
internal import MartletRegistry

extension Workspace {
    /// The view as the online store knows it, in the version that is applied.
    /// - Parameter build: the name of a replay; nil means the records that are served.
    func onlineView(
        _ view: FeatureViewDefinition, _ definitions: AppliedDefinitions, build: String? = nil
    ) throws -> OnlineView {
        let version = definitions.version(of: DefinitionKey(.features, view.about.name)) ?? 0
        let identity = ViewIdentity(
            workspace: settings.workspace, view: view.about.name, version: Int(version),
            build: try build ?? liveBuild(of: view.about.name, version))
        let keys = try definitions.keys(of: view)
        switch view.features {
        case .latest(let features):
            return OnlineView(
                identity: identity, keys: keys, features: features.map { Field($0.name, $0.type) }, ttl: view.ttl,
                vector: features.firstIndex { $0.vector != nil }.flatMap { index in
                    features[index].vector.map { OnlineView.Vector(feature: index, search: $0) }
                })
        case .windowed:
            let plan = try view.windowPlan(inputs: view.inputFields.map(\.name))
            return OnlineView(
                identity: identity, keys: keys, features: plan.features.map { Field($0.name, $0.type) },
                kind: .windowed(TileAssembler(plan)))
        case .derived: throw view.hasNoRows
        }
    }

    /// What a server may serve now: the online views of the revision that is served, and its services.
    package func servingCatalog() throws -> ServingCatalog {
        let definitions = try servedDefinitions()
        let views = try definitions.servedViews.map { try onlineView($0, definitions) }
        let derived = try definitions.views.filter { $0.isOnline && $0.isDerived }.map(definitions.derivedView)
        let names = Set(views.map(\.name) + derived.map(\.name))
        var services: [String: [FeatureReference]] = [:]
        for service in definitions.services {
            let members = try definitions.members(of: service)
            guard members.allSatisfy({ names.contains($0.view.about.name) }) else { continue }
            services[service.about.name] = members.flatMap { member in
                member.features.map { FeatureReference(view: member.view.about.name, feature: $0) }
            }
        }
        var entityKeys: [String: String] = [:]
        for case .entity(let entity) in definitions.all where entity.keys.count == 1 {
            entityKeys[entity.about.name] = entity.keys[0].name
        }
        return ServingCatalog(
            views: views, derivedViews: derived, services: services, entityKeys: entityKeys,
            revision: definitions.revision, serviceOptions: definitions.serviceOptions)
    }

    /// The records of the view that are served: the name of a replay, or empty for those that loads make.
    func liveBuild(of view: String, _ version: Int64) throws -> String {
        try registry.flips().first { $0.view == view && $0.version == version }?.build ?? ""
    }

    /// The store that a server reads.
    package func onlineStore() throws -> any OnlineStore { try online }

    /// What keeps the hot tier warm; nil where there is none.
    package func hotKeeper() throws -> HotKeeper? {
        guard let tier = try onlineStore() as? HotTier else { return nil }
        return try HotKeeper(tier, folder: "file:\(directory)/.martlet/hot")
    }

    /// The last finished materialization of the view's applied version.
    /// - Throws: `notFound` where there was none.
    func lastMaterialization(of view: String, _ definitions: AppliedDefinitions) throws -> MaterializationRecord {
        let version = definitions.version(of: DefinitionKey(.features, view)) ?? 0
        let found = try registry.materializations(view: view).first { $0.version == version && $0.state == .finished }
        guard let found else {
            throw MartletError(
                .notFound, "features \(view) were never materialized in the applied version",
                fix: "load them: martlet materialize \(view)")
        }
        return found
    }
}

extension AppliedDefinitions {
    /// What services allow beyond naming features, of those that allow anything.
    fileprivate var serviceOptions: [String: ServingCatalog.ServiceOptions] {
        var options: [String: ServingCatalog.ServiceOptions] = [:]
        for service in services where service.maxStale != nil || service.logging != nil {
            options[service.about.name] = ServingCatalog.ServiceOptions(
                maxStale: service.maxStale, logSampleRate: service.logging?.sampleRate ?? 0)
        }
        return options
    }
}
