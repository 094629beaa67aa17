package import MartletCore

extension ResidentTiles {
    /// A time of a key whose events that stay must be seen to take others out.
    package struct Need: Sendable, Hashable {
        package var key: Int32
        package var times: Range<Int64>
    }

    /// Which events that stay `retract` must see to take these out: none where every state has an inverse, or where
    /// the event is neither an extreme nor an end of its tile.
    /// - Throws: as `retract`.
    package mutating func needs(toRetract removed: borrowing EventColumns) throws(MartletError) -> [Need] {
        var needs: [Int32: Range<Int64>] = [:]
        for tile in try touched(by: removed) where tile.isRebuilt {
            let end = tile.isWhole ? Int64.max : tile.start &+ tiers[tile.tier].hop
            let start = tile.isWhole ? tiers[tile.tier].oldest : tile.start
            let before = needs[tile.key]
            needs[tile.key] = min(before?.lowerBound ?? start, start)..<max(before?.upperBound ?? end, end)
        }
        return needs.map { Need(key: $0.key, times: $0.value) }.sorted { $0.key < $1.key }
    }

    /// Takes events out that were applied: by the inverse where a state has one, else the tile is built anew from the
    /// events that stay.
    ///
    /// - Parameters:
    ///   - removed: with the order keys and values that they were applied with.
    ///   - live: of `needs(toRetract:)`, the events that stay and that were applied, ids being keys, each once.
    /// - Throws: `invalidInput` where a tile does not hold an event, before anything is changed; or where the live
    ///   events are not as many as the tile had, which is built of them nevertheless.
    package mutating func retract(
        _ removed: borrowing EventColumns, live: borrowing EventColumns
    ) throws(MartletError) {
        try check(live)
        let tiles = try touched(by: removed)
        // Before inverses, while the block holds none of the removed events.
        let rebuilt = Set(tiles.filter(\.isRebuilt))
        let views = removed.inputs
        withColumnViews(views) { views in
            forEachEvent(removed, views) { tiles, index in
                for tier in tiles.tiers.indices { tiles.removeByInverse(index, tier, rebuilt) }
            }
        }
        for tile in tiles where !tile.isRebuilt {
            let run = run(tile.tier, tile.key)
            if let index = existingTile(tile.tier, run, start: tile.start),
                self.tile(tile.tier, run, index).load(fromByteOffset: 8, as: Int64.self) == 0
            {
                removeTile(tile.tier, run, index)
            }
        }
        try rebuild(rebuilt, live)
    }

    /// As `retract(_:live:)`, asking for the events that stay where they are needed.
    package mutating func retract(
        _ removed: borrowing EventColumns, live: (Need) throws(MartletError) -> EventColumns
    ) throws(MartletError) {
        var all: EventColumns?
        for need in try needs(toRetract: removed) {
            let events = try live(need)
            if var joined = all {
                joined.append(events)
                all = joined
            } else {
                all = events
            }
        }
        try retract(removed, live: all ?? removed.selecting([]))
    }

    /// A tile that loses events.
    private struct TouchedTile: Hashable {
        var key: Int32
        var tier: Int
        var start: Int64
        /// Of a tier that keeps the newest events, older ones of which return: all its tiles.
        var isWhole: Bool
        var isRebuilt: Bool
    }

    private mutating func touched(by removed: borrowing EventColumns) throws(MartletError) -> [TouchedTile] {
        try check(removed)
        var found: [TouchedTile: (lost: Int64, isRebuilt: Bool)] = [:]
        var isHeld = true
        withColumnViews(removed.inputs) { views in
            forEachEvent(removed, views) { tiles, index in
                let key = tiles.block.keys.base[index]
                for tier in tiles.tiers.indices {
                    let start = flooredToMultiple(tiles.block.orders.base[index].eventTime, of: tiles.tiers[tier].hop)
                    if start < tiles.tiers[tier].oldest { continue }
                    let isWhole = tiles.tiers[tier].tier.newestCount != nil
                    let run = tiles.run(tier, key)
                    guard let place = tiles.existingTile(tier, run, start: start) else {
                        // Older than the newest so many.
                        if !isWhole { isHeld = false }
                        continue
                    }
                    let tile = tiles.tile(tier, run, place)
                    var name = TouchedTile(key: key, tier: tier, start: start, isWhole: isWhole, isRebuilt: false)
                    if isWhole { name.start = .min }
                    let rows = tile.load(fromByteOffset: 8, as: Int64.self)
                    var state = found[name] ?? (0, isWhole || rows < 0)
                    state.lost += 1
                    if !isWhole && rows >= 0 && state.lost > rows { isHeld = false }
                    if !state.isRebuilt {
                        state.isRebuilt = !tiles.tiers[tier].operations.allSatisfy {
                            tiles.canRemove($0, tile, index)
                        }
                    }
                    found[name] = state
                }
            }
        }
        guard isHeld else { throw notHeld }
        var result: [TouchedTile] = []
        for (name, state) in found {
            var name = name
            // A tile that loses all its events is dropped, whatever its states.
            let run = run(name.tier, name.key)
            var isEmptied = false
            if !name.isWhole, let place = existingTile(name.tier, run, start: name.start) {
                isEmptied = tile(name.tier, run, place).load(fromByteOffset: 8, as: Int64.self) == state.lost
            }
            name.isRebuilt = state.isRebuilt && !isEmptied
            result.append(name)
        }
        return result
    }

    /// Takes the events of the batch into the block, part by part.
    private mutating func forEachEvent(
        _ events: borrowing EventColumns, _ views: [ColumnView], _ body: (inout ResidentTiles, Int) -> Void
    ) {
        block.views = views
        var next = 0
        while next < events.count {
            let end = min(next + EventBlock.length, events.count)
            block.removeAll()
            for row in next..<end where events.ids[row] >= 0 && events.ids[row] < keyCount {
                block.append(row: Int32(row), key: events.ids[row], events.orderKey(row))
            }
            block.gather()
            for index in 0..<block.count { body(&self, index) }
            next = end
        }
        block.views = []
    }

    private mutating func removeByInverse(_ index: Int, _ tier: Int, _ rebuilt: Set<TouchedTile>) {
        if tiers[tier].tier.newestCount != nil { return }
        let key = block.keys.base[index]
        let start = flooredToMultiple(block.orders.base[index].eventTime, of: tiers[tier].hop)
        let name = TouchedTile(key: key, tier: tier, start: start, isWhole: false, isRebuilt: true)
        if start < tiers[tier].oldest || rebuilt.contains(name) { return }
        let run = run(tier, key)
        guard let place = existingTile(tier, run, start: start) else { return }
        let tile = tile(tier, run, place)
        if tile.load(fromByteOffset: 8, as: Int64.self) == 1 {
            // The last one: what is left of extremes and ends goes with the tile.
            tile.storeBytes(of: 0, toByteOffset: 8, as: Int64.self)
        } else if tiers[tier].operations.allSatisfy({ canRemove($0, tile, index) }) {
            remove(index, from: tile, tier)
        } else {
            // All events of the tile go.
            tile.storeBytes(
                of: tile.load(fromByteOffset: 8, as: Int64.self) - 1, toByteOffset: 8, as: Int64.self)
        }
    }

    private mutating func rebuild(
        _ rebuilt: Set<TouchedTile>, _ live: borrowing EventColumns
    ) throws(MartletError) {
        if rebuilt.isEmpty { return }
        for tile in rebuilt {
            let run = run(tile.tier, tile.key)
            if tile.isWhole {
                drop(run.pointee.count, of: tile.tier, run)
            } else if let index = existingTile(tile.tier, run, start: tile.start) {
                removeTile(tile.tier, run, index)
            }
        }
        withColumnViews(live.inputs) { views in
            forEachEvent(live, views) { tiles, index in
                let key = tiles.block.keys.base[index]
                for tier in tiles.tiers.indices {
                    let isWhole = tiles.tiers[tier].tier.newestCount != nil
                    let start = flooredToMultiple(tiles.block.orders.base[index].eventTime, of: tiles.tiers[tier].hop)
                    let name = TouchedTile(
                        key: key, tier: tier, start: isWhole ? .min : start, isWhole: isWhole, isRebuilt: true)
                    guard start >= tiles.tiers[tier].oldest, rebuilt.contains(name) else { continue }
                    let run = tiles.run(tier, key)
                    tiles.add(index, to: tiles.makeTile(tier, run, start: start), tier)
                    tiles.keepNewest(tier, run)
                }
            }
        }
    }
}

private let notHeld = MartletError(
    .invalidInput, "events are taken out of tiles that do not hold them",
    fix: "retract what was applied, or build the tiles anew")

extension EventColumns {
    /// - Precondition: columns of the same types.
    mutating func append(_ other: EventColumns) {
        ids += other.ids
        eventTimes += other.eventTimes
        if let more = other.arrivalTimes { arrivalTimes = (arrivalTimes ?? []) + more }
        if let more = other.positions { positions = (positions ?? []) + more }
        for index in inputs.indices { inputs[index] = Column.joining(fitting: [inputs[index], other.inputs[index]]) }
    }

    /// The named rows, in that order.
    package func selecting(_ wanted: [Int32]) -> EventColumns {
        EventColumns(
            ids: wanted.map { ids[Int($0)] }, eventTimes: wanted.map { eventTimes[Int($0)] },
            arrivalTimes: arrivalTimes.map { times in wanted.map { times[Int($0)] } },
            positions: positions.map { places in wanted.map { places[Int($0)] } },
            inputs: inputs.map { $0.gathering(fitting: wanted) })
    }
}
