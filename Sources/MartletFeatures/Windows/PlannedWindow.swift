package import MartletCore
package import MartletDefinitions

/// One window of a plan: at `t` it holds the events with `left(at: t) <= eventTime < right(at: t)`; where its shape is
/// not by time alone, those of them that the shape takes.
package struct PlannedWindow: Sendable, Hashable {
    package let span: TimeSpan
    package let shape: WindowShape
    /// How long before `t` the window is seen from.
    package let lag: TimeSpan
    /// What the ends are rounded down to; one microsecond, that is not at all, for an exact window.
    package let hop: TimeSpan

    /// - Precondition: windows that are not by time have no lag.
    package init(span: TimeSpan, isExact: Bool, shape: WindowShape = .sliding, lag: TimeSpan = .zero) {
        precondition(shape.isByTime || lag == .zero, "a window of \(shape) has no lag")
        self.span = span
        self.shape = shape
        self.lag = lag
        hop = isExact || !shape.isByTime ? TimeSpan(microseconds: 1) : windowHop(span)
    }

    package func left(at time: Timestamp) -> Timestamp { Timestamp(microseconds: left(at: time.microseconds)) }
    package func right(at time: Timestamp) -> Timestamp { Timestamp(microseconds: end.right(at: time.microseconds)) }

    /// The earliest time that an event of the window can have.
    @inline(__always)
    func left(at time: Int64) -> Int64 {
        switch shape {
        case .tumbling: end.right(at: time) &- span.microseconds
        default: flooredToMultiple(time &- lag.microseconds &- span.microseconds, of: hop.microseconds)
        }
    }

    /// The moment that the window is seen from.
    @inline(__always)
    func moment(at time: Int64) -> Int64 { time &- lag.microseconds }

    /// No event that the window holds at `t` happened before `t - reach`, rounded down to the hop.
    var reach: TimeSpan {
        let spans: Int64 = if case .tumbling = shape { 2 } else { 1 }
        return TimeSpan(microseconds: lag.microseconds + spans * span.microseconds)
    }

    var end: WindowEnd {
        switch shape {
        case .tumbling: WindowEnd(lag: lag.microseconds, step: span.microseconds)
        // The moment itself needs no rounding: what happens after it is not known yet.
        default: WindowEnd(lag: lag.microseconds, step: lag == .zero ? 1 : hop.microseconds)
        }
    }
}

/// Where windows end, to the right.
struct WindowEnd: Sendable, Hashable {
    var lag: Int64
    var step: Int64

    /// The first time after the window.
    @inline(__always)
    func right(at time: Int64) -> Int64 { flooredToMultiple(time &- lag, of: step) }
}
