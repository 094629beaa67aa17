internal import MartletCore

/// What the expressions of a derived view may name besides its own features and request values.
struct ExpressionNames {
    enum View {
        case fields([Field])
        /// Declared, with faults reported where it stands.
        case faulty
        case unknown(fix: String?)
    }

    /// What a view's name means.
    let view: (String) -> View
    /// The views with rows that have a feature of this name: what a bare name may mean.
    let owners: (String) -> [String]
    /// Whether every view with rows is known, so that a bare name that none has is wrong.
    let areOwnersComplete: Bool
}

/// Gives the expressions of one derived view their types. Features of the view that name each other are checked in the
/// order in which they need each other.
final class DerivedChecker {
    private let view: String
    private let request: [Field]
    private let features: [(name: String, syntax: ExpressionSyntax)]
    private let names: ExpressionNames
    private var states: [State]
    /// The features being checked, each named by the one before.
    private var path: [Int] = []
    private(set) var faults: [(feature: Int, fault: ExpressionFault)] = []

    private enum State {
        case unchecked
        case open
        case done(TypedExpression)
        case faulty
    }

    init(
        view: String, request: [Field], features: [(name: String, syntax: ExpressionSyntax)], names: ExpressionNames
    ) {
        self.view = view
        self.request = request
        self.features = features
        self.names = names
        states = Array(repeating: .unchecked, count: features.count)
    }

    /// - Returns: nil where it has a fault, which is in `faults`, or needs something that has.
    func expression(_ feature: Int) -> TypedExpression? {
        switch states[feature] {
        case .done(let typed): return typed
        case .faulty, .open: return nil
        case .unchecked: break
        }
        states[feature] = .open
        path.append(feature)
        defer { path.removeLast() }
        let checker = ExpressionChecker { qualifier, name, offset throws(ExpressionFault) in
            try self.resolve(qualifier, name, offset)
        }
        do throws(ExpressionFault) {
            guard let typed = try checker.check(features[feature].syntax) else {
                states[feature] = .faulty
                return nil
            }
            states[feature] = .done(typed)
            return typed
        } catch {
            faults.append((feature, error))
            states[feature] = .faulty
            return nil
        }
    }

    private func resolve(
        _ qualifier: String?, _ name: String, _ offset: Int
    ) throws(ExpressionFault) -> ExpressionName {
        switch qualifier {
        case "request":
            guard let field = request.first(where: { $0.name == name }) else {
                let known = request.map(\.name)
                throw ExpressionFault(
                    "the view has no request value `\(name)`", at: offset,
                    fix: suggestion(for: name, among: known) ?? "declare it under `request` with its type")
            }
            return .input(.request(name), field.type)
        case view:
            guard let feature = features.firstIndex(where: { $0.name == name }) else {
                throw noFeature(name, of: view, among: features.map(\.name), offset)
            }
            return try own(feature, offset)
        case let other?: return try feature(name, of: other, offset)
        case nil: return try bare(name, offset)
        }
    }

    private func noFeature(_ name: String, of view: String, among known: [String], _ offset: Int) -> ExpressionFault {
        ExpressionFault(
            "feature view \(view) has no feature `\(name)`", at: offset, fix: suggestion(for: name, among: known))
    }

    private func own(_ feature: Int, _ offset: Int) throws(ExpressionFault) -> ExpressionName {
        if case .open = states[feature] {
            let start = path.firstIndex(of: feature) ?? 0
            let circle = (path[start...] + [feature]).map { "`\(features[$0].name)`" }.joined(separator: " -> ")
            throw ExpressionFault("derived features need each other: \(circle)", at: offset, fix: "break the circle")
        }
        guard path.count < ExpressionLimits.maximumDepth else {
            throw ExpressionFault(
                "derived features need each other in a chain longer than \(ExpressionLimits.maximumDepth)", at: offset,
                .limitExceeded)
        }
        guard let typed = expression(feature) else { return .faulty }
        return .input(.feature(view: view, name: features[feature].name), typed.type.dataType)
    }

    private func feature(_ name: String, of view: String, _ offset: Int) throws(ExpressionFault) -> ExpressionName {
        switch names.view(view) {
        case .faulty: return .faulty
        case .unknown(let fix):
            throw ExpressionFault("there is no feature view named `\(view)`", at: offset, fix: fix)
        case .fields(let fields):
            guard let field = fields.first(where: { $0.name == name }) else {
                throw noFeature(name, of: view, among: fields.map(\.name), offset)
            }
            return .input(.feature(view: view, name: name), field.type)
        }
    }

    private func bare(_ name: String, _ offset: Int) throws(ExpressionFault) -> ExpressionName {
        let mine = features.firstIndex { $0.name == name }
        let asked = request.first { $0.name == name }
        let owners = names.owners(name).sorted()
        let meanings =
            (asked == nil ? [] : ["request.\(name)"]) + (mine == nil ? [] : ["\(view).\(name)"])
            + owners.map { "\($0).\(name)" }
        guard meanings.count <= 1 else {
            let shown = meanings.map { "`\($0)`" }.joined(separator: " or ")
            throw ExpressionFault("`\(name)` may mean \(shown)", at: offset, fix: "write the one that you mean")
        }
        if let mine { return try own(mine, offset) }
        if let asked { return .input(.request(name), asked.type) }
        if let owner = owners.first { return try feature(name, of: owner, offset) }
        guard names.areOwnersComplete else { return .faulty }
        let known = features.map(\.name) + request.map(\.name)
        throw ExpressionFault(
            "`\(name)` is no request value and no feature of this view or of one with rows", at: offset,
            fix: nearestName(to: name, among: known).map { "did you mean `\($0)`?" }
                ?? "write it as view.feature or request.name")
    }
}

extension FeatureViewDefinition {
    /// The expressions of a derived view, typed, in the order of its features; empty for any other view.
    /// - Throws: `corruptData` where they do not fit what the definition says that it reads.
    package func expressions() throws -> [(name: String, expression: TypedExpression)] {
        guard case .derived(let derived) = features else { return [] }
        func broken(_ feature: String, _ fault: ExpressionFault) -> MartletError {
            MartletError(
                .corruptData, "the stored expression \(about.name).\(feature) is broken: \(fault.message)",
                place: about.place, fix: "apply the repository again")
        }
        var syntax: [(name: String, syntax: ExpressionSyntax)] = []
        for feature in derived.features {
            do throws(ExpressionFault) {
                syntax.append((feature.name, try ExpressionParser.parse(feature.expression)))
            } catch {
                throw broken(feature.name, error)
            }
        }
        let checker = DerivedChecker(
            view: about.name, request: derived.request, features: syntax,
            names: ExpressionNames(
                view: { name in reads.first { $0.view == name }.map { .fields($0.features) } ?? .unknown(fix: nil) },
                owners: { name in reads.filter { $0.features.contains { $0.name == name } }.map(\.view) },
                areOwnersComplete: true))
        return try derived.features.enumerated().map { index, feature in
            guard let typed = checker.expression(index) else {
                let fault = checker.faults.first ?? (index, ExpressionFault("it needs a broken one", at: 0))
                throw broken(derived.features[fault.feature].name, fault.fault)
            }
            return (feature.name, typed)
        }
    }
}
