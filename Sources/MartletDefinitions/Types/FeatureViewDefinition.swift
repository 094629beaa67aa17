package import MartletCore

/// Features of one entity (or of a combination of entities) from one source.
package struct FeatureViewDefinition: Sendable, Hashable {
    package var about: About
    /// Names of entities; the view's key is their keys in this order.
    package var entities: [String]
    package var source: String
    /// The name of the key column in the rows, for each join key whose column has another name there.
    package var keyColumns: [String: String]
    /// A query whose rows the features are computed from; it names sources as tables. nil means the source's rows as
    /// they are.
    package var sql: SQLText?
    /// A boolean SQL expression over the rows: only those for which it is true count.
    package var filter: String?
    /// The event-time column of the rows where it is not the source's.
    package var eventTime: String?
    /// How old a latest value may be; nil means any age. Windowed views have none: their windows are their age.
    package var ttl: TimeSpan?
    /// Whether `martlet materialize` loads the view into the online store.
    package var isOnline: Bool
    package var features: Features

    package enum Features: Sendable, Hashable {
        case latest([LatestFeature])
        case windowed([WindowAggregate])

        /// Latest values, or aggregates whatever the number of their windows.
        package var count: Int {
            switch self {
            case .latest(let list): list.count
            case .windowed(let list): list.count
            }
        }
    }

    package init(
        about: About, entities: [String], source: String, keyColumns: [String: String] = [:], sql: SQLText? = nil,
        filter: String? = nil, eventTime: String? = nil, ttl: TimeSpan? = nil, isOnline: Bool = true, features: Features
    ) {
        self.about = about
        self.entities = entities
        self.source = source
        self.keyColumns = keyColumns
        self.sql = sql
        self.filter = filter
        self.eventTime = eventTime
        self.ttl = ttl
        self.isOnline = isOnline
        self.features = features
    }

    /// The names of all features in their order: for windowed ones `aggregate_window`, such as `amount_sum_7d`.
    package var featureNames: [String] {
        switch features {
        case .latest(let list): list.map(\.name)
        case .windowed(let list): list.flatMap { aggregate in aggregate.windows.map { aggregate.featureName($0) } }
        }
    }
}

/// The newest value of a column.
package struct LatestFeature: Sendable, Hashable {
    package var name: String
    package var column: String
    package var type: DataType
    package var description: String

    package init(name: String, column: String, type: DataType, description: String = "") {
        self.name = name
        self.column = column
        self.type = type
        self.description = description
    }
}

/// An aggregate over one or more windows; each window is a feature.
package struct WindowAggregate: Sendable, Hashable {
    package var name: String
    package var function: AggregateFunction
    /// The column aggregated; nil for `count` of rows only.
    package var column: String?
    /// The type of that column; int64 where there is none.
    package var columnType: DataType
    package var windows: [TimeSpan]
    /// Whether the ends of the windows are exact instead of rounded down to the hop.
    package var isExact: Bool
    package var shape: WindowShape
    /// How long before the moment asked for the windows are seen from.
    package var lag: TimeSpan
    package var description: String

    package init(
        name: String, function: AggregateFunction, column: String? = nil, columnType: DataType = .int64,
        windows: [TimeSpan], isExact: Bool = false, shape: WindowShape = .sliding, lag: TimeSpan = .zero,
        description: String = ""
    ) {
        self.name = name
        self.function = function
        self.column = column
        self.columnType = columnType
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
}

/// What a window of values is reduced to. The rules are in `docs/semantics.md`; the kernels that follow them are
/// `MartletFeatures`.
package enum AggregateFunction: String, Sendable, Hashable, CaseIterable {
    case count, sum, mean, min, max, stddev, first, last, distinct
    /// Days from the newest value of a timestamp column to the moment of reading.
    case daysSince = "days_since"
}

/// A query in a file beside the definitions.
package struct SQLText: Sendable, Hashable {
    /// Relative to the repository.
    package var file: String
    package var text: String

    package init(file: String, text: String) {
        self.file = file
        self.text = text
    }
}
