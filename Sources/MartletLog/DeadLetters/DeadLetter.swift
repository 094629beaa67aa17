package import MartletCore

/// What did not fit into its source, as it came.
package struct DeadLetter: Sendable, Hashable {
    package enum State: UInt8, Sendable, Hashable, CaseIterable {
        /// To be tried again at `nextAttempt` where that is set, else it waits for a person.
        case waiting = 1
        /// Tried as often as the rules say: a person has to look.
        case escalated
        /// Went through when it was tried again.
        case replayed
        case dropped
    }

    /// Given by the store; ascends.
    package internal(set) var number: Int64 = -1
    package var source: String
    /// A code and a sentence, without values of the event.
    package var reason: String
    package var original: [UInt8]
    /// Where it came from: the stream with the position behind it; nil for what was pushed.
    package var position: SourcePosition?
    package internal(set) var state = State.waiting
    /// How often it was tried, the first time included.
    package internal(set) var attempts = 1
    package internal(set) var firstTime: Timestamp = .epoch
    package internal(set) var lastTime: Timestamp = .epoch
    package internal(set) var nextAttempt: Timestamp?

    package init(source: String, reason: String, original: [UInt8], position: SourcePosition? = nil) {
        self.source = source
        self.reason = reason
        self.original = original
        self.position = position
    }

    package var isOpen: Bool { state == .waiting || state == .escalated }
}

/// When what may pass later is tried again.
package struct RetryRules: Sendable {
    /// The wait after the first failure; each further one is twice as long, up to `longest`.
    package var first = TimeSpan.seconds(5)
    package var longest = TimeSpan.hours(1)
    /// The part of a wait that is left to chance, so that not all come back at once.
    package var jitter = 0.5
    /// Attempts after which a person has to look.
    package var attempts = 8

    package init() {}

    /// - Parameter chance: of 0..<1.
    func wait(afterAttempts attempts: Int, chance: Double) -> TimeSpan {
        let doublings = min(40, max(0, attempts - 1))
        let (product, overflow) = first.microseconds.multipliedReportingOverflow(by: 1 << Int64(doublings))
        let whole = Double(overflow ? longest.microseconds : min(product, longest.microseconds))
        return TimeSpan(microseconds: Int64(whole * (1 - jitter * chance)))
    }
}
