package import MartletCore

/// An aggregate over one or more windows; each window is a feature.
package struct WindowAggregate: Sendable, Hashable {
    package var name: String
    package var function: AggregateFunction
    /// The column aggregated; nil for functions of rows and for `ratio`.
    package var column: String?
    /// The type of that column; int64 where there is none.
    package var columnType: DataType
    package var parameters: AggregateParameters
    /// A boolean SQL expression over the rows: others are as if their value were missing. Windows that follow events
    /// follow all of them.
    package var filter: String?
    package var windows: [TimeSpan]
    /// Whether the ends of the windows are exact instead of rounded down to the hop.
    package var isExact: Bool
    package var shape: WindowShape
    /// How long before the moment asked for the windows are seen from.
    package var lag: TimeSpan
    package var description: String

    package init(
        name: String, function: AggregateFunction, column: String? = nil, columnType: DataType = .int64,
        parameters: AggregateParameters = AggregateParameters(), filter: String? = nil, windows: [TimeSpan],
        isExact: Bool = false,
        shape: WindowShape = .sliding, lag: TimeSpan = .zero, description: String = ""
    ) {
        self.name = name
        self.function = function
        self.column = column
        self.columnType = columnType
        self.parameters = parameters
        self.filter = filter
        self.windows = windows
        self.isExact = isExact
        self.shape = shape
        self.lag = lag
        self.description = description
    }

    /// `amount_sum_7d`, `basket_session_30m`, `recent_mean_last_10`.
    package func featureName(_ window: TimeSpan) -> String {
        switch shape {
        case .sliding, .tumbling: "\(name)_\(window)"
        case .session(let gap): "\(name)_session_\(gap)"
        case .newest(let count): "\(name)_last_\(count)"
        }
    }

    /// Whether the result is one number.
    package var isNumber: Bool {
        switch function {
        case .min, .max, .first, .last: columnType.isNumeric
        case .firstN, .lastN, .topK, .histogram: false
        default: parameters.category == nil
        }
    }

    /// What it reduces; nil where every row counts alike.
    package var value: AggregateInput? {
        if parameters.category != nil { return column.map { AggregateInput(column: $0, type: columnType) } }
        if filter == nil && column == nil { return nil }
        return AggregateInput(column: column, type: column == nil ? .bool : columnType, filter: filter)
    }

    /// What it is split by.
    package var category: AggregateInput? {
        parameters.category.map { AggregateInput(column: $0, type: parameters.categoryType, filter: filter) }
    }

    /// What it reads of the rows.
    package var inputs: [AggregateInput] { [value, category].compactMap { $0 } }
}

/// A column as an aggregate reads it.
package struct AggregateInput: Sendable, Hashable {
    /// nil stands for a column of true.
    package var column: String?
    package var type: DataType
    /// The boolean SQL expression without which the value is missing.
    package var filter: String?

    package init(column: String?, type: DataType, filter: String? = nil) {
        self.column = column
        self.type = type
        self.filter = filter
    }

    /// Different for each input of a view: the column's name where there is no filter. No column is named `*`.
    package var name: String {
        guard let filter else { return column ?? "*" }
        return "\(column ?? "*") where \(filter)"
    }
}

/// What some functions need beside their column.
package struct AggregateParameters: Sendable, Hashable {
    /// `q` of quantile, 0 to 1.
    package var quantile: Double?
    /// `n` of first_n and last_n, `k` of top_k.
    package var length: Int?
    /// Of the decayed aggregates.
    package var halfLife: TimeSpan?
    /// Of session_count.
    package var gap: TimeSpan?
    /// `by`: the column whose values the aggregate is split by.
    package var category: String?
    /// The type of that column; int64 where there is none.
    package var categoryType: DataType
    /// `of` and `to` of ratio: names of aggregates of the same view.
    package var dividend: String?
    package var divisor: String?

    package init(
        quantile: Double? = nil, length: Int? = nil, halfLife: TimeSpan? = nil, gap: TimeSpan? = nil,
        category: String? = nil, categoryType: DataType = .int64, dividend: String? = nil, divisor: String? = nil
    ) {
        self.quantile = quantile
        self.length = length
        self.halfLife = halfLife
        self.gap = gap
        self.category = category
        self.categoryType = categoryType
        self.dividend = dividend
        self.divisor = divisor
    }

    /// The longest list that first_n, last_n and top_k may be asked for.
    package static let maximumLength = 1_000
}

/// What a window of values is reduced to. The rules are in `docs/semantics.md`; the kernels that follow them are
/// `MartletFeatures`.
package enum AggregateFunction: String, Sendable, Hashable, CaseIterable {
    case count, sum, mean, min, max, stddev, variance, skewness, first, last, distinct
    /// Days from the newest value of a timestamp column to the moment of reading.
    case daysSince = "days_since"
    /// Seconds from the newest event to the moment of reading.
    case timeSinceLast = "time_since_last"
    /// The values of the first and of the last events, oldest first.
    case firstN = "first_n"
    case lastN = "last_n"
    case approxDistinct = "approx_distinct"
    case quantile
    /// The most frequent values, the most frequent first.
    case topK = "top_k"
    /// Each different value with how often it occurs.
    case histogram
    case decayedSum = "decayed_sum"
    case decayedMean = "decayed_mean"
    case sessionCount = "session_count"
    /// One aggregate of the view divided by another.
    case ratio
}

extension AggregateFunction {
    /// Whether the function reduces a column, or may, or never does.
    package enum ColumnUse: Sendable { case required, optional, none }

    package var columnUse: ColumnUse {
        switch self {
        case .count, .timeSinceLast, .sessionCount: .optional
        case .ratio: .none
        default: .required
        }
    }

    /// Whether the function takes a column of this type.
    package func takes(_ type: DataType) -> Bool {
        switch self {
        case .sum, .mean, .stddev, .variance, .skewness, .decayedSum, .decayedMean:
            type.isNumeric || type == .bool
        case .quantile: type.isNumeric
        case .daysSince: type == .timestamp
        case .histogram: Self.categoryTypes.contains(type)
        default: true
        }
    }

    /// The types whose values can be the keys of a map.
    package static let categoryTypes: [DataType] = [.string, .bool, .int32, .int64]

    /// Whether the result can be split by the values of another column.
    package var takesCategory: Bool { self == .count || self == .sum || self == .mean }
}
