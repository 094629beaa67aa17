import MartletCore

/// The one-pass way: events ascend by the time from which they can be seen, and are merged with the labels in time
/// order.
///
/// Several threads take a stretch of time each. A stretch knows nothing of the events before it, so that its labels are
/// looked at once more with what the stretches before it left behind.
func mergedLatestRows(
    _ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64], parts: Int
) -> [Int32] {
    let order = rowsInTimeOrder(labels.times)
    let keyCount = Int(labels.ids.max() ?? -1) + 1
    let stretches = makeStretches(labels.times, order, visibleTimes, parts: parts)
    var winners = [Int32](repeating: -1, count: labels.count)
    var latest = [LatestCandidate](repeating: .none, count: keyCount * stretches.count)
    winners.withUnsafeMutableBufferPointer { winners in
        latest.withUnsafeMutableBufferPointer { latest in
            let shared = (winners: SharedBuffer(winners), latest: SharedBuffer(latest))
            parallelFor(stretches.count, threads: parts) { part in
                let known = shared.latest.base + part * keyCount
                merge(stretches[part], labels, order, events, visibleTimes, known, keyCount, shared.winners)
            }
            // What is known at the end of each stretch, of all stretches up to it.
            for place in 0..<max(0, stretches.count - 1) * keyCount where latest[place].row >= 0 {
                let before = latest[place]
                latest[place + keyCount].offer(Int(before.row), eventTime: before.eventTime, events)
            }
            parallelFor(max(0, stretches.count - 1), threads: parts) { part in
                let known = shared.latest.base + part * keyCount
                handOver(known, to: stretches[part + 1], labels, order, events, keyCount, shared.winners)
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

private func makeStretches(
    _ times: [Int64], _ order: [Int32]?, _ visibleTimes: [Int64], parts: Int
) -> [Stretch] {
    func firstLabel(at time: Int64) -> Int {
        var start = 0
        var count = times.count
        while count > 0 {
            let half = count >> 1
            if times[order.map { Int($0[start + half]) } ?? start + half] < time {
                start += half + 1
                count -= half + 1
            } else {
                count = half
            }
        }
        return start
    }
    let rowStarts = (0..<parts).map { visibleTimes.count * $0 / parts } + [visibleTimes.count]
    let labelStarts = (0...parts).map { part in
        part == 0
            ? 0 : part == parts || visibleTimes.isEmpty ? times.count : firstLabel(at: visibleTimes[rowStarts[part]])
    }
    return (0..<parts).map {
        Stretch(rows: rowStarts[$0]..<rowStarts[$0 + 1], labels: labelStarts[$0]..<labelStarts[$0 + 1])
    }
}

private func merge(
    _ stretch: Stretch, _ labels: LabelColumns, _ order: [Int32]?, _ events: EventColumns, _ visibleTimes: [Int64],
    _ latest: UnsafeMutablePointer<LatestCandidate>, _ keyCount: Int, _ winners: SharedBuffer<Int32>
) {
    let width = UInt32(keyCount)
    events.ids.withUnsafeBufferPointer { ids in
        visibleTimes.withUnsafeBufferPointer { visibleTimes in
            events.eventTimes.withUnsafeBufferPointer { eventTimes in
                var row = stretch.rows.lowerBound
                func take(until time: Int64) {
                    while row < stretch.rows.upperBound && visibleTimes[row] <= time {
                        let id = UInt32(bitPattern: ids[row])
                        if id < width { latest[Int(id)].offer(row, eventTime: eventTimes[row], events) }
                        row &+= 1
                    }
                }
                for place in stretch.labels {
                    let label = order.map { Int($0[place]) } ?? place
                    take(until: labels.times[label])
                    let id = UInt32(bitPattern: labels.ids[label])
                    if id < width { winners.base[label] = latest[Int(id)].row }
                }
                // The next stretch builds on all of them.
                take(until: .max)
            }
        }
    }
}

/// Lets the labels of a stretch see what was known before it.
private func handOver(
    _ known: UnsafeMutablePointer<LatestCandidate>, to stretch: Stretch, _ labels: LabelColumns, _ order: [Int32]?,
    _ events: EventColumns, _ keyCount: Int, _ winners: SharedBuffer<Int32>
) {
    let oldest = events.eventTimes[stretch.rows].min() ?? .max
    for place in stretch.labels {
        let label = order.map { Int($0[place]) } ?? place
        let id = labels.ids[label]
        if id < 0 || known[Int(id)].row < 0 { continue }
        let before = known[Int(id)]
        let winner = winners.base[label]
        if winner < 0 {
            winners.base[label] = before.row
        } else if before.eventTime >= oldest, isLater(Int(before.row), than: Int(winner), events) {
            winners.base[label] = before.row
        }
    }
}

/// The rows sorted by time, equal times in row order; nil where they are sorted as they stand.
func rowsInTimeOrder(_ times: [Int64]) -> [Int32]? {
    if isAscending(times) { return nil }
    var keyed = times.enumerated().map { TimedRow(time: $1, row: Int32(truncatingIfNeeded: $0)) }
    sortByTime(&keyed)
    return keyed.map(\.row)
}
