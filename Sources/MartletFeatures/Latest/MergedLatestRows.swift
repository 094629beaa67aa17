import MartletCore

/// The one-pass way: events ascend by the time from which they can be seen, and are merged with the labels in time
/// order.
///
/// Several threads take a stretch of time each. A stretch knows nothing of the events before it, so that those of its
/// labels that may need one are looked at once more with what the stretches before it left behind.
/// - Parameters:
///   - visibleTimes: from when on each event can be seen, ascending; nil for its event time.
///   - ttl: the greatest age, microseconds; `Int64.max` for any.
func mergedLatestRows(
    _ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64]?, ttl: Int64 = .max, parts: Int
) -> [Int32] {
    if let visibleTimes { return merged(labels, events, visibleTimes, ttl, parts, LatestCandidate.self) }
    return merged(labels, events, events.eventTimes, ttl, parts, AscendingCandidate.self)
}

private func merged<Candidate: RowCandidate>(
    _ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64], _ ttl: Int64, _ parts: Int,
    _: Candidate.Type
) -> [Int32] {
    let rowStarts = (0...parts).map { visibleTimes.count * $0 / parts }
    // The first stretch has the labels before its first row too.
    let bounds = visibleTimes.isEmpty ? [] : rowStarts[1..<parts].map { visibleTimes[$0] }
    func winners<Order: LabelOrder>(_ order: Order, _ starts: [Int]) -> [Int32] {
        // Without a row all labels are in the first stretch.
        let starts = starts + [Int](repeating: labels.count, count: parts + 1 - starts.count)
        let stretches = (0..<parts).map {
            Stretch(rows: rowStarts[$0]..<rowStarts[$0 + 1], labels: starts[$0]..<starts[$0 + 1])
        }
        return StretchMerge<Candidate, Order>(
            labels: labels, order: order, events: events, visibleTimes: visibleTimes, ttl: ttl
        ).winners(stretches, threads: parts)
    }
    if isAscending(labels.times, threads: parts) {
        return winners(GivenOrder(times: labels.times), [0] + bounds.map { firstRow(at: $0, labels.times) })
    }
    if let packing = LabelPacking(labels.times, threads: parts) {
        let sorted = sortedInStretches(labels.times, bounds: bounds) {
            packing.packed(row: $0, time: $1)
        } sort: {
            sortWords($0, lowest: packing.rowBits)
        }
        return winners(PackedOrder(words: sorted.elements, packing: packing), sorted.starts)
    }
    let sorted = sortedInStretches(labels.times, bounds: bounds) {
        TimedRow(time: $1, row: Int32(truncatingIfNeeded: $0))
    } sort: { region in
        var rows = Array(region)
        sortByTime(&rows)
        _ = region.update(fromContentsOf: rows)
    }
    return winners(WideOrder(rows: sorted.elements), sorted.starts)
}

/// The first row whose time is not before `time`.
private func firstRow(at time: Int64, _ times: [Int64]) -> Int {
    var start = 0
    var count = times.count
    while count > 0 {
        let half = count >> 1
        if times[start + half] < time {
            start += half + 1
            count -= half + 1
        } else {
            count = half
        }
    }
    return start
}
