internal import Glibc
import MartletCore

// Finding, making and dropping tiles.
extension ResidentTiles {
    @inline(__always)
    func tile(_ tier: Int, _ run: TileRun, _ index: Int) -> UnsafeMutableRawPointer {
        run.block! + (Int(run.first) &+ index) &* hot[tier].tileByteCount
    }

    @inline(__always)
    func start(_ tier: Int, _ run: TileRun, _ index: Int) -> Int64 { tile(tier, run, index).load(as: Int64.self) }

    /// The index of the first tile that starts at or after `start`.
    func firstTile(_ tier: Int, _ run: TileRun, from start: Int64) -> Int {
        // What is late is mostly not very late.
        var index = Int(run.count)
        let near = max(0, index - 8)
        while index > near && self.start(tier, run, index - 1) >= start { index -= 1 }
        if index > near || index == 0 { return index }
        return partitionPoint(0..<index) { self.start(tier, run, $0) >= start }
    }

    /// The tile that starts there; nil where there is none.
    func existingTile(_ tier: Int, _ run: TileRun, start: Int64) -> Int? {
        let index = firstTile(tier, run, from: start)
        return index < Int(run.count) && self.start(tier, run, index) == start ? index : nil
    }

    /// The tile that starts there, a new one where there is none.
    @inline(never)
    mutating func makeTile(
        _ tier: Int, _ run: UnsafeMutablePointer<TileRun>, start: Int64
    ) -> UnsafeMutableRawPointer {
        var index = Int(run.pointee.count)
        if start > run.pointee.newestStart {
            dropOldTiles(tier, run)
            index = Int(run.pointee.count)
        } else {
            index = firstTile(tier, run.pointee, from: start)
            if self.start(tier, run.pointee, index) == start { return tile(tier, run.pointee, index) }
        }
        makeRoom(tier, run)
        let size = tiers[tier].tileByteCount
        let place = tile(tier, run.pointee, index)
        let moved = Int(run.pointee.count) - index
        if moved > 0 { memmove(place + size, place, moved * size) }
        run.pointee.count += 1
        run.pointee.newestStart = max(run.pointee.newestStart, start)
        place.storeBytes(of: start, as: Int64.self)
        place.storeBytes(of: 0, toByteOffset: 8, as: Int64.self)
        setEmpty(tier, place)
        return place
    }

    func setEmpty(_ tier: Int, _ tile: UnsafeMutableRawPointer) {
        tiers[tier].emptyStates.withUnsafeBytes { empty in
            if let source = empty.baseAddress {
                (tile + TileHead.byteCount).copyMemory(from: source, byteCount: empty.count)
            }
        }
    }

    /// Makes a place free behind the last tile.
    private mutating func makeRoom(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>) {
        let size = tiers[tier].tileByteCount
        let (first, count) = (Int(run.pointee.first), Int(run.pointee.count))
        if first + count < run.pointee.capacity { return }
        guard let old = run.pointee.block else {
            run.pointee.block = arenas[tier].allocate(0)
            run.pointee.logarithm = 0
            return
        }
        if 2 * first > run.pointee.capacity {
            memmove(old, old + first * size, count * size)
        } else {
            let grown = arenas[tier].allocate(Int(run.pointee.logarithm) + 1)
            memcpy(grown, old + first * size, count * size)
            arenas[tier].release(old, Int(run.pointee.logarithm))
            run.pointee.block = grown
            run.pointee.logarithm += 1
        }
        run.pointee.first = 0
    }

    /// Drops the tiles that are beyond reach.
    mutating func dropOldTiles(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>) {
        var old: Int32 = 0
        let oldest = tiers[tier].oldest
        while old < run.pointee.count && start(tier, run.pointee, Int(old)) < oldest { old += 1 }
        if old > 0 { drop(old, of: tier, run) }
    }

    /// Drops the oldest tiles.
    mutating func drop(_ number: Int32, of tier: Int, _ run: UnsafeMutablePointer<TileRun>) {
        if number == 0 { return }
        if tiers[tier].hasReferences {
            for index in 0..<Int(number) { releaseReferences(tier, tile(tier, run.pointee, index)) }
        }
        run.pointee.first += number
        run.pointee.count -= number
        freeIfEmpty(tier, run)
    }

    mutating func removeTile(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>, _ index: Int) {
        let size = tiers[tier].tileByteCount
        let place = tile(tier, run.pointee, index)
        releaseReferences(tier, place)
        memmove(place, place + size, (Int(run.pointee.count) - index - 1) * size)
        run.pointee.count -= 1
        if run.pointee.count > 0 {
            run.pointee.newestStart = start(tier, run.pointee, Int(run.pointee.count) - 1)
        }
        freeIfEmpty(tier, run)
    }

    private mutating func freeIfEmpty(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>) {
        guard run.pointee.count == 0 else { return }
        if let block = run.pointee.block { arenas[tier].release(block, Int(run.pointee.logarithm)) }
        run.pointee = TileRun()
    }

    /// Of a tier that keeps the newest events: drops the tiles that newer ones make superfluous.
    mutating func keepNewest(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>) {
        guard let wanted = tiers[tier].tier.newestCount else { return }
        var found: Int64 = 0
        var first = Int(run.pointee.count)
        while first > 0 && found < wanted {
            first -= 1
            found += tile(tier, run.pointee, first).load(fromByteOffset: 8, as: Int64.self)
        }
        drop(Int32(first), of: tier, run)
    }

    /// Frees what the states of a tile refer to; its bytes mean nothing after that.
    mutating func releaseReferences(_ tier: Int, _ tile: UnsafeMutableRawPointer) {
        guard tiers[tier].hasReferences else { return }
        for operation in tiers[tier].operations {
            func reference(_ offset: Int) -> UInt32 {
                tile.load(fromByteOffset: operation.offset + offset, as: UInt32.self)
            }
            switch operation.kind {
            case .sum, .squares: wide.remove(reference(4))
            case .textExtremes:
                texts.remove(reference(0))
                texts.remove(reference(8))
            case .textFirst, .textLast: texts.remove(reference(24))
            case .tail:
                if reference(0) != 0 { pools[operation.pool].release(reference(0)) }
            case .rows, .count, .extremes, .first, .last, .newest: break
            }
        }
    }
}
