internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

extension ViewComputation {
    /// The features at each label's time, from the events that had arrived by another moment of each label's own: what
    /// a row that happened at the one and arrived at the other could know.
    ///
    /// The kernels know one time a label. Where the labels of an entity, in order of time, also ascend in what they
    /// know, an event is seen by all from some label on, so that it may be said to arrive at that label's time: equal
    /// answers, and ties are kept by the rank of the real arrivals. Labels are parted into as few such rounds as they
    /// allow: one where rows arrive in order, and one more for each row that an entity has seen overtaken at a time.
    /// O(rounds * (events + labels)).
    ///
    /// - Parameter knownAt: one moment a label.
    /// - Returns: one column a feature, in the view's order, one row a label.
    func features(keys: [Column], times: [Int64], knownAt: [Int64], threads: Int) throws -> [Column] {
        let ids = try index.lookup(keys)
        let rounds = rounds(ids, times, knownAt)
        let ranks = arrivalRanks()
        let parts = try rounds.map { round in
            try features(
                LabelColumns(ids: round.map { ids[Int($0)] }, times: round.map { times[Int($0)] }),
                seen: seenEvents(round, ids, times, knownAt, ranks), threads: threads)
        }
        if rounds.count == 1 { return parts[0] }
        // Back into the order of the labels.
        var places = [Int32](repeating: -1, count: ids.count)
        for (place, label) in rounds.joined().enumerated() { places[Int(label)] = Int32(place) }
        return try view.featureNames.enumerated().map { feature, name in
            try Column.joining(parts.map { $0[feature] }, named: name).gathering(fitting: places)
        }
    }

    private func features(_ labels: LabelColumns, seen: EventColumns, threads: Int) throws -> [Column] {
        switch view.features {
        case .latest(let features):
            let winners = try latestRows(labels: labels, events: seen, ttl: view.ttl, asKnown: true, threads: threads)
            return try features.map { try input($0.column).gathering(winners, named: $0.name) }
        case .windowed:
            return try plan().compute(events: seen, labels: labels, asKnown: true, threads: threads)
        case .derived: throw view.hasNoRows
        }
    }

    /// The labels in rounds; within a round both times of an entity's labels ascend together. Where a round holds all
    /// labels they stand in their own order.
    private func rounds(_ ids: [Int32], _ times: [Int64], _ knownAt: [Int64]) -> [[Int32]] {
        // Of labels at one time, those that know more come first: they never share a round with those that know less.
        let order = ids.indices.sorted {
            if ids[$0] != ids[$1] { return ids[$0] < ids[$1] }
            return times[$0] != times[$1] ? times[$0] < times[$1] : knownAt[$0] > knownAt[$1]
        }
        var roundOf = [Int](repeating: 0, count: ids.count)
        // What the last label of each round knows, descending: patience sorting finds the fewest rounds.
        var lasts: [Int64] = []
        var id: Int32?
        var count = 1
        for label in order {
            if ids[label] != id { lasts.removeAll(keepingCapacity: true) }
            id = ids[label]
            var (low, high) = (0, lasts.count)
            while low < high {
                let middle = (low + high) / 2
                if lasts[middle] <= knownAt[label] { high = middle } else { low = middle + 1 }
            }
            if low == lasts.count { lasts.append(knownAt[label]) } else { lasts[low] = knownAt[label] }
            roundOf[label] = low
            count = max(count, low + 1)
        }
        var rounds = [[Int32]](repeating: [], count: count)
        for label in ids.indices { rounds[roundOf[label]].append(Int32(label)) }
        return rounds
    }

    /// The place of each event in the order of arrival: what ties go by where arrival times are replaced.
    private func arrivalRanks() -> [Int64] {
        let arrivals = rows.arrivalTimes
        let positions = rows.positions
        let order = arrivals.indices.sorted {
            arrivals[$0] != arrivals[$1] ? arrivals[$0] < arrivals[$1] : positions[$0] < positions[$1]
        }
        var ranks = [Int64](repeating: 0, count: order.count)
        for (rank, row) in order.enumerated() { ranks[row] = Int64(rank) }
        return ranks
    }

    /// The events, each arriving at the time of the first label of the round that knows it; those that no label knows
    /// belong to nobody.
    private func seenEvents(
        _ round: [Int32], _ ids: [Int32], _ times: [Int64], _ knownAt: [Int64], _ ranks: [Int64]
    ) -> EventColumns {
        var seen = events
        seen.positions = ranks
        var labels = round.filter { ids[Int($0)] >= 0 }
        labels.sort {
            let (left, right) = (Int($0), Int($1))
            return ids[left] != ids[right] ? ids[left] < ids[right] : times[left] < times[right]
        }
        var starts = [Int](repeating: 0, count: index.count + 1)
        for label in labels { starts[Int(ids[Int(label)]) + 1] += 1 }
        for id in 0..<index.count { starts[id + 1] += starts[id] }
        var arrivals = rows.arrivalTimes
        var removals = rows.removalTimes
        for row in 0..<events.count where events.ids[row] >= 0 {
            let id = Int(events.ids[row])
            func firstThatKnows(_ moment: Int64) -> Int {
                var (low, high) = (starts[id], starts[id + 1])
                while low < high {
                    let middle = (low + high) / 2
                    if knownAt[Int(labels[middle])] >= moment { high = middle } else { low = middle + 1 }
                }
                return low
            }
            let first = firstThatKnows(rows.arrivalTimes[row])
            let end = rows.removalTimes.map { firstThatKnows($0[row]) } ?? starts[id + 1]
            if first >= end {
                seen.ids[row] = -1
                removals?[row] = .max
            } else {
                arrivals[row] = times[Int(labels[first])]
                removals?[row] = end < starts[id + 1] ? times[Int(labels[end])] : .max
            }
        }
        seen.arrivalTimes = arrivals
        seen.removalTimes = removals
        return seen
    }
}

extension FeatureViewDefinition {
    /// What a step says that was handed a derived view by mistake.
    var hasNoRows: MartletError {
        MartletError(.internalFault, "features \(about.name) are derived and have no rows")
    }
}
