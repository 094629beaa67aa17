package import MartletCore

extension FeatureViewDefinition {
    /// The features with their types, in the order of `featureNames`.
    package var featureFields: [Field] {
        switch features {
        case .latest(let list): list.map { Field($0.name, $0.type) }
        case .windowed(let list):
            list.flatMap { aggregate in
                aggregate.windows.map {
                    Field(aggregate.featureName($0), aggregate.resultType ?? aggregate.columnType)
                }
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
    /// The type of its features; nil for a list of what is no scalar, which no column of a source is.
    package var resultType: DataType? {
        let isSplit = parameters.category != nil
        switch function {
        case .count where isSplit, .histogram: return .map(.int64)
        case .sum where isSplit, .mean where isSplit: return .map(.float64)
        case .count, .distinct, .approxDistinct, .sessionCount: return .int64
        case .sum, .mean, .stddev, .variance, .skewness, .quantile, .decayedSum, .decayedMean, .daysSince,
            .timeSinceLast, .ratio:
            return .float64
        case .min, .max, .first, .last: return columnType
        case .firstN, .lastN, .topK: return columnType.element.map { .list($0) }
        }
    }
}
