/// Labels of one entity between which no event within their reach is taken back.
struct RemovalPiece: Equatable {
    /// Numbers of the entity's labels.
    var labels: Range<Int>
    /// The times of the events that their windows can hold; it ends at the last label. What had been taken back by then
    /// counts for none of them.
    var reach: Range<Int64>
}

extension KeyWorkspace {
    /// Whether an event at hand was ever taken back.
    func holdsRemoved(_ removalTimes: [Int64]) -> Bool {
        for event in 0..<eventCount where removalTimes[Int(rows[event])] != .max { return true }
        return false
    }

    /// The pieces of the labels at hand.
    func removalPieces(
        of windows: [PlannedWindow], _ arrivalTimes: [Int64], _ removalTimes: [Int64], cutsAtArrivals: Bool
    ) -> [RemovalPiece] {
        let changing = (0..<eventCount).lazy.map { event in
            let row = Int(self.rows[event])
            return (time: self.times[event], arrival: arrivalTimes[row], removal: removalTimes[row])
        }
        return MartletFeatures.removalPieces(
            UnsafeBufferPointer(start: labelTimes.base, count: labelCount), events: Array(changing),
            cutsAtArrivals: cutsAtArrivals
        ) { time in windows.reduce(Int64.max) { min($0, $1.left(at: time)) } }
    }
}

/// Cuts labels, whose times ascend, wherever an event that a label has counted is taken back before the next one that
/// reaches it; with `cutsAtArrivals` also wherever an event arrives that a label before should have counted. A piece is
/// computed by itself, from the events of its reach, so that a removal costs as much as its windows hold and no more.
/// O(labels + events * log(labels)).
/// - Parameter left: the earliest time that the window of a label can hold; ascends with the label's time.
func removalPieces(
    _ labelTimes: UnsafeBufferPointer<Int64>, events: [(time: Int64, arrival: Int64, removal: Int64)],
    cutsAtArrivals: Bool, left: (Int64) -> Int64
) -> [RemovalPiece] {
    let count = labelTimes.count
    var isCut = [Bool](repeating: false, count: count + 1)
    for event in events {
        guard event.removal != .max || cutsAtArrivals && event.arrival > event.time else { continue }
        let first = partitionPoint(0..<count) { labelTimes[$0] > event.time }
        let seen = partitionPoint(first..<count) { labelTimes[$0] >= event.arrival }
        let gone = event.removal == .max ? count : partitionPoint(first..<count) { labelTimes[$0] >= event.removal }
        // Nobody sees what was taken back before a label could, or what no window reaches any more.
        guard seen < gone, left(labelTimes[first]) <= event.time else { continue }
        if left(labelTimes[seen]) <= event.time { isCut[gone] = true }
        if cutsAtArrivals && seen > first { isCut[seen] = true }
    }
    var pieces: [RemovalPiece] = []
    for (label, time) in labelTimes.enumerated() {
        if label > 0, !isCut[label] {
            pieces[pieces.count - 1].labels = pieces[pieces.count - 1].labels.lowerBound..<label + 1
            pieces[pieces.count - 1].reach = pieces[pieces.count - 1].reach.lowerBound..<time
        } else {
            pieces.append(RemovalPiece(labels: label..<label + 1, reach: left(time)..<time))
        }
    }
    return pieces
}
