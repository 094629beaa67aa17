import MartletCore
import MartletDefinitions

/// The aggregates of a plan that share one state: those of a family over one column, for all windows.
struct StateGroup: Sendable, Hashable {
    enum Family: String, Sendable, Hashable {
        /// `RowCount`
        case rows
        /// `Moments`
        case moments
        /// `SkewMoments`
        case skew
        /// `Extremes`
        case extremes
        /// `Ends`
        case ends
        /// `EndList` of the first events
        case firsts
        /// `EndList` of the last events
        case lasts
        /// `Newest`
        case newest
        /// `ValueCounts`
        case values
        /// `Registers`
        case registers
        /// `QuantileSketch`
        case sketch
        /// `KeyedMoments`
        case keyed
        /// `DecayedSums`
        case decayed
        /// `Sessions`
        case sessions
    }

    /// What aggregates must have in common to share a state.
    struct Key: Sendable, Hashable {
        var family: Family
        /// Index into the events' inputs; nil for rows.
        var column: Int?
        /// Index into the events' inputs of the column whose values the state is split by.
        var category: Int?
        /// Of lists, 0 for others.
        var length = 0
        /// Microseconds, 0 for others than decayed sums.
        var halfLife: Int64 = 0
        /// Microseconds, 0 for others than sessions.
        var gap: Int64 = 0
    }

    /// One feature that is lowered from the state.
    struct Output: Sendable, Hashable {
        var function: AggregateFunction
        /// Without the time of reading.
        var parameters: LoweringParameters
        /// Index into the plan's windows.
        var window: Int
        /// Index into the plan's features.
        var feature: Int
    }

    var key: Key
    var columnName: String
    var type: DataType
    var categoryName: String
    var categoryType: DataType
    var outputs: [Output]

    init(key: Key, columnName: String, type: DataType, categoryName: String, categoryType: DataType) {
        self.key = key
        self.columnName = columnName
        self.type = type
        self.categoryName = categoryName
        self.categoryType = categoryType
        outputs = []
    }

    /// The number of rows, asked for by no feature.
    static let rows = StateGroup(
        key: Key(family: .rows), columnName: "", type: .int64, categoryName: "", categoryType: .int64)

    static func family(of function: AggregateFunction, hasColumn: Bool, hasCategory: Bool) -> Family {
        switch function {
        case .count where hasCategory: hasColumn ? .keyed : .values
        case .sum where hasCategory, .mean where hasCategory: .keyed
        case .count: hasColumn ? .moments : .rows
        case .sum, .mean, .stddev, .variance: .moments
        case .skewness: .skew
        case .min, .max, .daysSince: .extremes
        case .first, .last: .ends
        case .firstN: .firsts
        case .lastN: .lasts
        case .timeSinceLast: .newest
        case .distinct, .topK, .histogram: .values
        case .approxDistinct: .registers
        case .quantile: .sketch
        case .decayedSum, .decayedMean: .decayed
        case .sessionCount: .sessions
        case .ratio: preconditionFailure("a ratio has no state of its own")
        }
    }

    var family: Family { key.family }

    /// - Precondition: the family has a column.
    var inputIndex: Int {
        guard let column = key.column else { preconditionFailure("a count of rows reads no column") }
        return column
    }

    /// Whether the values that the state holds are texts: those of the category, or else of the column.
    var isText: Bool {
        let held = key.category == nil ? type : categoryType
        return held == .string || held == .bytes
    }
    var isReal: Bool { type == .float32 || type == .float64 }
    /// A count needs neither sums nor squares, a mean no squares.
    var needsSum: Bool { outputs.contains { $0.function != .count } }
    var needsSquares: Bool { needs(.stddev) || needs(.variance) }
    func needs(_ function: AggregateFunction) -> Bool { outputs.contains { $0.function == function } }

    /// Whether texts are to be numbered in their order.
    var needsOrder: Bool {
        switch family {
        case .extremes, .keyed: true
        case .values: needs(.topK) || needs(.histogram)
        default: false
        }
    }
}
