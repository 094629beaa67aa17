package import MartletCore

/// For how long an event or an append that comes again is known, and how exactly.
package struct DedupeSettings: Sendable {
    /// Since it was stored. Zero: nothing is ever taken for a duplicate.
    package var horizon = TimeSpan.hours(24)
    /// The recent part of the horizon in which the answer is exact.
    package var exactFor = TimeSpan.hours(6)
    /// Of all lookups in what is older: how many new events are taken for duplicates, acknowledged and not stored. It
    /// errs on this side because a duplicate that passes would be counted twice without anybody's notice.
    package var falsePositiveRate = 1e-6
    /// What is remembered at most. Beyond it the oldest is forgotten and the horizon is shorter than asked for.
    package var memoryBytes = 512 << 20

    package init() {}
}
