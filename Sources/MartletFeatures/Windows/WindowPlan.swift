package import MartletCore
package import MartletDefinitions

/// Aggregates over windows, made ready: the features in their order, the windows without repetition, and the states
/// that the aggregates share. Equal aggregates give an equal plan; nothing in it depends on data.
package struct WindowPlan: Sendable, Hashable {
    /// One feature: an aggregate over one of its windows.
    package struct Feature: Sendable, Hashable {
        /// `aggregate_window`, such as `amount_sum_7d`.
        package let name: String
        /// int64 for count and distinct, float64 for sum, mean and stddev, else the type of the column.
        package let type: DataType
        package let function: AggregateFunction
        /// Index into the events' inputs; nil for a count of rows.
        package let column: Int?
        package let window: PlannedWindow
        let group: Int
    }

    /// In the order of the aggregates, and within one of its windows.
    package let features: [Feature]
    /// The names of the columns that are read, with their index among the events' inputs and their type.
    package let inputs: [Input]
    let windows: [PlannedWindow]
    let groups: [StateGroup]
    let runs: [WindowRun]

    package struct Input: Sendable, Hashable {
        package let name: String
        package let index: Int
        package let type: DataType
    }

    /// - Parameter inputColumns: for each column its index among `EventColumns.inputs`.
    /// - Throws: `missingColumn` for a column not in `inputColumns`, `typeMismatch` for a function that its column's
    ///   type does not have, `invalidDefinition` for a window that is not positive or longer than the limit of time.
    package init(aggregates: [WindowAggregate], inputColumns: [String: Int]) throws(MartletError) {
        var features: [Feature] = []
        var windows: [PlannedWindow] = []
        var groups: [StateGroup] = []
        var inputs: [Input] = []
        for aggregate in aggregates {
            let column = try resolve(aggregate, inputColumns)
            if let column, let name = aggregate.column, !inputs.contains(where: { $0.index == column }) {
                inputs.append(Input(name: name, index: column, type: aggregate.columnType))
            }
            let family = StateGroup.family(of: aggregate.function, hasColumn: column != nil)
            let group = groups.firstIndex { $0.family == family && $0.column == column } ?? groups.count
            if group == groups.count {
                groups.append(
                    StateGroup(
                        family: family, column: column, columnName: aggregate.column ?? "", type: aggregate.columnType))
            } else if groups[group].type != aggregate.columnType {
                throw MartletError(
                    .typeMismatch,
                    "the column \(groups[group].columnName) is \(groups[group].type) in one aggregate and "
                        + "\(aggregate.columnType) in \(aggregate.name)")
            }
            for span in aggregate.windows {
                guard span > .zero, span.microseconds <= timeLimitMicroseconds else {
                    throw MartletError(
                        .invalidDefinition, "the aggregate \(aggregate.name) has the window \(span)",
                        fix: "use a positive window, such as 7d")
                }
                let window = PlannedWindow(
                    span: span, isExact: aggregate.isExact, shape: aggregate.shape, lag: aggregate.lag)
                let index = windows.firstIndex(of: window) ?? windows.count
                if index == windows.count { windows.append(window) }
                groups[group].outputs.append(
                    StateGroup.Output(
                        function: stateFunction(aggregate.function), window: index, feature: features.count))
                features.append(
                    Feature(
                        name: aggregate.featureName(span), type: resultType(aggregate), function: aggregate.function,
                        column: column, window: window, group: group))
            }
        }
        // How many events a tile has tells where the newest so many begin.
        let countsRows = windows.contains { if case .newest = $0.shape { true } else { false } }
        if countsRows && !groups.contains(where: { $0.family == .rows }) {
            groups.append(StateGroup(family: .rows, column: nil, columnName: "", type: .int64))
        }
        self.features = features
        self.windows = windows
        self.groups = groups
        runs = Self.runs(windows, groups)
        self.inputs = inputs
    }

    /// - Throws: `typeMismatch` or `missingColumn` where the events do not have the columns of the plan.
    func check(_ events: EventColumns) throws(MartletError) {
        for input in inputs {
            guard input.index < events.inputs.count else {
                throw MartletError(.missingColumn, "the events have no column for \(input.name)")
            }
            guard events.inputs[input.index].type == input.type else {
                throw MartletError(
                    .typeMismatch,
                    "the column \(input.name) is \(events.inputs[input.index].type) but was planned as \(input.type)")
            }
        }
    }
}

private func resolve(_ aggregate: WindowAggregate, _ inputColumns: [String: Int]) throws(MartletError) -> Int? {
    guard let name = aggregate.column else {
        guard aggregate.function == .count else {
            throw MartletError(
                .invalidDefinition, "the aggregate \(aggregate.name) (\(aggregate.function)) names no column",
                fix: "only count can go without one")
        }
        return nil
    }
    guard let column = inputColumns[name] else {
        let near = nearestName(to: name, among: inputColumns.keys.sorted())
        throw MartletError(
            .missingColumn, "the aggregate \(aggregate.name) reads the column \(name), which does not exist",
            fix: near.map { "did you mean \($0)?" })
    }
    switch aggregate.function {
    case .sum, .mean, .stddev:
        guard aggregate.columnType.isNumeric || aggregate.columnType == .bool else {
            throw MartletError(
                .typeMismatch,
                "the aggregate \(aggregate.name) takes the \(aggregate.function) of \(name), which is "
                    + "\(aggregate.columnType)", fix: "\(aggregate.function) needs a number or a bool")
        }
    case .daysSince:
        guard aggregate.columnType == .timestamp else {
            throw MartletError(
                .typeMismatch,
                "the aggregate \(aggregate.name) takes the days since \(name), which is \(aggregate.columnType)",
                fix: "days_since needs a timestamp")
        }
    case .count, .min, .max, .first, .last, .distinct: break
    }
    return column
}

/// What the state is asked for: days since a time are made of the greatest time when the result is.
private func stateFunction(_ function: AggregateFunction) -> AggregateFunction {
    function == .daysSince ? .max : function
}

private func resultType(_ aggregate: WindowAggregate) -> DataType {
    switch aggregate.function {
    case .count, .distinct: .int64
    case .sum, .mean, .stddev, .daysSince: .float64
    case .min, .max, .first, .last: aggregate.columnType
    }
}
