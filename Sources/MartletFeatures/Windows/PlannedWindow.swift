package import MartletCore

/// One window of a plan: at `t` it holds the events with `left(at: t) <= eventTime < t`.
package struct PlannedWindow: Sendable, Hashable {
    package let span: TimeSpan
    /// What the left end is rounded down to; one microsecond, that is not at all, for an exact window.
    package let hop: TimeSpan

    package init(span: TimeSpan, isExact: Bool) {
        self.span = span
        hop = isExact ? TimeSpan(microseconds: 1) : roundingHop(of: span)
    }

    package func left(at time: Timestamp) -> Timestamp { Timestamp(microseconds: left(at: time.microseconds)) }

    @inline(__always)
    func left(at time: Int64) -> Int64 { flooredTime(time &- span.microseconds, hop.microseconds) }
}

/// The left ends of windows of 12 days and more are rounded down to a day, of 12 hours and more to an hour, of shorter
/// ones to 5 minutes (DESIGN section 4).
package func roundingHop(of span: TimeSpan) -> TimeSpan {
    if span >= .days(12) { return .days(1) }
    return span >= .hours(12) ? .hours(1) : .minutes(5)
}

/// Rounded down to a multiple of `step`, also below zero.
@inline(__always)
func flooredTime(_ time: Int64, _ step: Int64) -> Int64 {
    if step == 1 { return time }
    let remainder = time % step
    return time &- (remainder < 0 ? remainder &+ step : remainder)
}
