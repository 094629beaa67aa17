package import MartletCore
package import MartletDefinitions
internal import MartletRegistry

/// The definitions of a workspace's current revision, by name.
package struct AppliedDefinitions: Sendable {
    /// 0 where nothing was applied.
    package let revision: Int64
    private let members: [DefinitionKey: DefinitionVersion]

    init(_ set: AppliedSet) {
        revision = set.revision
        members = Dictionary(uniqueKeysWithValues: set.members.map { ($0.key, $0) })
    }

    package var all: [Definition] { members.values.map(\.definition).sorted { $0.key < $1.key } }

    package func version(of key: DefinitionKey) -> Int64? { members[key]?.version }

    package func entity(_ name: String) throws -> EntityDefinition {
        guard case .entity(let definition) = try find(.entity, name) else { throw mismatch }
        return definition
    }

    package func source(_ name: String) throws -> SourceDefinition {
        guard case .source(let definition) = try find(.source, name) else { throw mismatch }
        return definition
    }

    package func view(_ name: String) throws -> FeatureViewDefinition {
        guard case .features(let definition) = try find(.features, name) else { throw mismatch }
        return definition
    }

    package func service(_ name: String) throws -> ServiceDefinition {
        guard case .service(let definition) = try find(.service, name) else { throw mismatch }
        return definition
    }

    package var sources: [SourceDefinition] {
        all.compactMap { if case .source(let definition) = $0 { definition } else { nil } }
    }

    package var views: [FeatureViewDefinition] {
        all.compactMap { if case .features(let definition) = $0 { definition } else { nil } }
    }

    package var services: [ServiceDefinition] {
        all.compactMap { if case .service(let definition) = $0 { definition } else { nil } }
    }

    package func checks(of source: String) -> [ChecksDefinition] {
        all.compactMap { if case .checks(let definition) = $0, definition.source == source { definition } else { nil } }
    }

    /// The join keys of a view: those of its entities, in order.
    package func keys(of view: FeatureViewDefinition) throws -> [Field] {
        try view.entities.flatMap { try entity($0).keys }
    }

    /// The views of a service with the names of the features it takes from each, in its order.
    package func members(of service: ServiceDefinition) throws -> [(view: FeatureViewDefinition, features: [String])] {
        try service.features.map { part in
            let view = try view(part.view)
            return (view, part.names ?? view.featureNames)
        }
    }

    private var mismatch: MartletError { MartletError(.internalFault, "a definition is stored under another kind") }

    private func find(_ kind: Definition.Kind, _ name: String) throws -> Definition {
        if let found = members[DefinitionKey(kind, name)] { return found.definition }
        let names = members.keys.filter { $0.kind == kind }.map(\.name).sorted()
        let fix =
            nearestName(to: name, among: names).map { "did you mean \($0)?" }
            ?? (names.isEmpty
                ? "apply a repository that defines one: martlet apply" : "there are \(names.joined(separator: ", "))")
        throw MartletError(.unknownName, "no \(kind.rawValue) \(name) is applied", fix: fix)
    }
}

extension Workspace {
    package func appliedDefinitions() throws -> AppliedDefinitions { AppliedDefinitions(try registry.current()) }
}
