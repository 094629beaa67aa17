import MartletCore

/// The way for events in any order: the labels are grouped by entity and sorted by time, each event goes to the first
/// label that sees it, and the best so far is handed on from label to label.
/// - Parameter ttl: the greatest age, microseconds; `Int64.max` for any.
func droppedLatestRows(
    _ labels: LabelColumns, _ events: EventColumns, _ visibleTimes: [Int64], ttl: Int64 = .max, parts: Int
) -> [Int32] {
    let keyCount = Int(labels.ids.max() ?? -1) + 1
    let grouping = RowGrouping(ids: labels.ids, keyCount: keyCount, parts: parts)
        .sortedWithinGroups(by: labels.times, parts: parts)
    let times = grouping.rows.map { labels.times[Int($0)] }
    var best = [LatestCandidate](repeating: .none, count: grouping.rows.count)
    var winners = [Int32](repeating: -1, count: labels.count)
    best.withUnsafeMutableBufferPointer { best in
        winners.withUnsafeMutableBufferPointer { winners in
            let shared = (best: SharedBuffer(best), winners: SharedBuffer(winners))
            parallelFor(parts, threads: parts) { part in
                let entities = Int32(keyCount * part / parts)..<Int32(keyCount * (part + 1) / parts)
                drop(events, visibleTimes, entities, grouping, times, shared.best)
                handOn(events, entities, grouping, times, ttl, shared.best, shared.winners)
            }
        }
    }
    return winners
}

/// An event on its way to a label.
private struct DroppedEvent: BitwiseCopyable {
    var visibleTime: Int64
    var id: Int32
    var row: Int32
}

/// How many events are sorted into buckets at a time, 16 bytes each.
private let blockCount = 1 << 18
/// How many labels a bucket should have at most: their times and candidates, 24 bytes each, stay in the cache.
private let bucketLabelCount = 1 << 14

/// Drops each event of some entities on its label. Events go into buckets of neighbouring entities first, because
/// labels are visited in no order: bucket by bucket they are found in the cache instead of in memory.
private func drop(
    _ events: EventColumns, _ visibleTimes: [Int64], _ entities: Range<Int32>, _ grouping: RowGrouping,
    _ times: [Int64],
    _ best: SharedBuffer<LatestCandidate>
) {
    if entities.isEmpty { return }
    let width = UInt32(entities.count)
    let wantedBuckets = max(1, grouping.rows.count / bucketLabelCount)
    var shift: UInt32 = 0
    while Int(width >> shift) > wantedBuckets { shift += 1 }
    let bucketCount = Int((width - 1) >> shift) + 1
    var ends = [Int](repeating: 0, count: bucketCount)
    let block = Scratch<DroppedEvent>()
    block.reserve(min(blockCount, events.count))
    let target = block.base
    var start = 0
    while start < events.count {
        let rows = start..<min(events.count, start + blockCount)
        start = rows.upperBound
        events.ids.withUnsafeBufferPointer { ids in
            ends.withUnsafeMutableBufferPointer { ends in
                ends.update(repeating: 0)
                for row in rows {
                    let place = UInt32(bitPattern: ids[row] &- entities.lowerBound)
                    if place < width { ends[Int(place >> shift)] &+= 1 }
                }
                var total = 0
                for bucket in 0..<bucketCount {
                    let count = ends[bucket]
                    ends[bucket] = total
                    total += count
                }
                visibleTimes.withUnsafeBufferPointer { visibleTimes in
                    for row in rows {
                        let place = UInt32(bitPattern: ids[row] &- entities.lowerBound)
                        if place >= width { continue }
                        let bucket = Int(place >> shift)
                        target[ends[bucket]] = DroppedEvent(
                            visibleTime: visibleTimes[row], id: ids[row], row: Int32(truncatingIfNeeded: row))
                        ends[bucket] &+= 1
                    }
                }
                dropBlock(UnsafeBufferPointer(start: target, count: total), events, grouping, times, best)
            }
        }
    }
}

private func dropBlock(
    _ block: UnsafeBufferPointer<DroppedEvent>, _ events: EventColumns, _ grouping: RowGrouping, _ times: [Int64],
    _ best: SharedBuffer<LatestCandidate>
) {
    times.withUnsafeBufferPointer { times in
        grouping.offsets.withUnsafeBufferPointer { offsets in
            events.eventTimes.withUnsafeBufferPointer { eventTimes in
                for event in block {
                    // The first label at or after the moment from which the row can be seen.
                    var start = Int(offsets[Int(event.id)])
                    let end = Int(offsets[Int(event.id) &+ 1])
                    var count = end &- start
                    // Whether a label lies before is a coin toss: the sign of the difference is a mask, not a branch.
                    while count > 1 {
                        let half = count &>> 1
                        let isBefore = Int(truncatingIfNeeded: (times[start &+ half &- 1] &- event.visibleTime) &>> 63)
                        start &+= isBefore & half
                        count &-= half
                    }
                    if count == 1 && times[start] < event.visibleTime { start &+= 1 }
                    guard start < end else { continue }
                    let row = Int(event.row)
                    best.base[start].offer(row, eventTime: eventTimes[row], events)
                }
            }
        }
    }
}

private func handOn(
    _ events: EventColumns, _ entities: Range<Int32>, _ grouping: RowGrouping, _ times: [Int64], _ ttl: Int64,
    _ best: SharedBuffer<LatestCandidate>, _ winners: SharedBuffer<Int32>
) {
    for id in entities {
        var latest = LatestCandidate.none
        for place in grouping.range(Int(id)) {
            let candidate = best.base[place]
            if candidate.row >= 0 { latest.offer(Int(candidate.row), eventTime: candidate.eventTime, events) }
            let isTooOld = latest.row >= 0 && times[place] - latest.eventTime > ttl
            winners.base[Int(grouping.rows[place])] = isTooOld ? -1 : latest.row
        }
    }
}
