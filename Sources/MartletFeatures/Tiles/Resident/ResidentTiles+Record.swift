package import MartletCore

extension ResidentTiles {
    /// The record of a key for read times from `upTo` on, as `buildTiles` makes it of the same events; nil where there
    /// is nothing within reach.
    /// - Throws: `invalidInput` where the key has an event at or after `upTo`, `limitExceeded` for 4 GiB.
    package mutating func record(of key: Int32, upTo: Timestamp) throws(MartletError) -> [UInt8]? {
        try writeRecord(of: key, upTo: upTo) ? Array(writer.bytes) : nil
    }

    /// As `record(of:upTo:)`, without a copy: the bytes are valid within `body` only.
    /// - Parameter writesEmpty: whether to write a record without tiles where there is nothing within reach.
    package mutating func withRecord<Value>(
        of key: Int32, upTo: Timestamp, writesEmpty: Bool = false,
        _ body: (UnsafeRawBufferPointer) throws(MartletError) -> Value
    ) throws(MartletError) -> Value? {
        try writeRecord(of: key, upTo: upTo, writesEmpty) ? try body(writer.bytes) : nil
    }

    /// Takes up a stored record in place of what the key has. Nothing can be read before the record's time any more.
    /// - Parameters:
    ///   - newestEventTime: of the events that the record has heard of, microseconds.
    ///   - newestArrivalTime: likewise.
    /// - Throws: `corruptData` for a damaged record, `stalePlan` for one of another layout; the key is empty then.
    package mutating func load(
        _ bytes: UnsafeRawBufferPointer, of key: Int32, newestEventTime: Int64, newestArrivalTime: Int64
    ) throws(MartletError) {
        reserveKeys(key + 1)
        remove(key)
        let record = try TileRecord(bytes, layout)
        try record.verifyChecksum()
        // Older tiles than the record's time can reach are not in it.
        advance(to: Timestamp(microseconds: record.upTo))
        do throws(MartletError) {
            for tier in tiers.indices { try take(record, tier, run(tier, key)) }
        } catch {
            remove(key)
            throw error
        }
        head(key).pointee = KeyHead(newestEventTime: newestEventTime, newestArrivalTime: newestArrivalTime)
    }

    /// As `load(_:of:newestEventTime:newestArrivalTime:)` of a record whose newest event is not known.
    package mutating func load(_ record: [UInt8], into key: Int32) throws(MartletError) {
        let result = record.withUnsafeBytes { bytes in
            Result { () throws(MartletError) in
                try load(bytes, of: key, newestEventTime: .min, newestArrivalTime: .min)
            }
        }
        try result.get()
    }

    private mutating func take(
        _ record: TileRecord, _ tier: Int, _ run: UnsafeMutablePointer<TileRun>
    ) throws(MartletError) {
        for (start, states) in record.tiles(tier, tiers[tier].tier) where start >= tiers[tier].oldest {
            let tile = makeTile(tier, run, start: start)
            tile.storeBytes(of: TileHead.unknownRows, toByteOffset: 8, as: Int64.self)
            for operation in tiers[tier].operations where operation.kind == .rows {
                let rows = MartletFeatures.load(
                    record.bytes, states + operation.offset - TileHead.byteCount, Int64.self)
                tile.storeBytes(of: rows, toByteOffset: 8, as: Int64.self)
            }
            for (place, slot) in tiers[tier].tier.slots.enumerated() {
                try take(record, states + slot.offset, slot, place, tier, tile + TileHead.byteCount + slot.offset)
            }
        }
    }

    private mutating func take(
        _ record: TileRecord, _ source: Int, _ slot: TileSlot, _ place: Int, _ tier: Int,
        _ state: UnsafeMutableRawPointer
    ) throws(MartletError) {
        guard let base = record.bytes.baseAddress else { throw corruptTail }
        func copy(_ offset: Int, _ count: Int) {
            (state + offset).copyMemory(from: base + source + offset, byteCount: count)
        }
        switch slot.family {
        case .rows, .newest: copy(0, slot.byteCount)
        case .moments:
            let moments = try record.moments(slot, source)
            copy(0, slot.byteCount)
            let reference = moments.wide.map { wide.insert($0) } ?? 0
            state.storeBytes(of: reference, toByteOffset: 4, as: UInt32.self)
        case .extremes:
            if !slot.isText {
                copy(0, 16)
                return
            }
            try loadText(record, source, state)
            try loadText(record, source + 8, state + 8)
        case .ends:
            for offset in stride(from: 0, to: slot.byteCount, by: 32) {
                copy(offset, slot.isText ? 24 : 32)
                if slot.isText { try loadText(record, source + offset + 24, state + offset + 24) }
            }
        case .skew, .firsts, .lasts, .values, .registers, .sketch, .keyed, .decayed, .sessions:
            let operation = tiers[tier].operations.first {
                $0.kind == .tail && $0.offset == TileHead.byteCount + slot.offset
            }
            guard let operation else { preconditionFailure("every slot has an operation") }
            let reference = try pools[operation.pool].read(record, at: source)
            state.storeBytes(of: reference, as: UInt32.self)
        }
    }

    private mutating func loadText(
        _ record: TileRecord, _ source: Int, _ state: UnsafeMutableRawPointer
    ) throws(MartletError) {
        guard let text = try record.text(source) else { return }
        state.storeBytes(of: texts.insert(text), as: UInt32.self)
    }

    /// - Returns: whether there is one.
    private mutating func writeRecord(
        of key: Int32, upTo: Timestamp, _ writesEmpty: Bool = false
    ) throws(MartletError) -> Bool {
        guard key < keyCount else { return false }
        guard head(key).pointee.newestEventTime < upTo.microseconds else {
            throw MartletError(.invalidInput, "a record of tiles is asked for a time that its events have passed")
        }
        var firsts: [Int] = []
        var counts: [Int] = []
        for tier in tiers.indices {
            let run = run(tier, key)
            let oldest = max(tiers[tier].oldest, tiers[tier].tier.firstStart(at: upTo).microseconds)
            let first = firstTile(tier, run, from: oldest)
            firsts.append(first)
            counts.append(Int(run.pointee.count) - first)
        }
        if !writesEmpty && counts.allSatisfy({ $0 == 0 }) { return false }
        writer.begin(layout, upTo: upTo.microseconds, tileCounts: counts)
        var place = layout.tiersStart
        for tier in tiers.indices {
            write(tier, run(tier, key), from: firsts[tier], counts[tier], at: place)
            place += counts[tier] * (8 + tiers[tier].tier.stateByteCount)
        }
        try writer.finish()
        return true
    }

    private func write(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>, from first: Int, _ count: Int, at place: Int)
    {
        let size = tiers[tier].tier.stateByteCount
        for index in 0..<count {
            let tile = tile(tier, run, first + index)
            let target = place + 8 * count + index * size
            writer.store(tile.load(as: Int64.self), place + 8 * index)
            writer.store(UnsafeRawBufferPointer(start: tile + TileHead.byteCount, count: size), target)
            if tiers[tier].hasReferences { writeReferences(tier, tile, at: target - TileHead.byteCount) }
        }
    }

    /// Appends what the states refer to, and writes where it is.
    /// - Parameter place: where the tile's head would be.
    private func writeReferences(_ tier: Int, _ tile: UnsafeMutableRawPointer, at place: Int) {
        for operation in tiers[tier].operations {
            let target = place + operation.offset
            func reference(_ offset: Int) -> UInt32 {
                tile.load(fromByteOffset: operation.offset + offset, as: UInt32.self)
            }
            func writeText(_ offset: Int) {
                let reference = reference(offset)
                if reference != 0 { texts[reference].bytes.withUnsafeBytes { writer.write($0, at: target + offset) } }
            }
            switch operation.kind {
            case .sum, .squares:
                let reference = reference(4)
                if reference != 0 { writeWide(wide[reference], operation, at: target) }
            case .textExtremes:
                writeText(0)
                writeText(8)
            case .textFirst, .textLast: writeText(24)
            case .tail:
                writer.store(UInt64(0), target)
                pools[operation.pool].write(reference(0), to: writer, at: target)
            case .rows, .count, .extremes, .first, .last, .newest: break
            }
        }
    }

    private func writeWide(_ moments: WideMoments, _ operation: TileOperation, at target: Int) {
        writer.store(writer.end, target + 4)
        writer.append(headOf: moments)
        if moments.finiteCount == 0 { return }
        for word in moments.sum.words { writer.append(word) }
        if operation.kind == .squares {
            for word in moments.squares.words { writer.append(word) }
        }
    }
}
