package import MartletCore
package import MartletDefinitions

/// Aggregates over windows, made ready: the features in their order, the windows without repetition, and the states
/// that the aggregates share. Equal aggregates give an equal plan; nothing in it depends on data.
package struct WindowPlan: Sendable, Hashable {
    /// One feature: an aggregate over one of its windows.
    package struct Feature: Sendable, Hashable {
        /// `aggregate_window`, such as `amount_sum_7d`.
        package let name: String
        /// As `docs/semantics.md` has it.
        package let type: DataType
        package let function: AggregateFunction
        /// Index into the events' inputs; nil for functions of rows.
        package let column: Int?
        /// Index into the events' inputs of the column that the aggregate is split by; nil for most.
        package let category: Int?
        /// Of the keys of a map: the type that the column of the categories has.
        let categoryType: DataType
        package let window: PlannedWindow
        /// Of a ratio the features that are divided.
        package internal(set) var operands: Operands?
    }

    /// Indices into the plan's features.
    package struct Operands: Sendable, Hashable {
        package let dividend: Int
        package let divisor: Int
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
            try resolve(aggregate, inputColumns)
            let column = aggregate.value.flatMap { inputColumns[$0.name] }
            let category = aggregate.category.flatMap { inputColumns[$0.name] }
            for input in aggregate.inputs {
                guard let index = inputColumns[input.name], !inputs.contains(where: { $0.index == index }) else {
                    continue
                }
                inputs.append(Input(name: input.name, index: index, type: input.type))
            }
            let group = try aggregate.function == .ratio ? nil : groupIndex(aggregate, column, category, &groups)
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
                if let group {
                    groups[group].outputs.append(
                        StateGroup.Output(
                            function: stateFunction(aggregate), parameters: loweringParameters(aggregate.parameters),
                            window: index, feature: features.count))
                }
                features.append(
                    Feature(
                        name: aggregate.featureName(span), type: try resultType(aggregate),
                        function: aggregate.function, column: column, category: category,
                        categoryType: category == nil ? aggregate.columnType : aggregate.parameters.categoryType,
                        window: window))
            }
        }
        try resolveRatios(aggregates, &features)
        // How many events a tile has tells where the newest so many begin.
        let countsRows = windows.contains { if case .newest = $0.shape { true } else { false } }
        if countsRows && !groups.contains(where: { $0.family == .rows }) {
            groups.append(.rows)
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
