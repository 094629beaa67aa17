package import MartletCore

extension WindowPlan {
    /// The record without some of its events, as deletes and updates need it: the bytes of a record built from the
    /// events that stay. A state with an inverse gives them back; the others are rebuilt from the events that stay in
    /// their tiles, and so are tiers of the newest events, to which older ones return.
    ///
    /// An update retracts the old event and merges a record of the new one.
    ///
    /// - Parameters:
    ///   - removed: events of the record's entity, whatever their ids, with the `positions` that it was built with.
    ///   - live: gives the entity's events that stay and that the record knows, at least those of the times it is
    ///     called with, with their `positions`. Called once at most, and not at all where every touched state has an
    ///     inverse and its tier counts rows (an aggregate `count` without a column), which tells whether a tile is
    ///     empty.
    /// - Returns: nil where no event is left within reach, and so no record.
    /// - Throws: `corruptData` for a damaged record, `stalePlan` for one of another layout, `invalidInput` where a
    ///   removed event lies in a tile that the record does not have, or more of them than it has; as `buildTiles` and
    ///   `live`.
    package func retract(
        _ removed: EventColumns, from record: [UInt8], live: (Range<Timestamp>) throws(MartletError) -> EventColumns
    ) throws(MartletError) -> [UInt8]? {
        let layout = tileLayout
        let upTo = try withRecord(record, layout) { held throws(MartletError) in
            try held.verifyChecksum()
            return Timestamp(microseconds: held.upTo)
        }
        guard let removedRecord = try onlyRecord(of: removed, upTo: upTo) else { return record }
        let retraction = try withRecords(record, removedRecord, layout) { held, gone throws(MartletError) in
            try Retraction(held, gone, layout)
        }
        var rebuilt: [UInt8]?
        if let times = retraction.rebuiltTimes(layout, upTo: upTo) {
            rebuilt = try onlyRecord(of: try live(times), upTo: upTo)
        }
        // Without events that stay nothing is read of the other record.
        return try withRecords(record, rebuilt ?? record, layout) { held, other throws(MartletError) in
            try retraction.written(held, rebuilt == nil ? nil : other, layout)
        }
    }

    /// The record of one entity's events; nil where none is in reach.
    private func onlyRecord(of events: EventColumns, upTo: Timestamp) throws(MartletError) -> [UInt8]? {
        var events = events
        events.ids = [Int32](repeating: 0, count: events.count)
        let records = try buildTiles(events: events, upTo: upTo, threads: 1)
        return records.count == 0 ? nil : records.record(0)
    }
}

/// What becomes of each tile of a record when events are taken out of it.
private struct Retraction {
    struct Tile {
        var start: Int64
        /// Where its states are in the record.
        var states: Int
        /// For a tile that loses events what is left of each slot's state, nil where the events that stay must tell;
        /// nil for a tile that stays as it is.
        var remaining: [TileState?]?
        /// Whether the events that stay must tell something.
        var isRebuilt = false
    }

    /// nil for a tier that is rebuilt as a whole.
    private var tiers: [[Tile]?] = []

    /// - Parameter gone: the record of the removed events.
    init(_ held: TileRecord, _ gone: TileRecord, _ layout: TileLayout) throws(MartletError) {
        for (index, tier) in layout.tiers.enumerated() {
            let tiles = held.tiles(index, tier).map { Tile(start: $0.start, states: $0.states) }
            let lost = Dictionary(uniqueKeysWithValues: gone.tiles(index, tier).map { ($0.start, $0.states) })
            if tier.newestCount == nil {
                tiers.append(try Self.changed(tiles, lost, tier, held, gone))
            } else {
                // Events older than the newest so many are in no tile of the record.
                tiers.append(tiles.contains { lost[$0.start] != nil } ? nil : tiles)
            }
        }
    }

    private static func changed(
        _ tiles: [Tile], _ lost: [Int64: Int], _ tier: TileTier, _ held: TileRecord, _ gone: TileRecord
    ) throws(MartletError) -> [Tile] {
        var changed: [Tile] = []
        var found = 0
        for var tile in tiles {
            guard let place = lost[tile.start] else {
                changed.append(tile)
                continue
            }
            found += 1
            var remaining: [TileState?] = []
            var rowCount: Int64?
            for slot in tier.slots {
                let state = try held.state(slot, tile: tile.states).without(try gone.state(slot, tile: place))
                if case .rows(let rows)? = state { rowCount = rows.count }
                if case .moments(let moments)? = state, moments.count < 0 { throw notHeld }
                remaining.append(state)
            }
            if let rowCount, rowCount < 0 { throw notHeld }
            if rowCount == 0 { continue }
            // States of no input may still be those of rows without a value.
            let isMaybeEmpty = rowCount == nil && remaining.allSatisfy { $0?.isZero ?? true }
            tile.isRebuilt = isMaybeEmpty || remaining.contains { $0 == nil }
            tile.remaining = remaining
            changed.append(tile)
        }
        guard found == lost.count else { throw notHeld }
        return changed
    }

    /// The times whose events that stay are needed; nil where none are.
    func rebuiltTimes(_ layout: TileLayout, upTo: Timestamp) -> Range<Timestamp>? {
        var first = Int64.max
        var end = Int64.min
        for (tier, tiles) in zip(layout.tiers, tiers) {
            guard let tiles else {
                first = min(first, tier.firstStart(at: upTo).microseconds)
                end = upTo.microseconds
                continue
            }
            for tile in tiles where tile.isRebuilt {
                first = min(first, tile.start)
                end = max(end, min(tile.start + tier.hop.microseconds, upTo.microseconds))
            }
        }
        return first < end ? Timestamp(microseconds: first)..<Timestamp(microseconds: end) : nil
    }

    /// - Parameter live: of the events that stay; nil where there are none or none were asked for.
    func written(_ held: TileRecord, _ live: TileRecord?, _ layout: TileLayout) throws(MartletError) -> [UInt8]? {
        var tiles: [[SourceTile]] = []
        for (index, tier) in layout.tiers.enumerated() { tiles.append(try sources(index, tier, held, live)) }
        if tiles.allSatisfy(\.isEmpty) { return nil }
        let writer = TileWriter()
        writer.begin(layout, upTo: held.upTo, tileCounts: tiles.map(\.count))
        var place = layout.tiersStart
        for (tier, tiles) in zip(layout.tiers, tiles) {
            for (index, tile) in tiles.enumerated() {
                writer.store(tile.start, place + 8 * index)
                let states = place + 8 * tiles.count + index * tier.stateByteCount
                for (number, slot) in tier.slots.enumerated() {
                    if let state = tile.remaining?[number] {
                        writer.write(state, slot, at: states + slot.offset)
                    } else {
                        try writer.copy(slot, from: tile.record, tile: tile.states, to: states + slot.offset)
                    }
                }
            }
            place += tiles.count * (8 + tier.stateByteCount)
        }
        try writer.finish()
        return Array(writer.bytes)
    }

    /// A tile of the result: the states that are left, and the record and the place of the others.
    private struct SourceTile {
        var start: Int64
        var remaining: [TileState?]?
        var record: TileRecord
        var states: Int
    }

    private func sources(
        _ index: Int, _ tier: TileTier, _ held: TileRecord, _ live: TileRecord?
    ) throws(MartletError) -> [SourceTile] {
        let rebuilt = live.map { live in
            live.tiles(index, tier).map { SourceTile(start: $0.start, record: live, states: $0.states) }
        }
        guard let tiles = tiers[index] else { return rebuilt ?? [] }
        let byStart = Dictionary(uniqueKeysWithValues: (rebuilt ?? []).map { ($0.start, $0) })
        var result: [SourceTile] = []
        for tile in tiles {
            if !tile.isRebuilt {
                result.append(
                    SourceTile(start: tile.start, remaining: tile.remaining, record: held, states: tile.states))
            } else if var source = byStart[tile.start] {
                source.remaining = tile.remaining
                result.append(source)
            } else if let remaining = tile.remaining, remaining.contains(where: { $0.map { !$0.isZero } ?? false }) {
                // Something is left of the tile, and the events that stay do not have it.
                throw notHeld
            }
        }
        return result
    }
}

private let notHeld = MartletError(
    .invalidInput, "events are taken out of tiles that do not hold them",
    fix: "retract what the record was built from, or build it anew")
