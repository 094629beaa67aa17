internal import MartletCore

/// Finds anew the latest rows of the labels whose entities have events that were taken back. Of each such entity the
/// events are walked in the order in which they become visible, and kept in a heap with the latest on top: what was
/// taken back leaves it when it comes up. O(n log n) over the events and labels of these entities.
func replaceRowsOfChangedEntities(
    _ winners: inout [Int32], _ labels: LabelColumns, _ events: EventColumns, ttl: TimeSpan?
) {
    guard let removals = events.removalTimes, let arrivals = events.arrivalTimes else { return }
    var isChanged = [Bool](repeating: false, count: Int(max(events.ids.max() ?? -1, labels.ids.max() ?? -1)) + 1)
    for row in 0..<events.count where events.ids[row] >= 0 && removals[row] != .max {
        isChanged[Int(events.ids[row])] = true
    }
    func isOfChanged(_ id: Int32) -> Bool { id >= 0 && isChanged[Int(id)] }
    func visible(_ row: Int) -> Int64 { max(events.eventTimes[row], arrivals[row]) }
    var rows = (0..<events.count).filter { isOfChanged(events.ids[$0]) }
    rows.sort { left, right in
        let (first, second) = (events.ids[left], events.ids[right])
        return first != second ? first < second : visible(left) < visible(right)
    }
    var wanted = (0..<labels.count).filter { isOfChanged(labels.ids[$0]) }
    wanted.sort { left, right in
        let (first, second) = (labels.ids[left], labels.ids[right])
        return first != second ? first < second : labels.times[left] < labels.times[right]
    }
    var heap = LatestRowHeap()
    var next = 0
    var current: Int32 = -1
    for label in wanted {
        let (id, time) = (labels.ids[label], labels.times[label])
        if id != current { heap.removeAll() }
        current = id
        while next < rows.count, events.ids[rows[next]] < id { next += 1 }
        while next < rows.count, events.ids[rows[next]] == id, visible(rows[next]) <= time {
            if removals[rows[next]] > time { heap.insert(rows[next], events) }
            next += 1
        }
        while let top = heap.top, removals[top] <= time { heap.removeTop(events) }
        let isYoung = heap.top.map { time &- events.eventTimes[$0] <= ttl?.microseconds ?? .max } ?? false
        winners[label] = isYoung ? Int32(heap.top ?? -1) : -1
    }
}

/// A binary heap of rows, the latest on top.
private struct LatestRowHeap {
    private var rows: [Int] = []

    var top: Int? { rows.first }

    mutating func removeAll() { rows.removeAll(keepingCapacity: true) }

    mutating func insert(_ row: Int, _ events: borrowing EventColumns) {
        rows.append(row)
        var place = rows.count - 1
        while place > 0, isLater(rows[place], than: rows[(place - 1) / 2], events) {
            rows.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func removeTop(_ events: borrowing EventColumns) {
        rows.swapAt(0, rows.count - 1)
        rows.removeLast()
        var place = 0
        while true {
            var latest = place
            for child in [2 * place + 1, 2 * place + 2] where child < rows.count {
                if isLater(rows[child], than: rows[latest], events) { latest = child }
            }
            if latest == place { return }
            rows.swapAt(place, latest)
            place = latest
        }
    }
}
