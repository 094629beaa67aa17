import MartletCore
import Synchronization

/// Some rows, and the labels that see no row after them and all rows before them.
struct Stretch: Sendable {
    var rows: Range<Int>
    /// Places in the time order of the labels.
    var labels: Range<Int>
}

struct StretchMerge<Candidate: RowCandidate, Order: LabelOrder>: Sendable {
    let labels: LabelColumns
    let order: Order
    let events: EventColumns
    let visibleTimes: [Int64]
    let ttl: Int64

    func winners(_ stretches: [Stretch], threads: Int) -> [Int32] {
        let keyCount = Int(labels.ids.max() ?? -1) + 1
        var latest = [Candidate](repeating: .none, count: keyCount * stretches.count)
        let open = Mutex([[Int32]](repeating: [], count: stretches.count))
        return [Int32](count: labels.count) { winners in
            latest.withUnsafeMutableBufferPointer { latest in
                let shared = (winners: SharedBuffer(winners), latest: SharedBuffer(latest))
                parallelFor(stretches.count, threads: threads) { part in
                    let known = UnsafeMutableBufferPointer(
                        start: shared.latest.base + part * keyCount, count: keyCount)
                    let places = merge(stretches[part], isFirst: part == 0, known, shared.winners)
                    open.withLock { $0[part] = places }
                }
                let open = open.withLock { $0 }
                for (part, stretch) in stretches.enumerated().dropFirst() {
                    let before = SharedBuffer(
                        UnsafeMutableBufferPointer(start: shared.latest.base + (part - 1) * keyCount, count: keyCount))
                    let first = FirstOfStretch<Candidate>(stretch, events, visibleTimes)
                    parallelRanges(of: open[part].count, threads: threads) { range in
                        handOver(before, to: open[part][range], first, shared.winners)
                    }
                    // What is known at the end of a stretch, of all stretches up to it.
                    for key in part + 1 < stretches.count ? 0..<keyCount : 0..<0 {
                        let (old, new) = (before.base[key].row, before.base[keyCount + key].row)
                        if old >= 0, first.mayFollow(new), new < 0 || isLater(Int(old), than: Int(new), events) {
                            before.base[keyCount + key] = before.base[key]
                        }
                    }
                }
            }
        }
    }

    /// How many labels are looked up at a time.
    private static var blockLength: Int { 256 }

    /// Gives each label of a stretch the latest row of the stretch that it sees.
    /// - Parameter known: gets the latest row of each entity.
    /// - Returns: the places of the labels that may need a row before the stretch.
    private func merge(
        _ stretch: Stretch, isFirst: Bool, _ known: UnsafeMutableBufferPointer<Candidate>,
        _ winners: SharedBuffer<Int32>
    ) -> [Int32] {
        let first = FirstOfStretch<Candidate>(stretch, events, visibleTimes)
        var open: [Int32] = []
        withBlock { times, rows, ids in
            var rise = RowRise<Candidate>(stretch.rows, known)
            for start in stride(from: stretch.labels.lowerBound, to: stretch.labels.upperBound, by: Self.blockLength) {
                let count = min(Self.blockLength, stretch.labels.upperBound - start)
                // Labels lie anywhere: looked up one after the other, many are on their way from memory at once.
                labels.ids.withUnsafeBufferPointer { labelIDs in
                    for index in 0..<count {
                        let label = order.label(start &+ index)
                        times[index] = label.time
                        rows[index] = Int32(truncatingIfNeeded: label.row)
                        ids[index] = labelIDs[label.row]
                    }
                }
                rise.answer(events, visibleTimes, ttl, times: times, ids: ids, count: count) { index, latest in
                    if !isFirst && first.mayFollow(latest) { open.append(Int32(truncatingIfNeeded: start &+ index)) }
                }
                for index in 0..<count { winners.base[Int(rows[index])] = ids[index] }
            }
            // The next stretch builds on all of them.
            rise.take(until: .max, events, visibleTimes)
        }
        return open
    }

    private func withBlock(
        _ body: (UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * Self.blockLength) { block in
            guard let times = block.baseAddress else { return }
            let numbers = UnsafeMutableRawPointer(times + Self.blockLength).bindMemory(
                to: Int32.self, capacity: 2 * Self.blockLength)
            body(times, numbers, numbers + Self.blockLength)
        }
    }

    /// Lets labels of a stretch see what was known before it.
    private func handOver(
        _ before: SharedBuffer<Candidate>, to places: ArraySlice<Int32>, _ first: FirstOfStretch<Candidate>,
        _ winners: SharedBuffer<Int32>
    ) {
        for place in places {
            let (label, time) = order.label(Int(place))
            let id = labels.ids[label]
            if id < 0 || before.base[Int(id)].row < 0 { continue }
            let row = Int(before.base[Int(id)].row)
            let winner = Int(winners.base[label])
            let eventTime = events.eventTimes[row]
            guard winner < 0 || (eventTime >= first.oldest && isLater(row, than: winner, events)) else { continue }
            // A winner that is too old was none; one that is not is older than this.
            if time - eventTime <= ttl { winners.base[label] = Int32(truncatingIfNeeded: row) }
        }
    }
}

/// What tells whether a row of a stretch can come after one before it.
struct FirstOfStretch<Candidate: RowCandidate>: Sendable {
    /// No row with an earlier event time comes after one of the stretch.
    let oldest: Int64
    /// The first row that comes after all before the stretch, where rows ascend by event time.
    let firstLater: Int32

    init(_ stretch: Stretch, _ events: EventColumns, _ visibleTimes: [Int64]) {
        let times = events.eventTimes[stretch.rows]
        guard Candidate.ascends else {
            oldest = times.min() ?? .max
            firstLater = .max
            return
        }
        let first = times.first ?? .max
        oldest = first
        firstLater = Int32(truncatingIfNeeded: times.firstIndex { $0 > first } ?? stretch.rows.upperBound)
    }

    /// Whether a row before the stretch may be later than this one of it, -1 for none.
    @inline(__always)
    func mayFollow(_ row: Int32) -> Bool { row < firstLater }
}
