package import MartletCore

/// The tiles of many entities in memory, made for change: the mutable twin of the records that `buildTiles` makes.
///
/// Events come in any order and any split, late ones too. `record(of:upTo:)` writes an entity's record, whose bytes are
/// those that `buildTiles` makes of the same events. States of fixed size are updated in place; nothing is allocated
/// for an event that falls into a tile that is there. What no window can reach any more is dropped as time goes on.
///
/// Entities are dense numbers. An event costs a few cache lines for each tier; see the case `tiles` of the benchmarks.
///
/// ```swift
/// var tiles = ResidentTiles(plan)
/// tiles.advance(to: now)
/// let counts = try tiles.apply(events)
/// let record = try tiles.record(of: 7, upTo: now)
/// ```
package struct ResidentTiles: ~Copyable {
    package let plan: WindowPlan
    package let layout: TileLayout
    var tiers: [ResidentTier]
    let hot: UnsafeMutablePointer<HotTier>
    var arenas: [TileArena]
    var pools: [any TailPool] = []
    var wide = NumberedValues<WideMoments>()
    var texts = NumberedValues<ByteKey>()
    let block: EventBlock
    let writer = TileWriter()
    /// Of each key its `KeyHead`, a `TileRun` for each tier, and the newest tile of each.
    var keys: UnsafeMutableRawBufferPointer
    let keyByteCount: Int
    /// One more than the greatest key.
    package private(set) var keyCount: Int32 = 0
    /// What keeps reads from being left out that only bring memory near.
    var sink: UInt8 = 0

    package init(_ plan: WindowPlan) {
        self.plan = plan
        layout = plan.tileLayout
        var pools: [any TailPool] = []
        let block = EventBlock(plan)
        let tiers = layout.tiers.map { ResidentTier($0, plan, block, &pools) }
        self.tiers = tiers
        hot = .allocate(capacity: tiers.count)
        let runsEnd = MemoryLayout<KeyHead>.stride + tiers.count * MemoryLayout<TileRun>.stride
        var place = runsEnd
        for (index, tier) in tiers.enumerated() {
            let run = MemoryLayout<KeyHead>.stride + index * MemoryLayout<TileRun>.stride
            let operations = UnsafeMutablePointer<TileOperation>.allocate(capacity: tier.operations.count)
            operations.initialize(from: tier.operations, count: tier.operations.count)
            (hot + index).initialize(
                to: HotTier(
                    hop: tier.hop, oldest: .min, tileByteCount: tier.tileByteCount,
                    keepsNewest: tier.tier.newestCount != nil, newestTileOffset: place - run, operations: operations,
                    operationCount: tier.operations.count))
            place += tier.tileByteCount
        }
        keyByteCount = place
        arenas = tiers.map { TileArena(tileByteCount: $0.tileByteCount) }
        self.pools = pools
        self.block = block
        keys = .allocate(byteCount: 0, alignment: 8)
    }

    deinit {
        for index in arenas.indices {
            var arena = arenas[index]
            arena.deallocate()
        }
        keys.deallocate()
        for index in tiers.indices { hot[index].operations.deallocate() }
        hot.deallocate()
    }

    /// What is known of an entity beside its tiles.
    struct KeyHead: BitwiseCopyable {
        var newestEventTime = Int64.min
        var newestArrivalTime = Int64.min
    }

    /// What became of events.
    package struct Counts: Sendable, Hashable {
        /// Events that came into a tile.
        package var applied = 0
        /// Of those the ones that came into a tile that was not the newest of its tier.
        package var late = 0
        /// Events older than what any window reaches.
        package var beyondReach = 0

        package init() {}

        package static func += (left: inout Counts, right: Counts) {
            left.applied += right.applied
            left.late += right.late
            left.beyondReach += right.beyondReach
        }
    }

    /// Makes room for the keys below `count`.
    package mutating func reserveKeys(_ count: Int32) {
        if count <= keyCount { return }
        let needed = Int(count) * keyByteCount
        if needed > keys.count {
            let grown = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(needed, keys.count + keys.count / 2), alignment: needed < 4 << 20 ? 64 : 2 << 20)
            adviseLargePages(grown)
            if let old = keys.baseAddress { grown.baseAddress?.copyMemory(from: old, byteCount: keys.count) }
            keys.deallocate()
            keys = grown
        }
        for key in keyCount..<count { clearHeads(of: key) }
        keyCount = count
    }

    /// Says that nothing will be read before `time`: older tiles are dropped when their keys are next touched, or by
    /// `sweep`. Time does not go back.
    package mutating func advance(to time: Timestamp) {
        for index in tiers.indices {
            tiers[index].oldest = max(tiers[index].oldest, tiers[index].tier.firstStart(at: time).microseconds)
            hot[index].oldest = tiers[index].oldest
        }
    }

    /// Drops the tiles of these keys that are beyond reach.
    package mutating func sweep(_ range: Range<Int32>) {
        for key in range.clamped(to: 0..<keyCount) {
            for tier in tiers.indices { dropOldTiles(tier, run(tier, key)) }
        }
    }

    /// Drops what no window read at `upTo` or later reaches, of all keys. O(keys).
    package mutating func evict(upTo: Timestamp) {
        advance(to: upTo)
        sweep(0..<keyCount)
    }

    /// Forgets the key.
    package mutating func remove(_ key: Int32) {
        guard key < keyCount else { return }
        for tier in tiers.indices { drop(run(tier, key).pointee.count, of: tier, run(tier, key)) }
        clearHeads(of: key)
    }

    /// The greatest event time and arrival time among the events that the key has heard of; nil for none.
    package func newest(of key: Int32) -> (eventTime: Int64, arrivalTime: Int64)? {
        guard key < keyCount else { return nil }
        let head = head(key).pointee
        return head.newestEventTime == .min ? nil : (head.newestEventTime, head.newestArrivalTime)
    }

    /// The memory of the tiles and keys. Texts and states without a fixed size come on top.
    package var byteCount: Int { arenas.reduce(keys.count) { $0 + $1.byteCount } }

    @inline(__always)
    func head(_ key: Int32) -> UnsafeMutablePointer<KeyHead> {
        (keys.baseAddress! + Int(key) &* keyByteCount).assumingMemoryBound(to: KeyHead.self)
    }

    @inline(__always)
    func run(_ tier: Int, _ key: Int32) -> UnsafeMutablePointer<TileRun> {
        let place = Int(key) &* keyByteCount &+ MemoryLayout<KeyHead>.stride &+ tier &* MemoryLayout<TileRun>.stride
        return (keys.baseAddress! + place).assumingMemoryBound(to: TileRun.self)
    }

    private mutating func clearHeads(of key: Int32) {
        head(key).initialize(to: KeyHead())
        for tier in tiers.indices { run(tier, key).initialize(to: TileRun()) }
    }
}
