package import MartletCore
package import MartletOnline
internal import MartletTables

/// Vectors of one service that were served at one moment: what `served.SERVICE` has of them.
package struct ServedVectors: Sendable {
    /// A view with rows that features come from, or one of derived features.
    package struct View: Sendable {
        package var name: String
        package var version: Int
        /// By row, null where nothing is stored; nil for derived features.
        package var eventTimes: Column?

        package init(name: String, version: Int, eventTimes: Column?) {
            self.name = name
            self.version = version
            self.eventTimes = eventTimes
        }
    }

    package struct Feature: Sendable {
        package var name: String
        package var values: Column
        package var statuses: [FeatureStatus]

        package init(name: String, values: Column, statuses: [FeatureStatus]) {
            self.name = name
            self.values = values
            self.statuses = statuses
        }
    }

    package var service: String
    /// Join keys and request values, by name: a service has no two things of one name.
    package var inputs: [(name: String, column: Column)]
    package var features: [Feature]
    package var views: [View]
    /// By row.
    package var snapshots: [ServedSnapshot]

    package init(
        service: String, inputs: [(name: String, column: Column)], features: [Feature], views: [View],
        snapshots: [ServedSnapshot]
    ) {
        self.service = service
        self.inputs = inputs
        self.features = features
        self.views = views
        self.snapshots = snapshots
    }

    package var count: Int { snapshots.count }
}

/// The columns of `served.SERVICE`. Names of definitions begin with a letter, so that those with an underscore are
/// free.
enum ServedColumn {
    static let servedAt = "_served_at"
    static let snapshot = "_snapshot"
    static let revision = "_revision"
    static func status(_ feature: String) -> String { "_status_\(feature)" }
    static func eventTime(_ view: String) -> String { "_time_\(view)" }
    static func version(_ view: String) -> String { "_version_\(view)" }
}

extension ServedVectors {
    /// As rows of `served.SERVICE`.
    var batch: RecordBatch {
        var columns = inputs.map { ($0.name, $0.column) }
        for feature in features {
            columns.append((feature.name, feature.values))
            columns.append(
                (
                    ServedColumn.status(feature.name),
                    Column(.string(ByteStrings(feature.statuses.map(\.name))))
                ))
        }
        for view in views {
            if let times = view.eventTimes { columns.append((ServedColumn.eventTime(view.name), times)) }
            columns.append(
                (
                    ServedColumn.version(view.name),
                    Column(.int64([Int64](repeating: Int64(view.version), count: count)))
                ))
        }
        columns.append(
            (ServedColumn.servedAt, Column(.timestamp(snapshots.map(\.instant.microseconds)))))
        columns.append((ServedColumn.revision, Column(.int64(snapshots.map(\.revision)))))
        columns.append((ServedColumn.snapshot, Column(.string(ByteStrings(snapshots.map(\.text))))))
        return RecordBatch(columns)
    }
}

extension TableName {
    /// The vectors that a service has served, sampled.
    static func served(_ service: String) -> TableName? { TableName("served.\(service)") }
}
