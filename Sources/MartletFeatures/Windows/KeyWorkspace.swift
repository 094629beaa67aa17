import MartletCore
import MartletDefinitions

/// One entity's events and labels in order, and the scratch of the kernels; reused from entity to entity by one thread,
/// so that nothing is allocated for an entity that is no larger than those before.
final class KeyWorkspace {
    /// Rows of the events, sorted by `OrderKey`; only those that some window of some label may hold.
    var rows: UnsafeMutablePointer<Int32>
    var times: UnsafeMutablePointer<Int64>
    private(set) var eventCount = 0
    private let eventRoom: Scratch<Int32>
    private let timeRoom = Scratch<Int64>()

    /// The labels' times, ascending.
    let labelTimes = Scratch<Int64>()
    private(set) var labelCount = 0

    /// For each label the first event after the windows of the run at hand.
    let right = Scratch<Int32>()
    /// How long before their labels these windows are seen from, microseconds.
    private(set) var lag: Int64 = 0
    /// For each window and label the first event with `eventTime >= left`: `left[window * labelCount + label]`.
    let left = Scratch<Int32>()

    /// The events in the order in which the labels get to see them: those new to label `j` end at `scheduleEnds[j]`.
    let schedule = Scratch<Int32>()
    let scheduleEnds = Scratch<Int32>()
    /// For each event the first label that sees it.
    let firstSeers = Scratch<Int32>()
    /// Whether each label sees exactly the events before its `right`, so that a window is a range without gaps.
    private(set) var isInOrder = true

    /// Of each input that is read: ordered bits and presence.
    let bits: [Scratch<Int64>]
    let present: [Scratch<UInt8>]

    let prefix = Scratch<NarrowMoments>()
    let stack = Scratch<Int32>()
    let targets = Scratch<KernelTarget>()
    let codes = Scratch<Int32>()
    let codeCounts = Scratch<Int32>()
    /// The codes that a window holds, and of each where it stands among them.
    let heldCodes = Scratch<Int32>()
    let codePlaces = Scratch<Int32>()
    /// How often a window holds the codes of each run of `BucketCounts.blockLength`.
    let blockCounts = Scratch<Int64>()
    /// By code: the ordered bits of its value, and a row that has it.
    let codeKeys = Scratch<Int64>()
    let codeRows = Scratch<Int32>()
    let tableKeys = Scratch<Int64>()
    let tableCodes = Scratch<Int32>()
    let neighbours = Scratch<Int32>()
    /// The events that a window holds.
    let heldEvents = EventSet()
    /// Whether each event has both of what is asked of it.
    let bothPresent = Scratch<UInt8>()
    private let ones = Scratch<UInt8>()
    private var oneCount = 0
    private var sorting: [TimedRow] = []

    init(inputCount: Int) {
        eventRoom = Scratch()
        rows = eventRoom.base
        times = timeRoom.base
        bits = (0..<inputCount).map { _ in Scratch() }
        present = (0..<inputCount).map { _ in Scratch() }
    }

    /// Takes the events of an entity and sorts them where they are not sorted.
    func loadEvents(_ grouping: RowGrouping, _ key: Int, _ events: borrowing EventColumns) {
        let range = key < grouping.keyCount ? grouping.range(key) : 0..<0
        eventRoom.reserve(range.count)
        timeRoom.reserve(range.count)
        rows = eventRoom.base
        times = timeRoom.base
        eventCount = range.count
        let needsTies = events.arrivalTimes != nil || events.positions != nil
        var isSorted = true
        events.eventTimes.withUnsafeBufferPointer { eventTimes in
            grouping.rows.withUnsafeBufferPointer { source in
                var before = Int64.min
                for index in 0..<range.count {
                    let row = source[range.lowerBound &+ index]
                    let time = eventTimes[Int(row)]
                    rows[index] = row
                    times[index] = time
                    if time < before {
                        isSorted = false
                    } else if time == before && needsTies && isSorted {
                        isSorted = events.orderKey(Int(rows[index &- 1])) < events.orderKey(Int(row))
                    }
                    before = time
                }
            }
        }
        if !isSorted { sortEvents(events) }
    }

    private func sortEvents(_ events: borrowing EventColumns) {
        sorting.removeAll(keepingCapacity: true)
        for index in 0..<eventCount { sorting.append(TimedRow(time: times[index], row: rows[index])) }
        sortByTime(&sorting)
        for (index, event) in sorting.enumerated() {
            rows[index] = event.row
            times[index] = event.time
        }
        if events.arrivalTimes != nil || events.positions != nil { sortTies(events) }
    }

    /// Puts events of one time into the order of what breaks their tie.
    private func sortTies(_ events: borrowing EventColumns) {
        var start = 0
        while start < eventCount {
            var end = start + 1
            while end < eventCount && times[end] == times[start] { end += 1 }
            if end - start > 1 {
                let ties = UnsafeMutableBufferPointer(start: rows + start, count: end - start)
                let keyed = ties.map { (key: events.orderKey(Int($0)), row: $0) }
                    .sorted { $0.key != $1.key ? $0.key < $1.key : $0.row < $1.row }
                for (index, event) in keyed.enumerated() { ties[index] = event.row }
            }
            start = end
        }
    }

    /// Takes the times of the entity's labels, which ascend.
    func loadLabels(_ times: [Int64], _ rows: [Int32], _ range: Range<Int>) {
        labelCount = range.count
        labelTimes.reserve(labelCount)
        for (label, place) in range.enumerated() { labelTimes.base[label] = times[Int(rows[place])] }
    }

    /// Drops the events that no window of any label holds.
    func keepEvents(of windows: [PlannedWindow]) {
        if labelCount == 0 { return }
        let labels = labelTimes.base
        keepEvents(from: windows.reduce(Int64.max) { min($0, $1.left(at: labels[0])) }, before: labels[labelCount - 1])
    }

    /// The events at hand, for loads of parts of them.
    var sortedEvents: SortedEvents {
        SortedEvents(
            rows: Array(UnsafeBufferPointer(start: rows, count: eventCount)),
            times: Array(UnsafeBufferPointer(start: times, count: eventCount)))
    }

    /// Takes the events with `first <= event time < end`, of them those for which `isKnown` holds.
    func loadEvents(_ events: SortedEvents, from first: Int64, before end: Int64, where isKnown: (Int32) -> Bool) {
        let start = partitionPoint(events.times.indices) { events.times[$0] >= first }
        let stop = partitionPoint(start..<events.times.count) { events.times[$0] >= end }
        eventRoom.reserve(stop - start)
        timeRoom.reserve(stop - start)
        rows = eventRoom.base
        times = timeRoom.base
        eventCount = 0
        for index in start..<stop where isKnown(events.rows[index]) {
            rows[eventCount] = events.rows[index]
            times[eventCount] = events.times[index]
            eventCount &+= 1
        }
    }

    /// Finds where the windows of a run end at every label. Ends only move forward, so that it is one walk.
    func findRights(_ end: WindowEnd) {
        lag = end.lag
        right.reserve(labelCount)
        var next = 0
        for label in 0..<labelCount {
            let time = end.right(at: labelTimes.base[label])
            while next < eventCount && times[next] < time { next &+= 1 }
            right.base[label] = Int32(truncatingIfNeeded: next)
        }
    }

    /// Finds where windows begin at every label, given their right ends and, for windows that are not by time alone,
    /// the schedule. Beginnings only move forward, one walk for each window.
    func findLefts(_ chosen: [Int], of windows: [PlannedWindow]) {
        left.reserve(labelCount * windows.count)
        for index in chosen {
            let window = windows[index]
            let lefts = left.base + index * labelCount
            var start = 0
            for label in 0..<labelCount {
                let time = window.left(at: labelTimes.base[label])
                while start < eventCount && times[start] < time { start &+= 1 }
                // A window that ended before its first event holds nothing.
                lefts[label] = min(Int32(truncatingIfNeeded: start), right.base[label])
            }
            switch window.shape {
            case .sliding, .tumbling: break
            case .newest(let count): for label in 0..<labelCount { moveToNewest(count, label, lefts) }
            case .session(let gap): moveToSessions(gap.microseconds, lefts)
            }
        }
    }

    /// Moves a left end forward until the window holds the newest `count` events that its label sees, and those of the
    /// time of the oldest of them.
    private func moveToNewest(_ count: Int, _ label: Int, _ lefts: UnsafeMutablePointer<Int32>) {
        var event = Int(right.base[label])
        var found = 0
        while event > Int(lefts[label]) && found < count {
            event &-= 1
            if isInOrder || Int(firstSeers.base[event]) <= label { found &+= 1 }
        }
        while event > Int(lefts[label]) && times[event &- 1] == times[event] { event &-= 1 }
        lefts[label] = Int32(truncatingIfNeeded: event)
    }

    /// Moves left ends forward to the beginning of the session that goes on at each label, or to the right end where
    /// none does.
    /// - Precondition: the events are in order.
    private func moveToSessions(_ gap: Int64, _ lefts: UnsafeMutablePointer<Int32>) {
        neighbours.reserve(eventCount)
        let firsts = neighbours.base
        for event in 0..<eventCount {
            let goesOn = event > 0 && times[event] &- times[event &- 1] <= gap
            firsts[event] = goesOn ? firsts[event &- 1] : Int32(truncatingIfNeeded: event)
        }
        for label in 0..<labelCount {
            let end = right.base[label]
            if lefts[label] == end { continue }
            let isOver = labelTimes.base[label] &- times[Int(end) &- 1] > gap
            lefts[label] = isOver ? end : max(lefts[label], firsts[Int(end) &- 1])
        }
    }

    /// Drops the events outside `[first, end)`.
    func keepEvents(from first: Int64, before end: Int64) {
        let start = partitionPoint(0..<eventCount) { times[$0] >= first }
        let stop = partitionPoint(start..<eventCount) { times[$0] >= end }
        rows += start
        times += start
        eventCount = stop - start
    }

    /// Finds for each event the first label that sees it: the first after its event time, and, given arrival times, not
    /// before its arrival.
    func makeSchedule(arrivalTimes: [Int64]?) {
        schedule.reserve(eventCount)
        firstSeers.reserve(eventCount)
        scheduleEnds.reserve(labelCount)
        isInOrder = true
        var event = 0
        for label in 0..<labelCount {
            let end = Int(right.base[label])
            while event < end {
                var seer = label
                if let arrivalTimes {
                    let arrival = arrivalTimes[Int(rows[event])]
                    if arrival > labelTimes.base[label] {
                        seer = partitionPoint(label..<labelCount) { labelTimes.base[$0] >= arrival }
                        isInOrder = false
                    }
                }
                firstSeers.base[event] = Int32(truncatingIfNeeded: seer)
                schedule.base[event] = Int32(truncatingIfNeeded: event)
                event &+= 1
            }
            scheduleEnds.base[label] = Int32(truncatingIfNeeded: end)
        }
        while event < eventCount {
            firstSeers.base[event] = Int32(truncatingIfNeeded: labelCount)
            event &+= 1
        }
        if !isInOrder { sortSchedule() }
    }

    /// A counting sort of the events by their first seer; those nobody sees are left out.
    private func sortSchedule() {
        let ends = scheduleEnds.base
        for label in 0..<labelCount { ends[label] = 0 }
        for event in 0..<eventCount where Int(firstSeers.base[event]) < labelCount {
            ends[Int(firstSeers.base[event])] += 1
        }
        var total: Int32 = 0
        for label in 0..<labelCount {
            let count = ends[label]
            ends[label] = total
            total += count
        }
        // Each start moves to its end while its events are put down.
        for event in 0..<eventCount {
            let seer = Int(firstSeers.base[event])
            if seer < labelCount {
                schedule.base[Int(ends[seer])] = Int32(truncatingIfNeeded: event)
                ends[seer] += 1
            }
        }
    }

    /// Whether each event has a value in the column; without a column all events count.
    func presence(_ column: Int?) -> UnsafeMutablePointer<UInt8> {
        if let column { return present[column].base }
        // Filled for the largest entity so far, not for each tile and state that asks.
        if eventCount > oneCount {
            ones.reserve(eventCount)
            ones.base.update(repeating: 1, count: eventCount)
            oneCount = eventCount
        }
        return ones.base
    }

    /// Brings the values of an input into the order of the events.
    func gather(_ input: Int, _ view: ColumnView) {
        bits[input].reserve(eventCount)
        present[input].reserve(eventCount)
        view.gather(rows, eventCount, into: bits[input].base, present[input].base)
    }
}

/// An entity's events in order.
struct SortedEvents {
    var rows: [Int32]
    var times: [Int64]
}

/// The first index of the range at which a condition holds that holds at all later ones too; the range's end where it
/// holds at none.
@inline(__always)
func partitionPoint(_ range: Range<Int>, _ holds: (Int) -> Bool) -> Int {
    var start = range.lowerBound
    var count = range.count
    while count > 0 {
        let half = count >> 1
        if holds(start + half) {
            count = half
        } else {
            start += half + 1
            count -= half + 1
        }
    }
    return start
}

/// One feature of a kernel: the left ends of its window and where its results go, label by label.
struct KernelTarget: BitwiseCopyable {
    var left: UnsafeMutablePointer<Int32>
    var results: UnsafeMutablePointer<Int64>
}

/// A growing piece of memory for plain values, not initialized, freed with its owner.
final class Scratch<Element: BitwiseCopyable> {
    private(set) var base: UnsafeMutablePointer<Element>
    private var capacity: Int

    init() {
        capacity = 16
        base = .allocate(capacity: 16)
    }

    deinit { base.deallocate() }

    /// Makes room for `count` elements. What was there is lost where it grows.
    func reserve(_ count: Int) {
        if count <= capacity { return }
        base.deallocate()
        capacity = max(count, 2 * capacity)
        base = .allocate(capacity: capacity)
    }
}
