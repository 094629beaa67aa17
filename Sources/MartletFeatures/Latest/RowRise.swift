import MartletCore

/// The rows of a stretch on their way through time.
struct RowRise<Candidate: RowCandidate> {
    private let known: UnsafeMutableBufferPointer<Candidate>
    private let end: Int
    private var row: Int
    private var firstOfTime: Int
    /// The first row that is not too old for the label at hand, where rows ascend by event time.
    private var firstRecent: Int

    init(_ rows: Range<Int>, _ known: UnsafeMutableBufferPointer<Candidate>) {
        self.known = known
        end = rows.upperBound
        row = rows.lowerBound
        firstOfTime = rows.lowerBound
        firstRecent = rows.lowerBound
    }

    /// Replaces the entity of each label, which ascend by time, by its latest row; -1 for none or one too old.
    /// - Parameter note: is told the latest row whatever its age.
    @inline(__always)
    mutating func answer(
        _ events: EventColumns, _ visibleTimes: [Int64], _ ttl: Int64, times: UnsafeMutablePointer<Int64>,
        ids: UnsafeMutablePointer<Int32>, count: Int, _ note: (Int, Int32) -> Void
    ) {
        let width = UInt32(truncatingIfNeeded: known.count)
        for index in 0..<count {
            let time = times[index]
            take(until: time, events, visibleTimes)
            let id = UInt32(bitPattern: ids[index])
            guard id < width else {
                ids[index] = -1
                continue
            }
            let latest = known[Int(id)]
            note(index, latest.row)
            ids[index] = latest.row
            if ttl == .max { continue }
            // Within the limit of times no difference overflows.
            if Candidate.ascends {
                while firstRecent < row && time &- visibleTimes[firstRecent] > ttl { firstRecent &+= 1 }
                if Int(latest.row) < firstRecent { ids[index] = -1 }
            } else if latest.row >= 0 && time &- events.eventTimes[Int(latest.row)] > ttl {
                ids[index] = -1
            }
        }
    }

    @inline(__always)
    mutating func take(until time: Int64, _ events: EventColumns, _ visibleTimes: [Int64]) {
        let width = UInt32(truncatingIfNeeded: known.count)
        events.ids.withUnsafeBufferPointer { ids in
            visibleTimes.withUnsafeBufferPointer { visibleTimes in
                events.eventTimes.withUnsafeBufferPointer { eventTimes in
                    while row < end && visibleTimes[row] <= time {
                        if visibleTimes[row] != visibleTimes[firstOfTime] { firstOfTime = row }
                        let id = UInt32(bitPattern: ids[row])
                        if id < width {
                            known[Int(id)].offer(row, eventTime: eventTimes[row], firstOfTime: firstOfTime, events)
                        }
                        row &+= 1
                    }
                }
            }
        }
    }
}
