/// Which of two events of an entity is later: by event time, then by arrival, then by position (DESIGN section 4).
package struct OrderKey: Sendable, Hashable, Comparable, BitwiseCopyable {
    /// Microseconds since the epoch.
    package var eventTime: Int64
    /// Microseconds since the epoch; 0 for events without one.
    package var arrivalTime: Int64
    /// The place in the log, or else the number of the row.
    package var position: Int64

    package init(eventTime: Int64, arrivalTime: Int64, position: Int64) {
        self.eventTime = eventTime
        self.arrivalTime = arrivalTime
        self.position = position
    }

    @inline(__always)
    package static func < (left: OrderKey, right: OrderKey) -> Bool {
        if left.eventTime != right.eventTime { return left.eventTime < right.eventTime }
        if left.arrivalTime != right.arrivalTime { return left.arrivalTime < right.arrivalTime }
        return left.position < right.position
    }
}
