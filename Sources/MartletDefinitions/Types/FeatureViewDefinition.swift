package import MartletCore

/// Features of one entity (or of a combination of entities): from one source, or derived from other views.
package struct FeatureViewDefinition: Sendable, Hashable {
    package var about: About
    /// Names of entities; the view's key is their keys in this order. Of a derived view those of all views it reads.
    package var entities: [String]
    /// nil for a derived view.
    package var source: String?
    /// What it takes from other views: columns beside those of its rows, or the inputs of its expressions.
    package var reads: [ViewRead]
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
    /// Whether a server counts each event as it comes, instead of `martlet materialize`.
    package var followsLog: Bool
    package var features: Features

    package enum Features: Sendable, Hashable {
        case latest([LatestFeature])
        case windowed([WindowAggregate])
        case derived(DerivedFeatures)

        /// Latest values, expressions, or aggregates whatever the number of their windows.
        package var count: Int {
            switch self {
            case .latest(let list): list.count
            case .windowed(let list): list.count
            case .derived(let derived): derived.features.count
            }
        }
    }

    package init(
        about: About, entities: [String], source: String?, reads: [ViewRead] = [], keyColumns: [String: String] = [:],
        sql: SQLText? = nil, filter: String? = nil, eventTime: String? = nil, ttl: TimeSpan? = nil,
        isOnline: Bool = true, followsLog: Bool = false, features: Features
    ) {
        self.about = about
        self.entities = entities
        self.source = source
        self.reads = reads
        self.keyColumns = keyColumns
        self.sql = sql
        self.filter = filter
        self.eventTime = eventTime
        self.ttl = ttl
        self.isOnline = isOnline
        self.followsLog = followsLog
        self.features = features
    }

    /// The names of all features in their order: for windowed ones `aggregate_window`, such as `amount_sum_7d`.
    package var featureNames: [String] {
        switch features {
        case .latest(let list): list.map(\.name)
        case .windowed(let list): list.flatMap { aggregate in aggregate.windows.map { aggregate.featureName($0) } }
        case .derived(let derived): derived.features.map(\.name)
        }
    }
}

/// The newest value of a column.
package struct LatestFeature: Sendable, Hashable {
    package var name: String
    package var column: String
    package var type: DataType
    /// Where it is an embedding that can be searched: only for lists of float32, and at most one in a view.
    package var vector: VectorSearch?
    package var description: String

    package init(
        name: String, column: String, type: DataType, vector: VectorSearch? = nil, description: String = ""
    ) {
        self.name = name
        self.column = column
        self.type = type
        self.vector = vector
        self.description = description
    }
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
