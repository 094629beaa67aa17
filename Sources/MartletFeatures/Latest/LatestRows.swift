package import MartletCore
import Synchronization

/// For each label the row of its entity's latest event, or -1: the greatest event time `<= t` and `>= t - ttl`, ties to
/// the later arrival, then to the later position (DESIGN section 4).
///
/// Two ways, with the same answer. Events that come in the order in which they become visible, as tables and logs have
/// them, are merged with the labels in one pass that remembers each entity's latest row. Others are each dropped on the
/// first label of their entity that may see them, found by binary search, and then handed on along the entity's labels;
/// no event is moved or sorted. Both are parallel over entities. O(events + labels) and O(events * log(labels of an
/// entity) + labels).
///
/// - Parameters:
///   - ttl: the greatest age; nil means any.
///   - asKnown: whether only events that had arrived at `t` count.
/// - Returns: a row of `events` for each label, in the order of the labels.
/// - Throws: `limitExceeded` for times beyond `timeLimitMicroseconds`, `invalidInput` for `asKnown` without arrival
///   times.
package func latestRows(
    labels: LabelColumns, events: EventColumns, ttl: TimeSpan?, asKnown: Bool = false, threads: Int = processorCount
) throws(MartletError) -> [Int32] {
    try checkTimes(labels.times, "label time", threads: threads)
    try checkTimes(events.eventTimes, "event time", threads: threads)
    try requireArrivalTimes(events, asKnown: asKnown)

    // From when on a row can be seen, where it is not its event time: this is what a label's time is compared with.
    var visibleTimes: [Int64]?
    if asKnown, let arrivals = events.arrivalTimes {
        visibleTimes = elementwiseMaximum(events.eventTimes, arrivals)
    }
    let parts = threads > 1 && events.count + labels.count > 50_000 ? threads : 1
    var winners =
        isAscending(visibleTimes ?? events.eventTimes, threads: parts)
        ? mergedLatestRows(labels, events, visibleTimes, parts: parts)
        : droppedLatestRows(labels, events, visibleTimes ?? events.eventTimes, parts: parts)
    if let ttl {
        winners.withUnsafeMutableBufferPointer { winners in
            let shared = SharedBuffer(winners)
            parallelRanges(of: shared.count, threads: parts) { range in
                for label in range where shared.base[label] >= 0 {
                    let age = labels.times[label] - events.eventTimes[Int(shared.base[label])]
                    if age > ttl.microseconds { shared.base[label] = -1 }
                }
            }
        }
    }
    return winners
}

private func elementwiseMaximum(_ left: [Int64], _ right: [Int64]) -> [Int64] {
    [Int64](count: left.count) { result in
        for index in left.indices { result[index] = max(left[index], right[index]) }
    }
}

func isAscending(_ times: [Int64], threads: Int = 1) -> Bool {
    let hasDescent = Atomic<Bool>(false)
    parallelRanges(of: times.count, threads: threads) { range in
        times.withUnsafeBufferPointer { times in
            // Stretch by stretch, without a way out inside, so that many are compared at once.
            for start in stride(from: max(1, range.lowerBound), to: range.upperBound, by: 4_096) {
                if hasDescent.load(ordering: .relaxed) { return }
                var descents = 0
                for index in start..<min(start + 4_096, range.upperBound) {
                    descents &+= times[index] < times[index &- 1] ? 1 : 0
                }
                if descents > 0 { hasDescent.store(true, ordering: .relaxed) }
            }
        }
    }
    return !hasDescent.load(ordering: .relaxed)
}

/// Whether `row` comes after `other` in the order of events.
@inline(__always)
func isLater(_ row: Int, than other: Int, _ events: borrowing EventColumns) -> Bool {
    let time = events.eventTimes[row]
    let otherTime = events.eventTimes[other]
    if time != otherTime { return time > otherTime }
    return isLaterInTie(row, than: other, events)
}

/// As `isLater`, of rows with equal event times.
@inline(never)
func isLaterInTie(_ row: Int, than other: Int, _ events: borrowing EventColumns) -> Bool {
    if let arrivals = events.arrivalTimes, arrivals[row] != arrivals[other] { return arrivals[row] > arrivals[other] }
    if let positions = events.positions, positions[row] != positions[other] { return positions[row] > positions[other] }
    return row > other
}
