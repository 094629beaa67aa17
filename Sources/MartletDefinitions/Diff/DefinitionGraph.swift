/// Which definitions use which.
package struct DefinitionGraph: Sendable {
    /// For each definition those that name it directly.
    private var dependents: [DefinitionKey: Set<DefinitionKey>] = [:]

    package init(_ definitions: [Definition]) {
        let sources = Set(definitions.filter { $0.kind == .source }.map(\.name))
        for definition in definitions {
            for used in Self.uses(definition, sources: sources) { dependents[used, default: []].insert(definition.key) }
        }
    }

    /// What a definition names directly. A query's sources are those whose names are among its words, so a column that
    /// has the name of a source counts as one: too much is touched then, never too little.
    private static func uses(_ definition: Definition, sources: Set<String>) -> Set<DefinitionKey> {
        switch definition {
        case .entity, .source: return []
        case .features(let view):
            var used = Set(view.entities.map { DefinitionKey(.entity, $0) })
            used.formUnion(view.reads.map { DefinitionKey(.features, $0.view) })
            if let source = view.source { used.insert(DefinitionKey(.source, source)) }
            for name in view.querySources(among: sources) { used.insert(DefinitionKey(.source, name)) }
            return used
        case .service(let service): return Set(service.features.map { DefinitionKey(.features, $0.view) })
        case .checks(let checks): return [DefinitionKey(.source, checks.source)]
        }
    }

    /// All that uses the definition, directly or through others, in the order of application.
    package func downstream(of key: DefinitionKey) -> [DefinitionKey] {
        var found: Set<DefinitionKey> = []
        var waiting = [key]
        while let next = waiting.popLast() {
            for dependent in dependents[next] ?? [] where found.insert(dependent).inserted { waiting.append(dependent) }
        }
        found.remove(key)
        return found.sorted()
    }
}

extension FeatureViewDefinition {
    /// Those of the sources that the view's query names, sorted; its `source` alone where there is no query.
    package func querySources(among sources: some Sequence<String>) -> [String] {
        guard let sql else { return source.map { [$0] } ?? [] }
        let words = Set(SQLWords(sql.text).words)
        return sources.filter(words.contains).sorted()
    }
}
