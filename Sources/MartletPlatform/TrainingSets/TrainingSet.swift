package import MartletCore
internal import MartletQuery

/// Labels with their features, and what they were made from.
package struct TrainingSet: Sendable {
    /// The label columns in their order, then one column a feature in the service's order.
    package let rows: RecordBatch
    package let timeColumn: String
    package let featureNames: [String]
    /// Of every table read, the labels' included.
    package let tableVersions: [String: Int64]
    /// Of the service, its views, their entities and sources.
    package let definitionVersions: [String: Int64]
}

/// A training set whose features are computed, ready to be read once.
struct BuiltSet {
    let plan: TrainingSetPlan
    let rows: RowSource
}
