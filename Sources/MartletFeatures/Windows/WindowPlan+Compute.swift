package import MartletCore
import MartletDefinitions

extension WindowPlan {
    /// Every feature of the plan at every label, in the order of the labels, duplicates kept.
    ///
    /// The rows are grouped by entity with a counting sort; then each entity's events are put into order, its windows'
    /// ends are found once for all aggregates, and each state is evaluated for all windows in one pass. The result
    /// depends neither on the order of the events (given `positions`) nor on the threads, down to the last bit.
    ///
    /// Of an empty window counts and sums are 0, lists and maps are empty and the others are null. Roughly O(events +
    /// labels * features).
    ///
    /// - Parameters:
    ///   - asKnown: whether at each label only events that had arrived by then count.
    ///   - columnLimit: smaller in tests.
    /// - Throws: `missingColumn` and `typeMismatch` where the events do not fit the plan, `limitExceeded` for times
    ///   beyond `timeLimitMicroseconds` and for a feature whose texts, lists or maps are more than one column holds,
    ///   `invalidInput` for `asKnown` without arrival times.
    package func compute(
        events: EventColumns, labels: LabelColumns, asKnown: Bool = false, threads: Int = processorCount,
        columnLimit: Int = MartletCore.columnLimit
    ) throws(MartletError) -> [Column] {
        if !asKnown && events.removalTimes != nil {
            return try compute(
                events: events.withoutRemoved(), labels: labels, threads: threads, columnLimit: columnLimit)
        }
        try check(events)
        try checkTimes(labels.times, "label time", threads: threads)
        try checkTimes(events.eventTimes, "event time", threads: threads)
        try requireArrivalTimes(events, asKnown: asKnown, threads: threads)

        let parts = events.count + labels.count > 20_000 ? max(1, threads) : 1
        // Labels of unknown entities go into one last group that has no events.
        let keyCount = Int(labels.ids.max() ?? -1) + 1
        let labelIDs = labels.ids.map { $0 < 0 ? Int32(keyCount) : $0 }
        let labelGroups = RowGrouping(ids: labelIDs, keyCount: keyCount + 1, parts: parts)
            .sortedWithinGroups(by: labels.times, parts: parts)
        var isWanted = [UInt8](repeating: 0, count: keyCount)
        for key in 0..<keyCount where !labelGroups.range(key).isEmpty { isWanted[key] = 1 }
        let eventGroups = RowGrouping(ids: events.ids, keyCount: keyCount, isWanted: isWanted, parts: parts)

        let slots = FeatureSlots(features, labelCount: labels.count)
        defer { slots.freeAll() }
        let sources = kernelColumns(events.inputs, threads: parts)
        let ranges = keyRanges(eventGroups, labelGroups, parts: parts == 1 ? 1 : parts * 8)
        withColumnViews(sources.columns) { views in
            parallelFor(ranges.count, threads: parts) { part in
                let workspace = KeyWorkspace(inputCount: views.count)
                for key in ranges[part] {
                    compute(
                        key, eventGroups, labelGroups, events, labels.times, asKnown, views, sources.hashes, workspace,
                        slots)
                }
            }
        }
        for (index, feature) in features.enumerated() where feature.operands == nil {
            try slots.checkColumn(
                index, feature, labelCount: labels.count, inputs: events.inputs, limit: columnLimit)
        }
        let columns = makeColumns(slots, order: labelGroups.rows, inputs: events.inputs, threads: parts)
        let read = zip(features, columns).map { $0.elapsed(since: $1, at: labels.times) }
        return zip(features, read).map { feature, column in
            feature.operands.map { ratio(of: read[$0.dividend], to: read[$0.divisor]) } ?? column
        }
    }

    private func compute(
        _ key: Int, _ eventGroups: RowGrouping, _ labelGroups: RowGrouping, _ events: EventColumns,
        _ labelTimes: [Int64], _ asKnown: Bool, _ views: [ColumnView], _ hashes: [[UInt64]], _ workspace: KeyWorkspace,
        _ slots: FeatureSlots
    ) {
        let labelRange = labelGroups.range(key)
        if labelRange.isEmpty { return }
        let arrivals = asKnown ? events.arrivalTimes : nil
        func loadAll() {
            workspace.loadLabels(labelTimes, labelGroups.rows, labelRange)
            workspace.loadEvents(eventGroups, key, events)
            workspace.keepEvents(of: windows)
            gather()
        }
        func gather() { for input in inputs { workspace.gather(input.index, views[input.index]) } }
        func evaluate(_ run: WindowRun, from label: Int) {
            workspace.findLefts(run.windows, of: windows)
            compute(run, hashes, workspace, slots, label)
        }
        loadAll()
        if let arrivals, let removals = events.removalTimes, workspace.holdsRemoved(removals) {
            let sorted = workspace.sortedEvents
            for run in runs {
                let pieces = workspace.removalPieces(
                    of: run.windows.map { windows[$0] }, arrivals, removals, cutsAtArrivals: run.reachesBack)
                for piece in pieces {
                    let first = labelRange.lowerBound + piece.labels.lowerBound
                    workspace.loadLabels(
                        labelTimes, labelGroups.rows, first..<labelRange.lowerBound + piece.labels.upperBound)
                    let end = piece.reach.upperBound
                    workspace.loadEvents(sorted, from: piece.reach.lowerBound, before: end) { row in
                        removals[Int(row)] > end && (!run.reachesBack || arrivals[Int(row)] <= end)
                    }
                    gather()
                    workspace.findRights(run.end)
                    workspace.makeSchedule(arrivalTimes: run.reachesBack ? nil : arrivals)
                    evaluate(run, from: first)
                }
                loadAll()
            }
            return
        }
        for run in runs {
            workspace.findRights(run.end)
            workspace.makeSchedule(arrivalTimes: arrivals)
            guard let arrivals, !workspace.isInOrder && run.reachesBack else {
                evaluate(run, from: labelRange.lowerBound)
                continue
            }
            let sorted = workspace.sortedEvents
            for piece in workspace.labelPieces(of: run.windows.map { windows[$0] }, arrivals) {
                let first = labelRange.lowerBound + piece.labels.lowerBound
                workspace.loadLabels(
                    labelTimes, labelGroups.rows, first..<labelRange.lowerBound + piece.labels.upperBound)
                workspace.loadEvents(sorted, from: piece.reach.lowerBound, before: piece.reach.upperBound) { row in
                    !piece.hasLateEvents || arrivals[Int(row)] <= piece.reach.upperBound
                }
                gather()
                workspace.findRights(run.end)
                workspace.makeSchedule(arrivalTimes: nil)
                evaluate(run, from: first)
            }
            loadAll()
        }
    }

    private func compute(
        _ run: WindowRun, _ hashes: [[UInt64]], _ workspace: KeyWorkspace, _ slots: FeatureSlots, _ first: Int
    ) {
        for group in run.groups {
            switch group.family {
            case .rows: workspace.computeRowCounts(group, slots, first)
            case .moments: workspace.computeMoments(group, group.inputIndex, slots, first)
            case .extremes:
                workspace.computeExtremes(.min, group, group.inputIndex, slots, first)
                workspace.computeExtremes(.max, group, group.inputIndex, slots, first)
            case .ends: workspace.computeEnds(group, group.inputIndex, slots, first)
            case .firsts, .lasts: workspace.computeEndLists(group, group.inputIndex, slots, first)
            case .newest: workspace.computeNewest(group, slots, first)
            case .values:
                workspace.computeValues(group, group.inputIndex, hashes[group.inputIndex], slots, first)
            case .sketch: workspace.computeQuantiles(group, group.inputIndex, slots, first)
            case .sessions: workspace.computeSessions(group, slots, first)
            case .skew, .registers, .keyed, .decayed:
                workspace.computeGeneral(group, group.key.column.map { hashes[$0] } ?? [], slots, first)
            }
        }
    }

    private func makeColumns(
        _ slots: FeatureSlots, order: [Int32], inputs: [Column], threads: Int
    ) -> [Column] {
        var places = [Int32](repeating: 0, count: order.count)
        for (place, label) in order.enumerated() { places[Int(label)] = Int32(truncatingIfNeeded: place) }
        let slotOfLabel = places
        let results = Results(count: features.count)
        parallelFor(features.count, threads: threads) { feature in
            let isDerived = features[feature].operands != nil
            results.set(
                feature,
                isDerived
                    ? Column(.float64([]))
                    : slots.column(feature, features[feature], places: slotOfLabel, inputs: inputs))
            slots.free(feature)
        }
        return results.take()
    }

    /// The columns as the kernels read them: text as integers, in the order of the text where a family needs it; and
    /// for sketches the hashes of those texts.
    func kernelColumns(_ inputs: [Column], threads: Int) -> (columns: [Column], hashes: [[UInt64]]) {
        var columns = inputs
        var hashes = [[UInt64]](repeating: [], count: inputs.count)
        for input in self.inputs where input.type == .string || input.type == .bytes {
            let readers = groups.filter { ($0.key.category ?? $0.key.column) == input.index }
            let families = Set(readers.map(\.family))
            guard !families.isDisjoint(with: [.extremes, .values, .registers, .keyed]) else { continue }
            let numbers = textNumbers(
                inputs[input.index], inOrder: readers.contains(where: \.needsOrder),
                needsHashes: !families.isDisjoint(with: [.values, .registers]), threads: threads)
            columns[input.index] = numbers.column
            hashes[input.index] = numbers.hashes
        }
        return (columns, hashes)
    }
}

/// Entities in runs of about equal work.
private func keyRanges(_ events: RowGrouping, _ labels: RowGrouping, parts: Int) -> [Range<Int>] {
    let total = events.rows.count + 4 * labels.rows.count
    var ranges: [Range<Int>] = []
    var start = 0
    var work = 0
    for key in 0..<labels.keyCount {
        work += (key < events.keyCount ? events.range(key).count : 0) + 4 * labels.range(key).count
        if work * parts >= total {
            ranges.append(start..<key + 1)
            start = key + 1
            work = 0
        }
    }
    if start < labels.keyCount { ranges.append(start..<labels.keyCount) }
    return ranges
}

/// Each different text as one integer, in the order of their bytes if asked for, and the hash of each integer's text.
private func textNumbers(
    _ column: Column, inOrder: Bool, needsHashes: Bool, threads: Int
) -> (column: Column, hashes: [UInt64]) {
    let texts: ByteStrings
    switch column.values {
    case .string(let strings), .bytes(let strings): texts = strings
    default: preconditionFailure("not a text column")
    }
    var table = ByteTable()
    var firstRows: [Int32] = []
    let ids = table.assign(texts, count: texts.count, column.validity, &firstRows, threads: threads)
    return texts.bytes.withUnsafeBytes { bytes in
        func text(_ id: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: bytes[texts.range(Int(firstRows[id]))])
        }
        // The ids in the order of their numbers.
        let sorted =
            inOrder
            ? firstRows.indices.sorted { compareBytes(text($0), text($1)) < 0 } : Array(firstRows.indices)
        var ranks = [Int64](repeating: 0, count: sorted.count)
        for (rank, id) in sorted.enumerated() { ranks[id] = Int64(rank) }
        let hashes = needsHashes ? sorted.map { sketchHash(text($0)) } : []
        return (Column(.int64(ids.map { $0 < 0 ? 0 : ranks[Int($0)] }), validity: column.validity), hashes)
    }
}

/// Columns made by several threads.
///
/// `@unchecked Sendable` because each element is set once, by one thread, before any is taken.
private final class Results: @unchecked Sendable {
    private let base: UnsafeMutablePointer<Column?>
    private let count: Int

    init(count: Int) {
        self.count = count
        base = .allocate(capacity: max(1, count))
        base.initialize(repeating: nil, count: count)
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    func set(_ index: Int, _ column: Column) { base[index] = column }

    func take() -> [Column] { (0..<count).compactMap { base[$0] } }
}
