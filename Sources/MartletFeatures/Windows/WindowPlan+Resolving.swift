import MartletCore
import MartletDefinitions

/// - Throws: `missingColumn` or `typeMismatch` where the aggregate does not fit the columns, `invalidDefinition` where it
///   lacks something.
func resolve(_ aggregate: WindowAggregate, _ inputColumns: [String: Int]) throws(MartletError) {
    let what = "the aggregate \(aggregate.name)"
    let function = aggregate.function
    if aggregate.column == nil, function.columnUse == .required {
        throw MartletError(
            .invalidDefinition, "\(what) (\(function.rawValue)) names no column",
            fix: "only count, time_since_last and session_count can go without one")
    }
    for input in aggregate.inputs where inputColumns[input.name] == nil {
        let near = nearestName(to: input.name, among: inputColumns.keys.sorted())
        throw MartletError(
            .missingColumn, "\(what) reads the column \(input.name), which does not exist",
            fix: near.map { "did you mean \($0)?" })
    }
    if let column = aggregate.column, !function.takes(aggregate.columnType) {
        throw MartletError(
            .typeMismatch, "\(what) takes the \(function.rawValue) of \(column), which is \(aggregate.columnType)",
            fix: "\(function.rawValue) needs a column of another type")
    }
    let parameters = aggregate.parameters
    if let category = parameters.category,
        !function.takesCategory || !AggregateFunction.categoryTypes.contains(parameters.categoryType)
    {
        throw MartletError(.typeMismatch, "\(what) cannot be split by \(category)")
    }
    let length = parameters.length ?? 0
    let isWhole =
        switch function {
        case .quantile: (0...1).contains(parameters.quantile ?? -1)
        case .firstN, .lastN, .topK: (1...AggregateParameters.maximumLength).contains(length)
        case .decayedSum, .decayedMean: (parameters.halfLife ?? .zero) >= .seconds(1)
        case .sessionCount: (parameters.gap ?? .zero) > .zero
        default: true
        }
    if !isWhole {
        throw MartletError(.invalidDefinition, "\(what) (\(function.rawValue)) lacks a parameter, or has a wrong one")
    }
}

/// The group of the aggregate's state, a new one where it is the first.
func groupIndex(
    _ aggregate: WindowAggregate, _ column: Int?, _ category: Int?, _ groups: inout [StateGroup]
) throws(MartletError) -> Int {
    let parameters = aggregate.parameters
    let family = StateGroup.family(
        of: aggregate.function, hasColumn: column != nil, hasCategory: category != nil)
    var key = StateGroup.Key(family: family, column: column, category: category)
    var name = aggregate.value?.name ?? ""
    var type = aggregate.value?.type ?? aggregate.columnType
    switch family {
    case .firsts, .lasts: key.length = parameters.length ?? 0
    case .decayed: key.halfLife = parameters.halfLife?.microseconds ?? 0
    case .sessions: key.gap = parameters.gap?.microseconds ?? 0
    case .values where column == nil:
        // A count of rows by category is the histogram of the category.
        key.column = category
        key.category = nil
        name = aggregate.category?.name ?? ""
        type = parameters.categoryType
    default: break
    }
    if let index = groups.firstIndex(where: { $0.key == key }) {
        if groups[index].type != type {
            throw MartletError(
                .typeMismatch,
                "the column \(name) is \(groups[index].type) in one aggregate and \(type) in \(aggregate.name)")
        }
        return index
    }
    groups.append(
        StateGroup(
            key: key, columnName: name, type: type,
            categoryName: key.category == nil ? "" : aggregate.category?.name ?? "",
            categoryType: parameters.categoryType))
    return groups.count - 1
}

/// What the state is asked for: days since a time are made of the greatest time when the result is.
func stateFunction(_ aggregate: WindowAggregate) -> AggregateFunction {
    switch aggregate.function {
    case .daysSince: .max
    case .count where aggregate.parameters.category != nil && aggregate.column == nil: .histogram
    default: aggregate.function
    }
}

func loweringParameters(_ parameters: AggregateParameters) -> LoweringParameters {
    LoweringParameters(
        quantile: parameters.quantile ?? 0, length: parameters.length ?? 0,
        halfLife: parameters.halfLife?.microseconds ?? 1)
}

/// - Throws: `typeMismatch` for a list of what is no scalar.
func resultType(_ aggregate: WindowAggregate) throws(MartletError) -> DataType {
    guard let type = aggregate.resultType else {
        throw MartletError(.typeMismatch, "the aggregate \(aggregate.name) is a list of lists or maps")
    }
    return type
}

/// Finds the features that each ratio divides.
/// - Throws: `invalidDefinition` where there is none, or none that is a number.
func resolveRatios(_ aggregates: [WindowAggregate], _ features: inout [WindowPlan.Feature]) throws(MartletError) {
    func operand(_ ratio: WindowAggregate, _ name: String?, _ span: TimeSpan) throws(MartletError) -> Int {
        guard let part = aggregates.first(where: { $0.name == name }), part.isNumber, part.function != .ratio,
            part.isExact == ratio.isExact, part.shape == ratio.shape, part.lag == ratio.lag,
            let index = features.firstIndex(where: { $0.name == part.featureName(span) })
        else {
            throw MartletError(
                .invalidDefinition,
                "the aggregate \(ratio.name) divides \(name ?? "nothing"), which is no number over \(span) here",
                fix: "name aggregates of the same view with the same windows")
        }
        return index
    }
    for ratio in aggregates where ratio.function == .ratio {
        for span in ratio.windows {
            let operands = WindowPlan.Operands(
                dividend: try operand(ratio, ratio.parameters.dividend, span),
                divisor: try operand(ratio, ratio.parameters.divisor, span))
            for index in features.indices where features[index].name == ratio.featureName(span) {
                features[index].operands = operands
            }
        }
    }
}
