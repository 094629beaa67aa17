package import MartletCore
import MartletDefinitions

extension WindowPlan {
    /// The tiles of every entity that has an event which some window read at `upTo` or later can hold.
    ///
    /// A record knows exactly the events with `eventTime < upTo` (and `arrivalTime <= asKnownAt`), and answers for
    /// every read time from `upTo` on. Linear in events.
    ///
    /// - Parameters:
    ///   - events: give them `positions` where records will be merged, so that ties are broken alike.
    ///   - entities: only these, so that many entities can be loaded in pieces; nil means all.
    /// - Throws: as `compute`; `limitExceeded` for an entity whose record would take 4 GiB.
    package func buildTiles(
        events: EventColumns, upTo: Timestamp, asKnownAt: Timestamp? = nil, entities: Range<Int32>? = nil,
        threads: Int = processorCount
    ) throws(MartletError) -> TileRecords {
        try check(events)
        try checkTimes(events.eventTimes, "event time")
        try checkTimes([upTo.microseconds], "time of the tiles")
        try requireArrivalTimes(events, asKnown: asKnownAt != nil)

        let layout = tileLayout
        let all = 0..<Int32((events.ids.max() ?? -1) + 1)
        let wanted = (entities ?? all).clamped(to: all)
        let oldest = layout.tiers.map { $0.firstStart(at: upTo).microseconds }.min() ?? .max
        let ids = tileIDs(events, wanted, oldest..<max(oldest, upTo.microseconds), asKnownAt)
        let parts = events.count > 20_000 ? max(1, threads) : 1
        let groups = RowGrouping(ids: ids, keyCount: wanted.count, parts: parts)
        // Many chunks even for one thread: a growing array of all records would be copied over and over.
        let chunkCount = max(parts * 4, min(16, wanted.count))
        let chunks = TileChunks(count: chunkCount)
        withColumnViews(events.inputs) { views in
            parallelFor(chunkCount, threads: parts) { part in
                var builder = TileBuilder(plan: self, layout: layout, upTo: upTo.microseconds, views: views)
                let keys = keysOfPart(part, of: chunkCount, groups)
                for key in keys where !groups.range(key).isEmpty {
                    builder.build(key, id: wanted.lowerBound + Int32(key), groups, events)
                }
                chunks.set(part, builder.result)
            }
        }
        return TileRecords(chunks: try chunks.take())
    }

    /// The entities of the rows counted from `wanted.lowerBound`, -1 for rows that are left out.
    private func tileIDs(
        _ events: EventColumns, _ wanted: Range<Int32>, _ times: Range<Int64>, _ asKnownAt: Timestamp?
    ) -> [Int32] {
        let width = UInt32(wanted.count)
        return [Int32](unsafeUninitializedCapacity: events.count) { ids, initialized in
            for row in 0..<events.count {
                let id = events.ids[row] &- wanted.lowerBound
                let isKept = UInt32(bitPattern: id) < width && times.contains(events.eventTimes[row])
                ids[row] = isKept ? id : -1
            }
            if let asKnownAt, let arrivals = events.arrivalTimes {
                for row in 0..<events.count where arrivals[row] > asKnownAt.microseconds { ids[row] = -1 }
            }
            if events.removalTimes != nil {
                let time = asKnownAt?.microseconds ?? .max
                for row in 0..<events.count where events.isRemoved(row, at: time, asKnown: asKnownAt != nil) {
                    ids[row] = -1
                }
            }
            initialized = events.count
        }
    }
}

/// Keys in runs of about equal numbers of rows.
private func keysOfPart(_ part: Int, of parts: Int, _ groups: RowGrouping) -> Range<Int> {
    func firstKey(_ part: Int) -> Int {
        if part == 0 { return 0 }
        if part == parts { return groups.keyCount }
        let target = Int32(groups.rows.count * part / parts)
        return partitionPoint(0..<groups.keyCount) { groups.offsets[$0] >= target }
    }
    return firstKey(part)..<max(firstKey(part), firstKey(part + 1))
}

/// What the threads of one build hand back.
///
/// `@unchecked Sendable` because each element is set once, by one thread, before any is taken.
private final class TileChunks: @unchecked Sendable {
    private var results: UnsafeMutableBufferPointer<Result<TileRecords.Chunk, MartletError>>

    init(count: Int) {
        results = .allocate(capacity: count)
        results.initialize(repeating: .success(TileRecords.Chunk()))
    }

    deinit {
        results.deinitialize()
        results.deallocate()
    }

    func set(_ index: Int, _ result: Result<TileRecords.Chunk, MartletError>) { results[index] = result }

    func take() throws(MartletError) -> [TileRecords.Chunk] {
        var chunks: [TileRecords.Chunk] = []
        for result in results { chunks.append(try result.get()) }
        return chunks
    }
}

/// Builds the records of one thread's entities.
private struct TileBuilder {
    let plan: WindowPlan
    let layout: TileLayout
    let upTo: Int64
    let views: [ColumnView]
    let workspace: KeyWorkspace
    let writer = TileWriter()
    let states: TileStateWriter
    var chunk = TileRecords.Chunk()
    var failure: MartletError?

    init(plan: WindowPlan, layout: TileLayout, upTo: Int64, views: [ColumnView]) {
        self.plan = plan
        self.layout = layout
        self.upTo = upTo
        self.views = views
        workspace = KeyWorkspace(inputCount: views.count)
        states = TileStateWriter(plan: plan, views: views, workspace: workspace, writer: writer)
    }

    var result: Result<TileRecords.Chunk, MartletError> { failure.map { .failure($0) } ?? .success(chunk) }

    mutating func build(_ key: Int, id: Int32, _ groups: RowGrouping, _ events: EventColumns) {
        if failure != nil { return }
        workspace.loadEvents(groups, key, events)
        for input in plan.inputs { workspace.gather(input.index, views[input.index]) }
        var firsts: [Int] = []
        var counts: [Int] = []
        for tier in layout.tiers {
            let first = firstEvent(of: tier)
            firsts.append(first)
            counts.append(tileCount(of: tier, from: first))
        }
        writer.begin(layout, upTo: upTo, tileCounts: counts)
        var place = layout.tiersStart
        for (index, tier) in layout.tiers.enumerated() {
            write(tier, from: firsts[index], tileCount: counts[index], at: place, events)
            place += counts[index] * (8 + tier.stateByteCount)
        }
        do throws(MartletError) {
            try writer.finish()
            chunk.ids.append(id)
            chunk.bytes.append(contentsOf: writer.bytes)
            chunk.ends.append(chunk.bytes.count)
        } catch {
            failure = error
        }
    }

    private func firstEvent(of tier: TileTier) -> Int {
        let oldest = tier.firstStart(at: Timestamp(microseconds: upTo)).microseconds
        var event = 0
        while event < workspace.eventCount && workspace.times[event] < oldest { event += 1 }
        guard let count = tier.newestCount, workspace.eventCount - event > count else { return event }
        let first = event
        event = workspace.eventCount - count
        while event > first && workspace.times[event - 1] == workspace.times[event] { event -= 1 }
        return event
    }

    private func tileCount(of tier: TileTier, from first: Int) -> Int {
        var count = 0
        var end = Int64.min
        for event in first..<workspace.eventCount where workspace.times[event] >= end {
            count += 1
            end = flooredToMultiple(workspace.times[event], of: tier.hop.microseconds) + tier.hop.microseconds
        }
        return count
    }

    private mutating func write(
        _ tier: TileTier, from first: Int, tileCount: Int, at place: Int, _ events: EventColumns
    ) {
        var event = first
        for tile in 0..<tileCount {
            let start = flooredToMultiple(workspace.times[event], of: tier.hop.microseconds)
            var end = event + 1
            while end < workspace.eventCount && workspace.times[end] < start + tier.hop.microseconds { end += 1 }
            writer.store(start, place + 8 * tile)
            let tilePlace = place + 8 * tileCount + tile * tier.stateByteCount
            for slot in tier.slots { states.write(slot, event..<end, events, at: tilePlace + slot.offset) }
            event = end
        }
    }
}
