internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

extension Workspace {
    /// A derived value with its expression and what that read.
    /// - Parameters:
    ///   - time: the moment at which `explain` explains.
    ///   - entity: join key to value, as text.
    ///   - request: the values given with the request, as text.
    ///   - explain: explains a feature that the expression reads.
    func explainDerived(
        _ feature: FeatureReference, at time: Timestamp, _ definitions: AppliedDefinitions, _ entity: [String: String],
        _ request: [String: String], _ explain: (FeatureReference) throws -> Explanation
    ) throws -> Explanation {
        let view = try definitions.view(feature.view)
        guard case .derived(let derived) = view.features,
            let definition = derived.features.first(where: { $0.name == feature.feature })
        else { throw MartletError(.internalFault, "\(feature.feature) is not derived") }
        let whole = try DerivedComputation([feature], definitions)
        let given = try requestColumns(whole.request, request.mapValues { [$0] }, count: 1)
        var inputs: [Explanation.Input] = []
        var tables: TableVersions = [:]
        // What the expression itself names, whether stored or derived.
        for input in try definitions.derivedView(view).directInputs(of: feature.feature) {
            switch input {
            case .request(let name):
                let column = whole.request.firstIndex { $0.name == name }.map { given[$0] }
                inputs.append(Explanation.Input(name: input.description, value: column?[0] ?? .null))
            case .feature(let other, let name):
                let found = try explain(FeatureReference(view: other, feature: name))
                inputs.append(Explanation.Input(name: input.description, value: found.value))
                tables.merge(found.tableVersions) { $1 }
            }
        }
        let columns = try whole.columns(
            stored: { reference in
                let fields = try definitions.view(reference.view).featureFields
                guard let field = fields.first(where: { $0.name == reference.feature }) else {
                    throw MartletError(.internalFault, "\(reference.view) has no feature \(reference.feature)")
                }
                var builder = ColumnBuilder(field.type)
                builder.append(try explain(reference).value)
                return builder.finish()
            }, request: given, count: 1)
        let keys = try definitions.keys(of: view)
        return Explanation(
            feature: "\(feature.view):\(feature.feature)",
            entity: keys.map { "\($0.name)=\(entity[$0.name] ?? "")" }.joined(separator: ","), time: time,
            value: columns[0][0], viewVersion: definitions.version(of: DefinitionKey(.features, feature.view)) ?? 0,
            tableVersions: tables, rule: definition.expression, inputs: inputs, events: [], skipped: 0, notYetKnown: 0)
    }
}
