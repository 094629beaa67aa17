package import MartletCore
package import MartletDefinitions

/// A feature by its view and name.
package struct FeatureReference: Sendable, Hashable {
    package var view: String
    package var feature: String

    package init(view: String, feature: String) {
        self.view = view
        self.feature = feature
    }
}

/// A view of derived features, ready to be planned with.
package struct DerivedView: Sendable {
    package let name: String
    package let version: Int
    package let request: [Field]
    package let features: [Field]
    private let expressions: [(name: String, expression: TypedExpression)]

    /// - Precondition: the view is derived.
    /// - Throws: `corruptData` where its stored expressions do not fit its definition.
    package init(_ view: FeatureViewDefinition, version: Int) throws {
        guard case .derived(let derived) = view.features else { preconditionFailure("the view is derived") }
        name = view.about.name
        self.version = version
        request = derived.request
        features = view.featureFields
        expressions = try view.expressions()
    }

    /// What the expression of a feature names, each once, in its order.
    package func directInputs(of feature: String) -> [ExpressionInput] {
        var inputs: [ExpressionInput] = []
        for input in expressions.first(where: { $0.name == feature })?.expression.inputs ?? []
        where !inputs.contains(input) {
            inputs.append(input)
        }
        return inputs
    }

    func program(of wanted: [String]) -> ExpressionProgram {
        ExpressionProgram(expressions, wanted: wanted, of: name)
    }
}

/// How a list of features is answered: which stored ones and which request values are read, and what is computed from
/// them. One plan serves training sets and requests.
package struct DerivedPlan: Sendable {
    /// Where an asked-for feature is found.
    package enum Output: Sendable, Hashable {
        /// Index into `stored`.
        case stored(Int)
        /// Index into what `evaluate` gives.
        case derived(Int)
    }

    /// One for each feature asked for.
    package private(set) var outputs: [Output] = []
    /// The features to be read, each once: those asked for, in their order, then those that only expressions need.
    package private(set) var stored: [FeatureReference] = []
    /// The request values that are needed, in order of first need.
    package private(set) var request: [Field] = []
    /// The types of what `evaluate` gives.
    package private(set) var types: [DataType] = []

    private struct Step: Sendable {
        let program: ExpressionProgram
        let inputs: [Slot]
    }

    private enum Slot: Sendable { case stored(Int), request(Int), derived(Int) }

    /// Each after those that it reads.
    private var steps: [Step] = []
    private var slots: [FeatureReference: Int] = [:]
    private var numbers: [FeatureReference: Int] = [:]

    /// - Parameters:
    ///   - wanted: the features asked for. Views that are not in `derived` are taken to be stored.
    ///   - derived: the derived views by name.
    /// - Throws: `unknownName` for a feature that a derived view does not have, `conflict` where a request value has
    ///   two types, `corruptData` for a circle.
    package init(_ wanted: [FeatureReference], derived: [String: DerivedView]) throws(MartletError) {
        for reference in wanted where derived[reference.view] == nil { _ = number(ofStored: reference) }
        let views = try Self.needs(wanted, derived)
        for (view, features) in views {
            let program = view.program(of: features)
            var inputs: [Slot] = []
            for input in program.inputs { inputs.append(try slot(input, of: view)) }
            for (feature, type) in zip(features, program.types) {
                slots[FeatureReference(view: view.name, feature: feature)] = types.count
                types.append(type)
            }
            steps.append(Step(program: program, inputs: inputs))
        }
        for reference in wanted {
            guard derived[reference.view] != nil else {
                outputs.append(.stored(number(ofStored: reference)))
                continue
            }
            guard let slot = slots[reference] else { throw Self.noFeature(reference, derived) }
            outputs.append(.derived(slot))
        }
    }

    /// Whether anything is computed.
    package var isDerived: Bool { !steps.isEmpty }

    /// The derived features, one column each.
    /// - Parameters:
    ///   - stored: gives the column of the feature of this index in `self.stored`; asked only for what is needed.
    ///   - request: one column for each of `self.request`.
    package func evaluate(
        stored: (Int) throws -> Column, request: [Column], count: Int
    ) throws -> [Column] {
        var made: [Column] = []
        for step in steps {
            let inputs = try step.inputs.map { slot in
                switch slot {
                case .stored(let index): try stored(index)
                case .request(let index): request[index]
                case .derived(let index): made[index]
                }
            }
            made += try step.program.evaluate(inputs, count: count)
        }
        return made
    }

    /// For each of what `evaluate` gives, whether it needs one of some stored features, directly or through others; of
    /// a view's features that are computed together, all count as needing what one does.
    package func needs(_ isWanted: (Int) -> Bool) -> [Bool] {
        var needs: [Bool] = []
        for step in steps {
            let isNeeded = step.inputs.contains { slot in
                switch slot {
                case .stored(let index): isWanted(index)
                case .request: false
                case .derived(let index): needs[index]
                }
            }
            needs += repeatElement(isNeeded, count: step.program.types.count)
        }
        return needs
    }

    private mutating func number(ofStored reference: FeatureReference) -> Int {
        if let known = numbers[reference] { return known }
        numbers[reference] = stored.count
        stored.append(reference)
        return stored.count - 1
    }

    private mutating func slot(_ input: ExpressionInput, of view: DerivedView) throws(MartletError) -> Slot {
        switch input {
        case .feature(let name, let feature):
            let reference = FeatureReference(view: name, feature: feature)
            return slots[reference].map { .derived($0) } ?? .stored(number(ofStored: reference))
        case .request(let name):
            guard let field = view.request.first(where: { $0.name == name }) else {
                throw MartletError(.corruptData, "features \(view.name) have no request value \(name)")
            }
            if let known = request.firstIndex(where: { $0.name == name }) {
                guard request[known].type == field.type else {
                    throw MartletError(
                        .conflict, "the request value \(name) is \(request[known].type) and \(field.type)",
                        fix: "ask for the features of \(view.name) alone")
                }
                return .request(known)
            }
            request.append(field)
            return .request(request.count - 1)
        }
    }

    private static func noFeature(
        _ reference: FeatureReference, _ derived: [String: DerivedView]
    ) -> MartletError {
        let known = derived[reference.view]?.features.map(\.name) ?? []
        return MartletError(
            .unknownName, "features \(reference.view) have no feature \(reference.feature)",
            fix: nearestName(to: reference.feature, among: known).map { "did you mean \($0)?" })
    }

    /// The derived views that are needed with the features needed of each, a view after those that it reads.
    private static func needs(
        _ wanted: [FeatureReference], _ derived: [String: DerivedView]
    ) throws(MartletError) -> [(view: DerivedView, features: [String])] {
        // What each view needs of others grows until nothing is added; views are few and circles are refused.
        var needed: [String: Set<String>] = [:]
        var readers: [String: Set<String>] = [:]
        var waiting = wanted
        while let reference = waiting.popLast() {
            guard let view = derived[reference.view] else { continue }
            guard view.features.contains(where: { $0.name == reference.feature }) else {
                throw noFeature(reference, derived)
            }
            guard needed[view.name, default: []].insert(reference.feature).inserted else { continue }
            for case .feature(let name, let feature) in view.program(of: [reference.feature]).inputs {
                waiting.append(FeatureReference(view: name, feature: feature))
                if derived[name] != nil { readers[name, default: []].insert(view.name) }
            }
        }
        var ordered: [(view: DerivedView, features: [String])] = []
        var pending = needed
        while !pending.isEmpty {
            // Read by a pending view it may be; reading one it must not.
            let ready = pending.keys.filter { name in
                !pending.keys.contains { readers[$0]?.contains(name) == true }
            }.sorted()
            guard !ready.isEmpty else { throw MartletError(.corruptData, "derived views need each other in a circle") }
            for name in ready {
                guard let view = derived[name], let features = pending.removeValue(forKey: name) else { continue }
                ordered.append((view, view.features.map(\.name).filter(features.contains)))
            }
        }
        return ordered
    }
}
