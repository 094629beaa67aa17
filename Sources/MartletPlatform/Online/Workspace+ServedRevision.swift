internal import MartletCore
internal import MartletDefinitions
internal import MartletOnline
internal import MartletRegistry

extension Workspace {
    /// How far back a loaded revision is looked for.
    private static let revisionLimit = 50

    /// The definitions that are served: those of the newest revision whose views are loaded as far as they must be. A
    /// changed view's rows are written beside those of its old version, and all that changed in one revision is taken
    /// up at once when the last of it is loaded; until then, and after a rollback again, the versions before are
    /// served.
    ///
    /// A view that nothing served before needs holds up nothing: it is served empty until it is loaded.
    package func servedDefinitions() throws -> AppliedDefinitions {
        let current = try appliedDefinitions()
        let loaded = try LoadedViews(self)
        if loaded.hasAll(of: current) { return current }
        var candidates: [AppliedDefinitions] = []
        for revision in try registry.revisions(limit: Self.revisionLimit) {
            let definitions =
                revision.number == current.revision
                ? current : AppliedDefinitions(try registry.definitions(at: revision.number))
            candidates.append(definitions)
            if loaded.hasAll(of: definitions) { break }
        }
        var served: AppliedDefinitions?
        for definitions in candidates.reversed() where try loaded.mayFollow(definitions, after: served) {
            served = definitions
        }
        return served ?? current
    }
}

/// Which versions of views the online store has.
private struct LoadedViews {
    private let workspace: Workspace
    private let versions: Set<Registry.ViewVersion>

    init(_ workspace: Workspace) throws {
        self.workspace = workspace
        versions = try workspace.registry.loadedVersions()
    }

    func hasAll(of definitions: AppliedDefinitions) -> Bool {
        definitions.servedViews.allSatisfy { has($0, definitions) }
    }

    /// Whether nobody who is served by `base` would lose a value by going over to these definitions.
    func mayFollow(_ definitions: AppliedDefinitions, after base: AppliedDefinitions?) throws -> Bool {
        guard let base else { return true }
        let before = Dictionary(base.servedViews.map { ($0.about.name, $0) }) { first, _ in first }
        let needed = try viewsOfServices(in: definitions, alsoIn: base)
        for view in definitions.servedViews where !has(view, definitions) {
            if let old = before[view.about.name], has(old, base) { return false }
            if needed.contains(view.about.name) { return false }
        }
        return true
    }

    private func has(_ view: FeatureViewDefinition, _ definitions: AppliedDefinitions) -> Bool {
        let name = view.about.name
        let version = definitions.version(of: DefinitionKey(.features, name)) ?? 0
        if !view.followsLog { return versions.contains(Registry.ViewVersion(view: name, version: version)) }
        // One that follows the log is there once it was stored. A store that cannot be asked holds up nobody.
        guard let online = try? workspace.onlineView(view, definitions) else { return true }
        do {
            return try workspace.onlineStore().cursor(of: online.identity) != nil
        } catch {
            return true
        }
    }

    /// The views with rows that services need which were there before, and could be answered.
    private func viewsOfServices(
        in definitions: AppliedDefinitions, alsoIn base: AppliedDefinitions
    ) throws -> Set<String> {
        var needed: Set<String> = []
        for service in definitions.services {
            guard let old = try? base.service(service.about.name),
                try views(of: old, base).allSatisfy({ has($0, base) })
            else { continue }
            needed.formUnion(try views(of: service, definitions).map(\.about.name))
        }
        return needed
    }

    private func views(
        of service: ServiceDefinition, _ definitions: AppliedDefinitions
    ) throws -> [FeatureViewDefinition] {
        try definitions.members(of: service).flatMap { member in
            try definitions.closure(of: member.view).filter { $0.isOnline && !$0.isDerived }
        }
    }
}
