package import MartletCore
import Synchronization

/// The events that features are computed from, column by column. Any order of rows; rows already in event-time order
/// are cheapest.
package struct EventColumns: Sendable {
    /// The entity of each row as numbered by `EntityIndex`; a negative one belongs to nobody.
    package var ids: [Int32]
    /// Microseconds since the epoch, within ±2^61.
    package var eventTimes: [Int64]
    /// Microseconds since the epoch, within ±2^61; what `asKnown` and ties go by.
    package var arrivalTimes: [Int64]?
    /// When each event was known to be none any more, `Int64.max` where it still counts. `asKnown` an event counts at
    /// times `arrival <= t < removal`; otherwise one that was taken back never was. nil where none was.
    package var removalTimes: [Int64]?
    /// The place of each event in the log, different for each: what breaks the last ties. nil means the order of the
    /// rows, and so do equal places; equal values are then what makes the answer the same in any order.
    package var positions: [Int64]?
    /// The columns that aggregates read.
    package var inputs: [Column]

    /// - Precondition: all of equal length, at most `Int32.max`.
    package init(
        ids: [Int32], eventTimes: [Int64], arrivalTimes: [Int64]? = nil, removalTimes: [Int64]? = nil,
        positions: [Int64]? = nil, inputs: [Column] = []
    ) {
        precondition(ids.count <= Int(Int32.max), "a batch has at most 2^31 - 1 rows")
        precondition(eventTimes.count == ids.count, "one event time a row")
        precondition(arrivalTimes.map { $0.count == ids.count } ?? true, "one arrival time a row")
        precondition(removalTimes.map { $0.count == ids.count } ?? true, "one removal time a row")
        precondition(positions.map { $0.count == ids.count } ?? true, "one position a row")
        precondition(inputs.allSatisfy { $0.count == ids.count }, "one value a row in each column")
        self.ids = ids
        self.eventTimes = eventTimes
        self.arrivalTimes = arrivalTimes
        self.removalTimes = removalTimes
        self.positions = positions
        self.inputs = inputs
    }

    package var count: Int { ids.count }

    @inline(__always)
    package func orderKey(_ row: Int) -> OrderKey {
        OrderKey(
            eventTime: eventTimes[row], arrivalTime: arrivalTimes?[row] ?? 0, position: positions?[row] ?? Int64(row))
    }
}

/// The moments at which features are wanted: the rows of a label table, in its order.
package struct LabelColumns: Sendable {
    /// The entity of each label; a negative one is unknown and gets the features of no events.
    package var ids: [Int32]
    /// Microseconds since the epoch, within ±2^61.
    package var times: [Int64]

    /// - Precondition: equal lengths, at most `Int32.max`.
    package init(ids: [Int32], times: [Int64]) {
        precondition(
            ids.count == times.count && ids.count <= Int(Int32.max), "one time a label, at most 2^31 - 1 labels")
        self.ids = ids
        self.times = times
    }

    package var count: Int { ids.count }
}

/// The greatest distance from the epoch, 73,000 years, so that no sum of a time and a window overflows.
package let timeLimitMicroseconds: Int64 = 1 << 61

/// - Throws: `limitExceeded` where a time is further than `timeLimitMicroseconds` from the epoch.
func checkTimes(_ times: [Int64], _ name: String, threads: Int = 1) throws(MartletError) {
    _ = try checkedTimes(times, name, threads: threads)
}

/// - Returns: whether the times ascend.
/// - Throws: `limitExceeded` where a time is further than `timeLimitMicroseconds` from the epoch.
func checkedTimes(_ times: [Int64], _ name: String, threads: Int = 1) throws(MartletError) -> Bool {
    let (reach, differences) = survey(times, threads: threads)
    guard reach < 2 * UInt64(timeLimitMicroseconds) else {
        throw MartletError(.limitExceeded, "a \(name) lies more than 73,000 years from 1970", fix: "check its unit")
    }
    return differences >= 0
}

/// - Precondition: the times are within `timeLimitMicroseconds`.
func isAscending(_ times: [Int64], threads: Int = 1) -> Bool { survey(times, threads: threads).differences >= 0 }

/// Bits of all times together, by operations that every processor does on several at once: none compares.
/// - Returns: the bits that some time has above the lower limit, more than the limits are apart where one is beyond
///   them; and those of the differences to the time in front, negative where one is before it.
private func survey(_ times: [Int64], threads: Int) -> (reach: UInt64, differences: Int64) {
    let allReach = Atomic<UInt64>(0)
    let allDifferences = Atomic<Int64>(0)
    parallelRanges(of: times.count, threads: threads) { range in
        times.withUnsafeBufferPointer { times in
            guard !range.isEmpty else { return }
            var reach = UInt64(bitPattern: times[range.lowerBound] &+ timeLimitMicroseconds)
            var differences = range.lowerBound > 0 ? times[range.lowerBound] &- times[range.lowerBound - 1] : 0
            for index in range.lowerBound + 1..<max(range.lowerBound + 1, range.upperBound) {
                reach |= UInt64(bitPattern: times[index] &+ timeLimitMicroseconds)
                differences |= times[index] &- times[index &- 1]
            }
            allReach.bitwiseOr(reach, ordering: .relaxed)
            allDifferences.bitwiseOr(differences, ordering: .relaxed)
        }
    }
    return (allReach.load(ordering: .relaxed), allDifferences.load(ordering: .relaxed))
}

/// - Throws: `limitExceeded` where an arrival time is further than `timeLimitMicroseconds` from the epoch,
///   `invalidInput` where `asKnown` is asked of events without arrival times.
func requireArrivalTimes(_ events: EventColumns, asKnown: Bool, threads: Int = 1) throws(MartletError) {
    if let arrivals = events.arrivalTimes {
        try checkTimes(arrivals, "arrival time", threads: threads)
    } else if asKnown && events.count > 0 {
        throw MartletError(
            .invalidInput, "features as known need the arrival times of the events",
            fix: "declare `arrivalTime` in the source")
    }
}
