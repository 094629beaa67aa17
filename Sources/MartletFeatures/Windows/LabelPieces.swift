/// Labels of one entity that are computed together where windows follow events and some of these arrive late.
struct LabelPiece: Equatable {
    /// Numbers of the entity's labels.
    var labels: Range<Int>
    /// The times of the events that their windows can hold; it ends at the last label.
    var reach: Range<Int64>
    /// Whether an event within reach had not arrived by then. Such labels are all of one moment, and computed from the
    /// events that had arrived; for others what is known is what is true.
    var hasLateEvents: Bool
}

extension KeyWorkspace {
    /// The pieces of the labels at hand, for windows that end at their labels.
    func labelPieces(of windows: [PlannedWindow], _ arrivalTimes: [Int64]) -> [LabelPiece] {
        let lateEvents = (0..<eventCount).lazy.map { (time: self.times[$0], arrival: arrivalTimes[Int(self.rows[$0])]) }
            .filter { $0.time < $0.arrival }
        return MartletFeatures.labelPieces(
            UnsafeBufferPointer(start: labelTimes.base, count: labelCount), lateEvents: Array(lateEvents)
        ) { time in windows.reduce(Int64.max) { min($0, $1.left(at: time)) } }
    }
}

/// Cuts labels, whose times ascend, around those that an event concerns which arrives after them: each moment between
/// such an event and its arrival, as long as windows reach back to it, is a piece of its own. So a late event costs the
/// labels before its arrival and no others. O(labels + late events * log(labels)).
/// - Parameter left: the earliest time that the window of a label can hold; ascends with the label's time.
func labelPieces(
    _ labelTimes: UnsafeBufferPointer<Int64>, lateEvents: [(time: Int64, arrival: Int64)], left: (Int64) -> Int64
) -> [LabelPiece] {
    let count = labelTimes.count
    // How many more late events concern each label than the one before it.
    var changes = [Int32](repeating: 0, count: count + 1)
    for event in lateEvents {
        let first = partitionPoint(0..<count) { labelTimes[$0] > event.time }
        let end = partitionPoint(first..<count) {
            labelTimes[$0] >= event.arrival || left(labelTimes[$0]) > event.time
        }
        changes[first] += 1
        changes[end] -= 1
    }
    var pieces: [LabelPiece] = []
    var concerning: Int32 = 0
    for (label, time) in labelTimes.enumerated() {
        concerning += changes[label]
        let isLate = concerning > 0
        if let last = pieces.last, last.hasLateEvents == isLate, !isLate || last.reach.upperBound == time {
            pieces[pieces.count - 1].labels = last.labels.lowerBound..<label + 1
            pieces[pieces.count - 1].reach = last.reach.lowerBound..<time
        } else {
            pieces.append(LabelPiece(labels: label..<label + 1, reach: left(time)..<time, hasLateEvents: isLate))
        }
    }
    return pieces
}
