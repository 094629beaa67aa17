package import MartletCore

extension WindowPlan {
    /// The record of the events of both records, for read times from the later `upTo` on: how an incremental load adds
    /// to what is stored. Bytes equal those of a record built from all the events at once, given `positions`.
    ///
    /// - Precondition: no event is in both.
    /// - Throws: `corruptData` for a damaged record, `stalePlan` for one of another layout, `limitExceeded` beyond 4
    ///   GiB.
    package func merge(_ left: [UInt8], _ right: [UInt8]) throws(MartletError) -> [UInt8] {
        let layout = tileLayout
        return try withRecords(left, right, layout) { left, right throws(MartletError) in
            try left.verifyChecksum()
            try right.verifyChecksum()
            return try merged(left, right, layout)
        }
    }
}

/// A tile of the result: its start, and where its states are in either record.
private struct MergedTile {
    var start: Int64
    var left: Int?
    var right: Int?
}

private func merged(_ left: TileRecord, _ right: TileRecord, _ layout: TileLayout) throws(MartletError) -> [UInt8] {
    let record = (left: left, right: right)
    let upTo = max(left.upTo, right.upTo)
    let tiles = layout.tiers.indices.map { mergedTiles(left, right, layout.tiers[$0], $0, upTo) }
    let writer = TileWriter()
    writer.begin(layout, upTo: upTo, tileCounts: tiles.map(\.count))
    var place = layout.tiersStart
    for (tier, tiles) in zip(layout.tiers, tiles) {
        for (index, tile) in tiles.enumerated() {
            writer.store(tile.start, place + 8 * index)
            let states = place + 8 * tiles.count + index * tier.stateByteCount
            for slot in tier.slots {
                let target = states + slot.offset
                if let left = tile.left, let right = tile.right {
                    var state = try record.left.state(slot, tile: left)
                    state.combine(try record.right.state(slot, tile: right))
                    writer.write(state, slot, at: target)
                } else if let left = tile.left {
                    try writer.copy(slot, from: record.left, tile: left, to: target)
                } else if let right = tile.right {
                    try writer.copy(slot, from: record.right, tile: right, to: target)
                }
            }
        }
        place += tiles.count * (8 + tier.stateByteCount)
    }
    try writer.finish()
    return Array(writer.bytes)
}

private func mergedTiles(
    _ left: TileRecord, _ right: TileRecord, _ tier: TileTier, _ index: Int, _ upTo: Int64
) -> [MergedTile] {
    let oldest = tier.firstStart(at: Timestamp(microseconds: upTo)).microseconds
    let leftTiles = left.tiles(index, tier).filter { $0.start >= oldest }
    let rightTiles = right.tiles(index, tier).filter { $0.start >= oldest }
    var result: [MergedTile] = []
    var next = 0
    for tile in leftTiles {
        while next < rightTiles.count && rightTiles[next].start < tile.start {
            result.append(MergedTile(start: rightTiles[next].start, right: rightTiles[next].states))
            next += 1
        }
        var merged = MergedTile(start: tile.start, left: tile.states)
        if next < rightTiles.count && rightTiles[next].start == tile.start {
            merged.right = rightTiles[next].states
            next += 1
        }
        result.append(merged)
    }
    for tile in rightTiles[next...] { result.append(MergedTile(start: tile.start, right: tile.states)) }
    return newestTiles(result, left, right, tier)
}

/// Of a tier that keeps the newest events those that hold them, else all.
private func newestTiles(
    _ tiles: [MergedTile], _ left: TileRecord, _ right: TileRecord, _ tier: TileTier
) -> [MergedTile] {
    guard let count = tier.newestCount, let offset = tier.rows?.offset else { return tiles }
    var found: Int64 = 0
    var first = tiles.count
    while first > 0 && found < count {
        first -= 1
        if let states = tiles[first].left { found &+= load(left.bytes, states + offset, Int64.self) }
        if let states = tiles[first].right { found &+= load(right.bytes, states + offset, Int64.self) }
    }
    return Array(tiles[first...])
}
