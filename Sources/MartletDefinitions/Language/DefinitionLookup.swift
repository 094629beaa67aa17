internal import MartletCore

/// The definitions of a repository by name while it is checked.
struct DefinitionLookup {
    enum Known<Value> {
        case whole(Value)
        /// Declared, with faults reported where it stands.
        case faulty
    }

    var entities: [String: Known<EntityDefinition>] = [:]
    var sources: [String: Known<SourceDefinition>] = [:]
    var views: [String: Known<FeatureViewDefinition>] = [:]
    /// The names of the derived views, with faults or without.
    var derivedViews: Set<String> = []
    /// For each feature of a view with rows the views that have one of that name.
    var featureOwners: [String: [String]] = [:]
    /// Whether every file was read to its end; otherwise an unknown name may stand in the part that was not.
    var areNamesComplete = true
    /// The text of an SQL file, or why there is none.
    var sql: (String) -> Result<String, MartletError>
    var faults = FaultList()

    mutating func entity(_ name: String, at place: MartletError.Place) -> EntityDefinition? {
        find(name, in: entities, "entity", at: place)
    }

    mutating func source(_ name: String, at place: MartletError.Place) -> SourceDefinition? {
        find(name, in: sources, "source", at: place)
    }

    mutating func view(_ name: String, at place: MartletError.Place) -> FeatureViewDefinition? {
        find(name, in: views, "feature view", at: place)
    }

    private mutating func find<Value>(
        _ name: String, in known: [String: Known<Value>], _ what: String, at place: MartletError.Place
    ) -> Value? {
        switch known[name] {
        case .whole(let value): return value
        case .faulty: return nil
        case nil:
            guard areNamesComplete else { return nil }
            let fix = suggestion(for: name, among: Array(known.keys)) ?? "define it: the repository has no \(what) yet"
            faults.add("there is no \(what) named `\(name)`", at: place, fix: fix)
            return nil
        }
    }
}
