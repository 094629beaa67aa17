package import MartletCore

/// What the hot tier may hold and how old it may be.
package struct HotTierSettings: Sendable {
    /// Memory for records and their keys; the index and the counters take about a sixth of it besides.
    package var sizeBytes = 64 << 20
    /// How long a record may be served without asking the store, which other processes write too. What this process
    /// writes is seen at once.
    package var staleness = TimeSpan.seconds(1)
    /// How old a record may be that is served, marked as stale, when the store is unavailable; zero serves none.
    package var outageStaleness = TimeSpan.zero
    /// Records longer than this are not kept.
    package var recordBytes = 64 << 10
    /// Parts with a writer each, a power of two.
    package var shards = 64

    package init() {}
}

/// What the hot tier did, for metrics. All but the last two only grow.
package struct HotTierStatistics: Sendable, Hashable {
    package var hits = 0
    package var misses = 0
    package var admissions = 0
    /// Records that were not let in because they were asked for only once.
    package var rejections = 0
    package var evictions = 0
    package var invalidations = 0
    /// Records served although the store could not be asked.
    package var staleAnswers = 0
    /// Absent entities and records held now, and their bytes.
    package var entries = 0
    package var usedBytes = 0

    package var hitRatio: Double { hits + misses == 0 ? 0 : Double(hits) / Double(hits + misses) }
}
