package import MartletCore

extension FeatureViewDefinition {
    /// The features with their types, in the order of `featureNames`.
    package var featureFields: [Field] {
        switch features {
        case .latest(let list): list.map { Field($0.name, $0.type) }
        case .windowed(let list):
            list.flatMap { aggregate in
                aggregate.windows.map { Field(aggregate.featureName($0), aggregate.resultType) }
            }
        case .derived(let derived): derived.features.map { Field($0.name, $0.type) }
        }
    }

    /// Whether its values are computed when they are asked for, from other views: it has no rows, and nothing of it is
    /// stored.
    package var isDerived: Bool {
        if case .derived = features { true } else { false }
    }
}

extension WindowAggregate {
    /// The type of its features.
    package var resultType: DataType {
        switch function {
        case .count, .distinct: .int64
        case .sum, .mean, .stddev, .daysSince: .float64
        case .min, .max, .first, .last: columnType
        }
    }
}
