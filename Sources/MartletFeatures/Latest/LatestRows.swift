package import MartletCore

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
///   - asKnown: whether only events that had arrived at `t`, and were not taken back by then, count.
/// - Returns: a row of `events` for each label, in the order of the labels.
/// - Throws: `limitExceeded` for times beyond `timeLimitMicroseconds`, `invalidInput` for `asKnown` without arrival
///   times.
package func latestRows(
    labels: LabelColumns, events: EventColumns, ttl: TimeSpan?, asKnown: Bool = false, threads: Int = processorCount
) throws(MartletError) -> [Int32] {
    if events.removalTimes != nil {
        guard asKnown else {
            return try latestRows(labels: labels, events: events.withoutRemoved(), ttl: ttl, threads: threads)
        }
        var plain = events
        plain.removalTimes = nil
        var winners = try latestRows(labels: labels, events: plain, ttl: ttl, asKnown: true, threads: threads)
        replaceRowsOfChangedEntities(&winners, labels, events, ttl: ttl)
        return winners
    }
    try checkTimes(labels.times, "label time", threads: threads)
    let ascends = try checkedTimes(events.eventTimes, "event time", threads: threads)
    try requireArrivalTimes(events, asKnown: asKnown, threads: threads)
    let ttl = ttl?.microseconds ?? .max
    let parts = threads > 1 && events.count + labels.count > 50_000 ? threads : 1
    // From when on a row can be seen, where it is not its event time: this is what a label's time is compared with.
    if asKnown, let arrivals = events.arrivalTimes {
        let visibleTimes = elementwiseMaximum(events.eventTimes, arrivals)
        if isAscending(visibleTimes, threads: parts) {
            return mergedLatestRows(labels, events, visibleTimes, ttl: ttl, parts: parts)
        }
        return droppedLatestRows(labels, events, visibleTimes, ttl: ttl, parts: parts)
    }
    return ascends
        ? mergedLatestRows(labels, events, nil, ttl: ttl, parts: parts)
        : droppedLatestRows(labels, events, events.eventTimes, ttl: ttl, parts: parts)
}

private func elementwiseMaximum(_ left: [Int64], _ right: [Int64]) -> [Int64] {
    [Int64](count: left.count) { result in
        for index in left.indices { result[index] = max(left[index], right[index]) }
    }
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
