import MartletCore

/// The one-pass way: events ascend by the time from which they can be seen, and are merged with the labels in time
/// order.
///
/// Several threads take a stretch of time each. A stretch knows nothing of the events before it, so that its labels are
/// looked at once more with what the stretches before it left behind.
/// - Parameter visibleTimes: from when on each event can be seen, ascending; nil for its event time.
func mergedLatestRows(
    _ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64]?, parts: Int
) -> [Int32] {
    if let visibleTimes { return merged(labels, events, visibleTimes, parts: parts, LatestCandidate.self) }
    return merged(labels, events, events.eventTimes, parts: parts, AscendingCandidate.self)
}

private func merged<Candidate: RowCandidate>(
    _ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64], parts: Int, _: Candidate.Type
) -> [Int32] {
    let keyCount = Int(labels.ids.max() ?? -1) + 1
    let (stretches, order) = makeStretches(labels.times, visibleTimes, parts: parts)
    var winners = [Int32](repeating: -1, count: labels.count)
    var latest = [Candidate](repeating: .none, count: keyCount * stretches.count)
    winners.withUnsafeMutableBufferPointer { winners in
        latest.withUnsafeMutableBufferPointer { latest in
            let shared = (winners: SharedBuffer(winners), latest: SharedBuffer(latest))
            parallelFor(stretches.count, threads: parts) { part in
                let known = shared.latest.base + part * keyCount
                merge(stretches[part], labels, order, events, visibleTimes, known, keyCount, shared.winners)
            }
            // What is known at the end of each stretch, of all stretches up to it.
            for place in 0..<max(0, stretches.count - 1) * keyCount {
                let (before, after) = (Int(latest[place].row), Int(latest[place + keyCount].row))
                if before >= 0, after < 0 || isLater(before, than: after, events) {
                    latest[place + keyCount] = latest[place]
                }
            }
            for (part, stretch) in stretches.dropFirst().enumerated() {
                let times = events.eventTimes[stretch.rows]
                let oldest = (Candidate.ascends ? times.first : times.min()) ?? .max
                parallelRanges(of: stretch.labels.count, threads: parts) { range in
                    let known = shared.latest.base + part * keyCount
                    let first = stretch.labels.lowerBound
                    handOver(
                        known, to: first + range.lowerBound..<first + range.upperBound, labels, order, events,
                        oldest, shared.winners)
                }
            }
        }
    }
    return winners
}

/// Some rows, and the labels that see no row after them and all rows before them.
private struct Stretch: Sendable {
    var rows: Range<Int>
    /// Places in the time order of the labels.
    var labels: Range<Int>
}

/// - Returns: as many stretches as parts, and the labels in time order; nil where they stand in it.
private func makeStretches(
    _ times: [Int64], _ visibleTimes: [Int64], parts: Int
) -> (stretches: [Stretch], order: [TimedRow]?) {
    let rowStarts = (0...parts).map { visibleTimes.count * $0 / parts }
    // The first stretch has the labels before its first row too.
    let bounds = visibleTimes.isEmpty ? [] : rowStarts[1..<parts].map { visibleTimes[$0] }
    let order: [TimedRow]?
    var labelStarts = [Int](repeating: times.count, count: parts + 1)
    labelStarts[0] = 0
    if isAscending(times) {
        order = nil
        for (index, bound) in bounds.enumerated() { labelStarts[index + 1] = firstRow(at: bound, times) }
    } else {
        let sorted = rowsInTimeOrder(times, bounds: bounds)
        order = sorted.rows
        labelStarts.replaceSubrange(0..<sorted.starts.count, with: sorted.starts)
    }
    let stretches = (0..<parts).map {
        Stretch(rows: rowStarts[$0]..<rowStarts[$0 + 1], labels: labelStarts[$0]..<labelStarts[$0 + 1])
    }
    return (stretches, order)
}

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

/// The rows sorted by time, equal times in row order. They are dealt out to the stretches between the bounds first, and
/// these are sorted at the same time.
/// - Returns: the rows, where each stretch begins, and behind the last the number of rows.
private func rowsInTimeOrder(_ times: [Int64], bounds: [Int64]) -> (rows: [TimedRow], starts: [Int]) {
    let parts = bounds.count + 1
    let chunks = (0...parts).map { times.count * $0 / parts }
    // For each stretch the places of each chunk's rows, in the order of the chunks.
    var places = [Int](repeating: 0, count: parts * parts)
    var starts: [Int] = []
    let rows = [TimedRow](count: times.count) { rows in
        places.withUnsafeMutableBufferPointer { places in
            let shared = (rows: SharedBuffer(rows), places: SharedBuffer(places))
            parallelFor(parts, threads: parts) { chunk in
                for row in chunks[chunk]..<chunks[chunk + 1] {
                    shared.places.base[stretch(of: times[row], bounds) * parts + chunk] += 1
                }
            }
            var total = 0
            for place in places.indices {
                if place % parts == 0 { starts.append(total) }
                let count = places[place]
                places[place] = total
                total += count
            }
            starts.append(total)
            let bounded = starts
            parallelFor(parts, threads: parts) { chunk in
                for row in chunks[chunk]..<chunks[chunk + 1] {
                    let place = stretch(of: times[row], bounds) * parts + chunk
                    shared.rows.base[shared.places.base[place]] = TimedRow(
                        time: times[row], row: Int32(truncatingIfNeeded: row))
                    shared.places.base[place] += 1
                }
            }
            parallelFor(parts, threads: parts) { part in
                let region = UnsafeMutableBufferPointer(
                    start: shared.rows.base + bounded[part], count: bounded[part + 1] - bounded[part])
                var sorted = Array(region)
                sortByTime(&sorted)
                _ = region.update(fromContentsOf: sorted)
            }
        }
    }
    return (rows, starts)
}

/// How many bounds are not after the time.
@inline(__always)
private func stretch(of time: Int64, _ bounds: [Int64]) -> Int {
    var count = 0
    for bound in bounds where bound <= time { count &+= 1 }
    return count
}

private func merge<Candidate: RowCandidate>(
    _ stretch: Stretch, _ labels: LabelColumns, _ order: [TimedRow]?, _ events: EventColumns, _ visibleTimes: [Int64],
    _ latest: UnsafeMutablePointer<Candidate>, _ keyCount: Int, _ winners: SharedBuffer<Int32>
) {
    let width = UInt32(keyCount)
    events.ids.withUnsafeBufferPointer { ids in
        visibleTimes.withUnsafeBufferPointer { visibleTimes in
            events.eventTimes.withUnsafeBufferPointer { eventTimes in
                var row = stretch.rows.lowerBound
                var firstOfTime = row
                func take(until time: Int64) {
                    while row < stretch.rows.upperBound && visibleTimes[row] <= time {
                        if visibleTimes[row] != visibleTimes[firstOfTime] { firstOfTime = row }
                        let id = UInt32(bitPattern: ids[row])
                        if id < width {
                            latest[Int(id)].offer(row, eventTime: eventTimes[row], firstOfTime: firstOfTime, events)
                        }
                        row &+= 1
                    }
                }
                func give(_ label: Int, _ time: Int64) {
                    take(until: time)
                    let id = UInt32(bitPattern: labels.ids[label])
                    if id < width { winners.base[label] = latest[Int(id)].row }
                }
                if let order {
                    for place in stretch.labels { give(Int(order[place].row), order[place].time) }
                } else {
                    for label in stretch.labels { give(label, labels.times[label]) }
                }
                // The next stretch builds on all of them.
                take(until: .max)
            }
        }
    }
}

/// Lets labels of a stretch see what was known before it.
/// - Parameter oldest: no row with an earlier event time comes after one of the stretch.
private func handOver<Candidate: RowCandidate>(
    _ known: UnsafeMutablePointer<Candidate>, to places: Range<Int>, _ labels: LabelColumns, _ order: [TimedRow]?,
    _ events: EventColumns, _ oldest: Int64, _ winners: SharedBuffer<Int32>
) {
    for place in places {
        let label = order.map { Int($0[place].row) } ?? place
        let id = labels.ids[label]
        if id < 0 || known[Int(id)].row < 0 { continue }
        let before = Int(known[Int(id)].row)
        let winner = Int(winners.base[label])
        if winner < 0 || (events.eventTimes[before] >= oldest && isLater(before, than: winner, events)) {
            winners.base[label] = Int32(truncatingIfNeeded: before)
        }
    }
}
