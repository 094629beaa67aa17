import MartletCore

/// The way for events in any order: the labels are grouped by entity and sorted by time, each event goes to the first label that
/// sees it, and the best so far is handed on from label to label.
func droppedLatestRows(_ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64], parts: Int) -> [Int32] {
    let keyCount = Int(labels.ids.max() ?? -1) + 1
    let grouping = RowGrouping(ids: labels.ids, keyCount: keyCount, parts: 1).sortedWithinGroups(by: labels.times)
    let times = grouping.rows.map { labels.times[Int($0)] }
    var best = [LatestCandidate](repeating: .none, count: grouping.rows.count)
    var winners = [Int32](repeating: -1, count: labels.count)
    best.withUnsafeMutableBufferPointer { best in
        winners.withUnsafeMutableBufferPointer { winners in
            let shared = (best: SharedBuffer(best), winners: SharedBuffer(winners))
            parallelFor(parts, threads: parts) { part in
                let entities = Int32(keyCount * part / parts)..<Int32(keyCount * (part + 1) / parts)
                drop(events, visibleTimes, entities, grouping, times, shared.best)
                handOn(events, entities, grouping, shared.best, shared.winners)
            }
        }
    }
    return winners
}

private func drop(
    _ events: EventColumns, _ visibleTimes: [Int64], _ entities: Range<Int32>, _ grouping: RowGrouping, _ times: [Int64],
    _ best: SharedBuffer<LatestCandidate>
) {
    let width = UInt32(entities.count)
    times.withUnsafeBufferPointer { times in
        for row in 0..<events.count {
            let id = events.ids[row]
            guard UInt32(bitPattern: id &- entities.lowerBound) < width else { continue }
            // The first label at or after the moment from which the row can be seen.
            var start = Int(grouping.offsets[Int(id)])
            let end = Int(grouping.offsets[Int(id) + 1])
            var count = end - start
            let time = visibleTimes[row]
            while count > 0 {
                let half = count >> 1
                let isBefore = times[start + half] < time
                start = isBefore ? start + half + 1 : start
                count = isBefore ? count - half - 1 : half
            }
            guard start < end else { continue }
            best.base[start].offer(row, eventTime: events.eventTimes[row], events)
        }
    }
}

private func handOn(
    _ events: EventColumns, _ entities: Range<Int32>, _ grouping: RowGrouping, _ best: SharedBuffer<LatestCandidate>,
    _ winners: SharedBuffer<Int32>
) {
    for id in entities {
        var latest = LatestCandidate.none
        for place in grouping.range(Int(id)) {
            let candidate = best.base[place]
            if candidate.row >= 0 { latest.offer(Int(candidate.row), eventTime: candidate.eventTime, events) }
            winners.base[Int(grouping.rows[place])] = latest.row
        }
    }
}
