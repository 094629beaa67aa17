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

extension WindowShape {
    /// `tumbling`, `session 30m`, `newest 10`.
    var text: String {
        switch self {
        case .sliding: "sliding"
        case .tumbling: "tumbling"
        case .session(let gap): "session \(gap)"
        case .newest(let count): "newest \(count)"
        }
    }

    init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        switch words.first {
        case "sliding" where words.count == 1: self = .sliding
        case "tumbling" where words.count == 1: self = .tumbling
        case "session" where words.count == 2:
            guard let gap = TimeSpan(words[1]) else { return nil }
            self = .session(gap: gap)
        case "newest" where words.count == 2:
            guard let count = Int(words[1]) else { return nil }
            self = .newest(count)
        default: return nil
        }
    }
}
