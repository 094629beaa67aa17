import MartletCore
import MartletDefinitions

/// The aggregates of a plan that share one state: those of a family over one column, for all windows.
struct StateGroup: Sendable, Hashable {
    enum Family: String, Sendable, Hashable {
        /// `RowCount`
        case rows
        /// `Moments`
        case moments
        /// `Extremes`
        case extremes
        /// `Ends`
        case ends
        /// `DistinctValues`
        case distinct
    }

    /// One feature that is lowered from the state.
    struct Output: Sendable, Hashable {
        var function: AggregateFunction
        /// Index into the plan's windows.
        var window: Int
        /// Index into the plan's features.
        var feature: Int
    }

    var family: Family
    /// Index into the events' inputs; nil for rows.
    var column: Int?
    var columnName: String
    var type: DataType
    var outputs: [Output]

    init(family: Family, column: Int?, columnName: String, type: DataType) {
        self.family = family
        self.column = column
        self.columnName = columnName
        self.type = type
        outputs = []
    }

    static func family(of function: AggregateFunction, hasColumn: Bool) -> Family {
        switch function {
        case .count: hasColumn ? .moments : .rows
        case .sum, .mean, .stddev: .moments
        case .min, .max, .daysSince: .extremes
        case .first, .last: .ends
        case .distinct: .distinct
        }
    }

    /// - Precondition: the family has a column.
    var inputIndex: Int {
        guard let column else { preconditionFailure("a count of rows reads no column") }
        return column
    }

    var isText: Bool { type == .string || type == .bytes }
    var isReal: Bool { type == .float32 || type == .float64 }
    /// A count needs neither sums nor squares, a mean no squares.
    var needsSum: Bool { outputs.contains { $0.function != .count } }
    var needsSquares: Bool { needs(.stddev) }
    func needs(_ function: AggregateFunction) -> Bool { outputs.contains { $0.function == function } }
}
