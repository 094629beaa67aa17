internal import MartletCore

/// How the values of one feature differ between the two clocks.
package struct ClockCount: Sendable, Hashable {
    /// Values that are not the same.
    package var differing: Int64 = 0
    /// Of those: an event had happened but not arrived.
    package var late: Int64 = 0
    /// Of those: the winning event has the same time as the one known then, and arrived later.
    package var corrected: Int64 = 0
    /// Of those: an event that counted then was deleted or updated since.
    package var takenBack: Int64 = 0
    /// The first label rows that differ, counted from 0.
    package var examples: [Int64] = []

    static func + (left: Self, right: Self) -> Self {
        Self(
            differing: left.differing + right.differing, late: left.late + right.late,
            corrected: left.corrected + right.corrected, takenBack: left.takenBack + right.takenBack,
            examples: (left.examples + right.examples).sorted())
    }
}
