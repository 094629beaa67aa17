import MartletCore

/// The one-pass way: events ascend by the time from which they can be seen. Each part passes over all rows and keeps
/// those of its entities, which costs a comparison a row and needs no agreement between parts.
func mergedLatestRows(_ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64], parts: Int) -> [Int32] {
    let order = rowsInTimeOrder(labels.times)
    let keyCount = Int(labels.ids.max() ?? -1) + 1
    var winners = [Int32](repeating: -1, count: labels.count)
    winners.withUnsafeMutableBufferPointer { winners in
        let result = SharedBuffer(winners)
        parallelFor(parts, threads: parts) { part in
            let first = Int32(keyCount * part / parts)
            let end = Int32(keyCount * (part + 1) / parts)
            mergeEntities(first..<end, labels, order, events, visibleTimes, result)
        }
    }
    return winners
}

private func mergeEntities(
    _ entities: Range<Int32>, _ labels: LabelColumns, _ order: [Int32]?, _ events: EventColumns,
    _ visibleTimes: [Int64],
    _ winners: SharedBuffer<Int32>
) {
    var latest = [LatestCandidate](repeating: .none, count: entities.count)
    let width = UInt32(entities.count)
    latest.withUnsafeMutableBufferPointer { latest in
        events.ids.withUnsafeBufferPointer { ids in
            visibleTimes.withUnsafeBufferPointer { visibleTimes in
                events.eventTimes.withUnsafeBufferPointer { eventTimes in
                    var row = 0
                    for index in 0..<labels.count {
                        let label = order.map { Int($0[index]) } ?? index
                        let time = labels.times[label]
                        while row < ids.count && visibleTimes[row] <= time {
                            let place = UInt32(bitPattern: ids[row] &- entities.lowerBound)
                            if place < width { latest[Int(place)].offer(row, eventTime: eventTimes[row], events) }
                            row &+= 1
                        }
                        let place = UInt32(bitPattern: labels.ids[label] &- entities.lowerBound)
                        if place < width { winners.base[label] = latest[Int(place)].row }
                    }
                }
            }
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
