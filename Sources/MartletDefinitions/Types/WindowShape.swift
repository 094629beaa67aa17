package import MartletCore

/// Which events before a moment a window holds. How far back it reaches at most is its span.
package enum WindowShape: Sendable, Hashable {
    /// Those of the last `span`.
    case sliding
    /// Those of the last whole `span` since 1970-01-01T00:00:00Z that has ended: yesterday, for a span of a day.
    case tumbling
    /// Those of the run of events that still goes on: no two neighbours are further apart than `gap`, nor is the last
    /// one from the moment.
    case session(gap: TimeSpan)
    /// The newest so many, and those that happened at the same time as the oldest of them.
    case newest(Int)

    /// Whether both ends depend on the moment alone, and not on the events.
    package var isByTime: Bool {
        switch self {
        case .sliding, .tumbling: true
        case .session, .newest: false
        }
    }
}
