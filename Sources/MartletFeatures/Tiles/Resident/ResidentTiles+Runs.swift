internal import Glibc
import MartletCore

// Finding, making and dropping tiles.
extension ResidentTiles {
    /// The newest tile stands beside the run itself, so that most events touch one place in memory; the others, in the
    /// block.
    @inline(__always)
    func newestTile(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(run) + hot[tier].newestTileOffset
    }

    @inline(__always)
    func tile(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>, _ index: Int) -> UnsafeMutableRawPointer {
        if index == Int(run.pointee.count) &- 1 { return newestTile(tier, run) }
        return run.pointee.block! + (Int(run.pointee.first) &+ index) &* hot[tier].tileByteCount
    }

    @inline(__always)
    func start(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>, _ index: Int) -> Int64 {
        tile(tier, run, index).load(as: Int64.self)
    }

    /// The index of the first tile that starts at or after `start`.
    func firstTile(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>, from start: Int64) -> Int {
        // What is late is mostly not very late.
        var index = Int(run.pointee.count)
        let near = max(0, index - 8)
        while index > near && self.start(tier, run, index - 1) >= start { index -= 1 }
        if index > near || index == 0 { return index }
        return partitionPoint(0..<index) { self.start(tier, run, $0) >= start }
    }

    /// The tile that starts there; nil where there is none.
    func existingTile(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>, start: Int64) -> Int? {
        let index = firstTile(tier, run, from: start)
        return index < Int(run.pointee.count) && self.start(tier, run, index) == start ? index : nil
    }

    /// The tile that starts there, a new one where there is none.
    mutating func makeTile(
        _ tier: Int, _ run: UnsafeMutablePointer<TileRun>, start: Int64
    ) -> UnsafeMutableRawPointer {
        let place: UnsafeMutableRawPointer
        if run.pointee.count == 0 || start > run.pointee.newestStart {
            dropOldTiles(tier, run)
            place = newestTile(tier, run)
            if run.pointee.count > 0 {
                let size = hot[tier].tileByteCount
                makeRoom(tier, run)
                let last = Int(run.pointee.first) + Int(run.pointee.count) - 1
                memcpy(run.pointee.block! + last * size, place, size)
            }
            run.pointee.newestStart = start
        } else {
            let index = firstTile(tier, run, from: start)
            if self.start(tier, run, index) == start { return tile(tier, run, index) }
            makeRoom(tier, run)
            let size = hot[tier].tileByteCount
            place = run.pointee.block! + (Int(run.pointee.first) + index) * size
            memmove(place + size, place, (Int(run.pointee.count) - 1 - index) * size)
        }
        run.pointee.count += 1
        run.pointee.leastAge = min(run.pointee.leastAge, TileRun.age(start))
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

    /// Makes a place free behind the last tile of the block.
    /// - Precondition: there is a tile.
    private mutating func makeRoom(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>) {
        let size = hot[tier].tileByteCount
        let (first, count) = (Int(run.pointee.first), Int(run.pointee.count) - 1)
        if first + count < run.pointee.capacity { return }
        guard let old = run.pointee.block else {
            run.pointee.block = arenas[tier].allocate(0)
            run.pointee.logarithm = 0
            return
        }
        if first > 0 && 4 * first >= run.pointee.capacity {
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
        let oldest = hot[tier].oldest
        if run.pointee.count == 0 || TileRun.age(oldest) <= run.pointee.leastAge { return }
        var old: Int32 = 0
        while old < run.pointee.count && start(tier, run, Int(old)) < oldest { old += 1 }
        if old > 0 { drop(old, of: tier, run) }
        if run.pointee.count > 0 { run.pointee.leastAge = TileRun.age(start(tier, run, 0)) }
    }

    /// Drops the oldest tiles.
    mutating func drop(_ number: Int32, of tier: Int, _ run: UnsafeMutablePointer<TileRun>) {
        if number == 0 { return }
        if tiers[tier].hasReferences {
            for index in 0..<Int(number) { releaseReferences(tier, tile(tier, run, index)) }
        }
        run.pointee.first += number
        run.pointee.count -= number
        freeIfEmpty(tier, run)
    }

    mutating func removeTile(_ tier: Int, _ run: UnsafeMutablePointer<TileRun>, _ index: Int) {
        let size = hot[tier].tileByteCount
        let place = tile(tier, run, index)
        releaseReferences(tier, place)
        let last = Int(run.pointee.count) - 1
        if index < last {
            memmove(place, place + size, (last - index - 1) * size)
        } else if last > 0 {
            memcpy(place, tile(tier, run, last - 1), size)
            run.pointee.newestStart = place.load(as: Int64.self)
        }
        run.pointee.count -= 1
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
            found += tile(tier, run, first).load(fromByteOffset: 8, as: Int64.self)
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
