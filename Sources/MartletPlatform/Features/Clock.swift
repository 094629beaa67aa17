internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// Which events count at a label's time.
enum Clock: Sendable, Hashable {
    /// Every event that is known today, by its event time.
    case asTrue
    /// Those that had arrived by then and were not taken back yet.
    case asKnown
    /// Those strictly before the label, and with `asKnown` arrived by then: what no feature may need more than.
    case before(asKnown: Bool)

    var needsArrivals: Bool {
        switch self {
        case .asTrue: false
        case .asKnown: true
        case .before(let asKnown): asKnown
        }
    }
}

/// Moments at which a view's features are wanted.
struct FeatureMoments {
    /// By the view's `EntityIndex`.
    var ids: [Int32]
    var times: [Int64]
    var clock: Clock
}

/// One column a feature, in the view's order, one row a moment.
struct FeatureAnswer {
    var columns: [Column]
    /// Of latest values: the row of each moment, -1 for none.
    var winners: [Int32]?
}

extension ViewComputation {
    /// The features at several sets of moments. The inputs of latest values are read once for all of them.
    func answers(_ moments: [FeatureMoments], threads: Int) throws -> [FeatureAnswer] {
        switch view.features {
        case .latest(let features):
            let winners = try moments.map { try latestWinners($0, threads: threads) }
            let inputs = try values(of: winners, threads: threads)
            let places = try features.map { feature in
                guard let place = inputNames.firstIndex(of: feature.column) else {
                    throw MartletError(.internalFault, "the input \(feature.column) was not loaded")
                }
                return place
            }
            return zip(inputs, winners).map { columns, winners in
                FeatureAnswer(columns: places.map { columns[$0] }, winners: winners)
            }
        case .windowed:
            let plan = try plan()
            return try moments.map { moments in
                // The right end of a window is open: only what had arrived can make a difference.
                let columns = try plan.compute(
                    events: events, labels: LabelColumns(ids: moments.ids, times: moments.times),
                    asKnown: moments.clock.needsArrivals, threads: threads)
                return FeatureAnswer(columns: columns)
            }
        case .derived: throw view.hasNoRows
        }
    }

    private func latestWinners(_ moments: FeatureMoments, threads: Int) throws -> [Int32] {
        guard case .before(let asKnown) = moments.clock else {
            return try latestRows(
                labels: LabelColumns(ids: moments.ids, times: moments.times), events: events, ttl: view.ttl,
                asKnown: moments.clock.needsArrivals, threads: threads)
        }
        // Strictly before `t` is at or before the microsecond before it; what arrived at `t` was known at `t`, so
        // arrivals go back by as much, and an event may be younger by it. The kernels refuse a time that wraps.
        var earlier = events
        earlier.arrivalTimes = events.arrivalTimes?.map { $0 &- 1 }
        earlier.removalTimes = events.removalTimes?.map { $0 == .max ? .max : $0 &- 1 }
        return try latestRows(
            labels: LabelColumns(ids: moments.ids, times: moments.times.map { $0 &- 1 }), events: earlier,
            ttl: view.ttl.map { TimeSpan(microseconds: $0.microseconds - 1) }, asKnown: asKnown, threads: threads)
    }

    /// The inputs in the rows of each list, nulls for -1.
    private func values(of lists: [[Int32]], threads: Int) throws -> [[Column]] {
        guard let fetch else {
            return try lists.map { list in
                try rows.inputs.map { try $0.column.gathering(list, named: $0.name, threads: threads) }
            }
        }
        var places = [Int32](repeating: -1, count: events.count)
        var wanted: [Int32] = []
        for list in lists {
            for row in list where row >= 0 && places[Int(row)] < 0 {
                places[Int(row)] = Int32(wanted.count)
                wanted.append(row)
            }
        }
        let columns = try fetch(wanted)
        return try lists.map { list in
            let rows = list.map { $0 < 0 ? -1 : places[Int($0)] }
            return try zip(inputNames, columns).map { try $1.gathering(rows, named: $0, threads: threads) }
        }
    }
}
