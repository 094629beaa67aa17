/// What a training set is built from.
package struct TrainingSetRequest: Sendable {
    package var service: String
    /// A file (CSV, JSON lines, Parquet) or a table (`silver.loans`).
    package var labels: String
    package var timeColumn: String
    /// Whether only events known at the label's time count; otherwise all that are known today.
    package var asKnown: Bool
    /// Names features `view__feature`, also where the bare names do not collide.
    package var usesFullNames: Bool
    /// Drops the label rows for which some view has no event before the label; off, exactly the label rows come out.
    package var keepsOnlyKnownEntities: Bool
    /// Columns of features that are built although their values leak; see `LeakageRule`.
    package var allowedLeakage: Set<String>
    /// Table versions to read instead of the newest.
    package var tableVersions: [String: Int64]
    /// The revision whose definitions hold; nil means the current one.
    package var revision: Int64?

    package init(
        service: String, labels: String, timeColumn: String = LabelSet.defaultTimeColumn, asKnown: Bool = false,
        usesFullNames: Bool = false, keepsOnlyKnownEntities: Bool = false, allowedLeakage: Set<String> = [],
        tableVersions: [String: Int64] = [:], revision: Int64? = nil
    ) {
        self.service = service
        self.labels = labels
        self.timeColumn = timeColumn
        self.asKnown = asKnown
        self.usesFullNames = usesFullNames
        self.keepsOnlyKnownEntities = keepsOnlyKnownEntities
        self.allowedLeakage = allowedLeakage
        self.tableVersions = tableVersions
        self.revision = revision
    }
}
