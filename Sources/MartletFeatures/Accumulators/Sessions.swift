package import MartletDefinitions

/// The spans of time in which events follow each other closely: the state of `session_count`.
///
/// Two events belong to one session where no two neighbours between them are more than `gap` apart (session windows:
/// Akidau et al., "The Dataflow Model", VLDB 2015). Sessions are the connected parts of a set, so that their union does
/// not depend on the order in which it is made. There is no inverse: without the event between them two sessions may be
/// one or two.
package struct Sessions: Accumulator {
    package struct Input: Sendable {
        /// Microseconds since the epoch.
        package var time: Int64
        /// Microseconds, positive.
        package var gap: Int64

        package init(time: Int64, gap: Int64) {
            self.time = time
            self.gap = gap
        }
    }

    /// From the first event to the last.
    package struct Session: Sendable, Equatable {
        package var start: Int64
        package var end: Int64
    }

    /// Ascending, each more than `gap` after the one before.
    package var sessions: [Session]
    /// 0 before the first event.
    package var gap: Int64

    package init(sessions: [Session] = [], gap: Int64 = 0) {
        self.sessions = sessions
        self.gap = gap
    }

    package static var zero: Sessions { Sessions() }

    package static func lift(_ input: Input) -> Sessions {
        Sessions(sessions: [Session(start: input.time, end: input.time)], gap: input.gap)
    }

    package mutating func add(_ input: Input) {
        guard let last = sessions.last, input.time >= last.start else {
            combine(Self.lift(input))
            return
        }
        append(Session(start: input.time, end: input.time))
    }

    package mutating func combine(_ other: Sessions) {
        if other.gap == 0 { return }
        if gap == 0 {
            self = other
            return
        }
        precondition(gap == other.gap, "sessions of different gaps")
        let left = sessions
        sessions = []
        sessions.reserveCapacity(left.count + other.sessions.count)
        var (first, second) = (0, 0)
        while first < left.count || second < other.sessions.count {
            if second == other.sessions.count
                || (first < left.count && left[first].start <= other.sessions[second].start)
            {
                append(left[first])
                first += 1
            } else {
                append(other.sessions[second])
                second += 1
            }
        }
    }

    /// - Precondition: no session starts later.
    private mutating func append(_ session: Session) {
        if let last = sessions.last, session.start &- last.end <= gap {
            sessions[sessions.count - 1].end = max(last.end, session.end)
        } else {
            sessions.append(session)
        }
    }

    /// 16 bytes a session; a hop holds at most its length divided by the gap, and one.
    package static var traits: StateTraits { StateTraits(maximumByteCount: nil, isOrderSensitive: true) }

    package func lower(_: AggregateFunction, _: LoweringParameters) -> Lowered<Int64>? {
        .integer(Int64(sessions.count))
    }
}
