internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// A list of features, derived ones among them: what it takes of views with rows, and the list made from that. Training
/// sets and online reads go the same way.
struct DerivedComputation {
    private let plan: DerivedPlan
    /// The views with rows, and the features read of each: those asked for and those that expressions need.
    let stored: [(view: FeatureViewDefinition, features: [String])]

    init(_ wanted: [FeatureReference], _ definitions: AppliedDefinitions) throws {
        plan = try DerivedPlan(wanted, derived: definitions.derivedViews(for: wanted.map(\.view)))
        var names: [String] = []
        for reference in plan.stored where !names.contains(reference.view) { names.append(reference.view) }
        let references = plan.stored
        stored = try names.map { name in
            (try definitions.view(name), references.filter { $0.view == name }.map(\.feature))
        }
    }

    /// The values that a request gives, or columns of the labels.
    var request: [Field] { plan.request }

    /// Where each of the features asked for comes from.
    var outputs: [DerivedPlan.Output] { plan.outputs }

    /// The features asked for, in their order.
    /// - Parameters:
    ///   - stored: gives the column of a feature of a view with rows.
    ///   - request: one column for each of `self.request`.
    func columns(
        stored: (FeatureReference) throws -> Column, request: [Column], count: Int
    ) throws -> [Column] {
        let read = try plan.stored.map(stored)
        let made = try plan.evaluate(stored: { read[$0] }, request: request, count: count)
        return plan.outputs.map { output in
            switch output {
            case .stored(let index): read[index]
            case .derived(let index): made[index]
            }
        }
    }
}

extension AppliedDefinitions {
    /// The derived views among these and those that they read, by name.
    func derivedViews(for names: [String]) throws -> [String: DerivedView] {
        var found: [String: DerivedView] = [:]
        for name in Set(names) {
            for view in try closure(of: view(name)) where view.isDerived && found[view.about.name] == nil {
                found[view.about.name] = try derivedView(view)
            }
        }
        return found
    }

    func derivedView(_ view: FeatureViewDefinition) throws -> DerivedView {
        try DerivedView(view, version: Int(version(of: DefinitionKey(.features, view.about.name)) ?? 0))
    }

    /// The views that are loaded into the online store.
    var loadedViews: [FeatureViewDefinition] { servedViews.filter { !$0.followsLog } }

    /// Views that the online store holds, whether they are loaded or follow the log.
    var servedViews: [FeatureViewDefinition] { views.filter { $0.isOnline && !$0.isDerived } }

    var streamedViews: [FeatureViewDefinition] { servedViews.filter(\.followsLog) }
}
