import MartletCore
import MartletDefinitions

extension TileAssembly {
    /// Lowers every feature that a tier's tiles make, into the row that starts at slot `row`.
    mutating func assemble(
        _ tier: AssemblyPlan.Tier, _ record: TileRecord, _ time: Int64, _ row: Int
    ) throws(MartletError) {
        let tileCount = record.tileCount(tier.index)
        let starts = record.start(tier.index)
        let states = starts + 8 * tileCount
        let right = tier.end.right(at: time)
        var newest = tileCount
        while newest > 0 && load(record.bytes, starts + 8 * (newest - 1), Int64.self) >= right { newest -= 1 }
        // The oldest tile of each window; windows grow, so that this only moves back.
        var oldest = newest
        for window in tier.windows.indices {
            let left = tier.windows[window].left(at: time)
            while oldest > 0 && load(record.bytes, starts + 8 * (oldest - 1), Int64.self) >= left { oldest -= 1 }
            switch tier.windows[window].shape {
            case .sliding, .tumbling: break
            case .newest(let count): oldest = oldestOfNewest(count, tier, record, oldest..<newest)
            case .session(let gap): oldest = oldestOfSession(gap.microseconds, tier, record, oldest..<newest, time)
            }
            bounds[window] = oldest
        }
        for step in tier.steps {
            let walk = TileWalk(
                record: record, slot: step.slot, states: states + step.slot.offset, stride: tier.stateByteCount,
                newest: newest)
            switch step.slot.family {
            case .rows: assembleRows(walk, step, row)
            case .moments: try assembleMoments(walk, step, row)
            case .extremes:
                if step.slot.isText {
                    try assembleTextExtremes(walk, step, row)
                } else {
                    assembleExtremes(walk, step, row)
                }
            case .ends: try assembleEnds(walk, step, row)
            case .newest: assembleNewest(walk, step, row)
            case .values:
                if try assembleDistinct(walk, step, row) { continue }
                try assembleTail(walk, step, time &- tier.end.lag, row)
            case .sessions: try assembleSessions(walk, step, row)
            case .skew, .firsts, .lasts, .registers, .sketch, .keyed, .decayed:
                try assembleTail(walk, step, time &- tier.end.lag, row)
            }
        }
    }

    /// The first of the tiles that hold the newest `count` events among those of `tiles`.
    private func oldestOfNewest(
        _ count: Int, _ tier: AssemblyPlan.Tier, _ record: TileRecord, _ tiles: Range<Int>
    ) -> Int {
        guard let offset = tier.rowsOffset else { preconditionFailure("a tier of the newest counts its events") }
        let states = record.start(tier.index) + 8 * record.tileCount(tier.index)
        var tile = tiles.upperBound
        var found: Int64 = 0
        while tile > tiles.lowerBound && found < count {
            tile -= 1
            found &+= load(record.bytes, states + tile * tier.stateByteCount + offset, Int64.self)
        }
        return tile
    }

    /// The first of the tiles, each one moment, of the session that goes on at `time`; the end of `tiles` where none
    /// does.
    private func oldestOfSession(
        _ gap: Int64, _ tier: AssemblyPlan.Tier, _ record: TileRecord, _ tiles: Range<Int>, _ time: Int64
    ) -> Int {
        let starts = record.start(tier.index)
        var tile = tiles.upperBound
        var next = time
        while tile > tiles.lowerBound {
            let start = load(record.bytes, starts + 8 * (tile - 1), Int64.self)
            if next &- start > gap { break }
            next = start
            tile -= 1
        }
        return tile
    }

    private mutating func assembleRows(_ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int) {
        var tile = walk.newest
        var total: Int64 = 0
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                total &+= load(walk.record.bytes, walk.place(tile), Int64.self)
            }
            for output in window.outputs { set(output.column, row, total) }
        }
    }

    private mutating func assembleMoments(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        var tile = walk.newest
        var moments = Moments()
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                moments.narrow &+= walk.record.narrowMoments(walk.slot, place)
                let wide = Int(load(walk.record.bytes, place + 4, UInt32.self))
                if wide != 0 {
                    moments.combine(
                        Moments(narrow: NarrowMoments(), wide: try walk.record.wideMoments(walk.slot, wide)))
                }
            }
            for output in window.outputs {
                if output.function == .count {
                    set(output.column, row, moments.count)
                } else if let value = moments.lower(output.function) {
                    set(output.column, row, slot(value))
                }
            }
        }
    }

    private mutating func assembleExtremes(_ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int) {
        var tile = walk.newest
        var minimum = Int64.max
        var maximum = Int64.min
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                minimum = min(minimum, load(walk.record.bytes, place, Int64.self))
                maximum = max(maximum, load(walk.record.bytes, place + 8, Int64.self))
            }
            if minimum > maximum { continue }
            for output in window.outputs { set(output.column, row, output.function == .min ? minimum : maximum) }
        }
    }

    private mutating func assembleTextExtremes(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        var tile = walk.newest
        var minimum: UnsafeRawBufferPointer?
        var maximum: UnsafeRawBufferPointer?
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                if let text = try walk.text(place), minimum.map({ compareBytes(text, $0) < 0 }) ?? true {
                    minimum = text
                }
                if let text = try walk.text(place + 8), maximum.map({ compareBytes(text, $0) > 0 }) ?? true {
                    maximum = text
                }
            }
            guard let minimum, let maximum else { continue }
            for output in window.outputs { set(output.column, row, output.function == .min ? minimum : maximum) }
        }
    }

    /// An end is the place of the winning state; its value is read only when it is lowered.
    private mutating func assembleEnds(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        let lastOffset = walk.slot.needsFirst ? 32 : 0
        var tile = walk.newest
        var first: (order: OrderKey, place: Int)?
        var last: (order: OrderKey, place: Int)?
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                // Tiles go back in time, so that each first beats the one before, and the first last stays.
                if walk.slot.needsFirst, let order = walk.record.order(place, absentFirstTime) {
                    first = (order, place + 24)
                }
                if walk.slot.needsLast, last == nil, let order = walk.record.order(place + lastOffset, absentLastTime) {
                    last = (order, place + lastOffset + 24)
                }
            }
            for output in window.outputs {
                guard let end = output.function == .first ? first : last else { continue }
                if !walk.slot.isText {
                    set(output.column, row, load(walk.record.bytes, end.place, Int64.self))
                } else {
                    guard let text = try walk.text(end.place) else { throw corruptTail }
                    set(output.column, row, text)
                }
            }
        }
    }

    private mutating func assembleNewest(_ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int) {
        var tile = walk.newest
        var newest = Int64.min
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                newest = max(newest, load(walk.record.bytes, walk.place(tile), Int64.self))
            }
            if newest == .min { continue }
            for output in window.outputs { set(output.column, row, newest) }
        }
    }

    /// Counts sessions by the ends of each tile's alone: tiles go back in time, so that only the newest session of a
    /// tile and the oldest so far can be one.
    private mutating func assembleSessions(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        var tile = walk.newest
        var count: Int64 = 0
        var oldest: Int64?
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let part = try walk.record.tailPart(at: walk.place(tile))
                if part.isEmpty { continue }
                guard part.count % 16 == 0 else { throw corruptTail }
                count &+= Int64(part.count / 16)
                let newest = load(part, part.count - 8, Int64.self)
                if let oldest, oldest &- newest <= walk.slot.key.gap { count &-= 1 }
                oldest = load(part, 0, Int64.self)
            }
            for output in window.outputs { set(output.column, row, count) }
        }
    }

    /// Counts different values without making states of them.
    /// - Returns: false, with nothing of use done, where something else is asked for or there are too many values.
    private mutating func assembleDistinct(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) -> Bool {
        for window in step.windows where window.outputs.contains(where: { $0.function != .distinct }) { return false }
        values.removeAll()
        var tile = walk.newest
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let part = try walk.record.tailPart(at: walk.place(tile))
                if part.isEmpty { continue }
                var reader = TailReader(part)
                let count = try reader.next(UInt32.self)
                if count > differentValuesMaximum { return false }
                let base = Int(load(walk.record.bytes, walk.place(tile), UInt32.self)) + 4
                if walk.slot.isText {
                    try insertTexts(walk.record, base, Int(count))
                } else {
                    guard part.count >= 4 + 12 * Int(count) else { throw corruptTail }
                    for index in 0..<Int(count) {
                        let value = load(part, 8 + 12 * index, Int64.self)
                        values.insert(value, hash: hashedValue(value) &>> 20) {
                            $0 == value
                        } hashOf: {
                            hashedValue($0) &>> 20
                        }
                    }
                }
                if values.count > differentValuesMaximum { return false }
            }
            for output in window.outputs { set(output.column, row, Int64(values.count)) }
        }
        return true
    }

    /// A text of the set is the place of its length within the record.
    private mutating func insertTexts(_ record: TileRecord, _ first: Int, _ count: Int) throws(MartletError) {
        var offset = first
        for _ in 0..<count {
            guard let head = record.tail(offset, 8),
                let text = record.tail(offset + 8, Int(load(head, 4, UInt32.self)))
            else { throw corruptTail }
            // Only texts that were checked are in the set.
            func known(_ key: Int64) -> UnsafeRawBufferPointer {
                let start = Int(key)
                return UnsafeRawBufferPointer(
                    rebasing: record.bytes[start + 8..<start + 8 + Int(load(record.bytes, start + 4, UInt32.self))])
            }
            values.insert(Int64(offset), hash: hashedText(text)) {
                compareBytes(known($0), text) == 0
            } hashOf: {
                hashedText(known($0))
            }
            offset += 8 + text.count
        }
    }

    @inline(__always)
    mutating func set(_ column: Int, _ row: Int, _ value: Int64) {
        slots[row &+ column] = value
        presence[row &+ column] = 1
    }

    private mutating func set(_ column: Int, _ row: Int, _ text: UnsafeRawBufferPointer) {
        set(column, row, Int64(texts.count) << 32 | Int64(text.count))
        texts.append(contentsOf: text)
    }
}

/// The states of one slot in the tiles of a tier.
struct TileWalk {
    let record: TileRecord
    let slot: TileSlot
    /// Where the state of tile 0 is.
    let states: Int
    let stride: Int
    /// One beyond the newest tile.
    let newest: Int

    @inline(__always)
    func place(_ tile: Int) -> Int { states &+ tile &* stride }

    func text(_ place: Int) throws(MartletError) -> UnsafeRawBufferPointer? {
        let offset = Int(load(record.bytes, place, UInt32.self))
        if offset == 0 { return nil }
        guard let text = record.tail(offset, Int(load(record.bytes, place + 4, UInt32.self))) else { throw corruptTail }
        return text
    }
}
