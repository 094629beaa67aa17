package import MartletCore
internal import Synchronization

/// A bounded table in memory over any store, and a store itself. A hit takes no lock and allocates nothing; what this
/// process writes through it is seen at once, what others write within `HotTierSettings.staleness`.
///
/// One record of an answer is one state; several are of one snapshot only where none comes from memory.
package final class HotTier: OnlineStore, @unchecked Sendable {
    // @unchecked: the shards' memory is read under their sequence locks and written under the writers' mutexes.
    package let store: any OnlineStore
    let settings: HotTierSettings
    private let time: any TimeSource
    private let shards: UnsafeMutablePointer<HotShard>
    private let writers: [Writer]
    /// By the shard of a call's first key, a cache line each.
    private let counters: UnsafeMutablePointer<Counters>
    private let staleAnswers = Atomic<Int>(0)

    private final class Writer: Sendable {
        let state: Mutex<HotWriter>
        init(_ shard: HotShard) { state = Mutex(HotWriter(shard)) }
    }

    private struct Counters: ~Copyable {
        let hits = Atomic<Int>(0)
        let misses = Atomic<Int>(0)
        let padding: (Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0)
    }

    package init(
        over store: any OnlineStore, _ settings: HotTierSettings = HotTierSettings(),
        time: any TimeSource = SystemTimeSource()
    ) {
        precondition(settings.shards > 0 && settings.shards & (settings.shards - 1) == 0, "a power of two of shards")
        self.store = store
        self.settings = settings
        self.time = time
        shards = .allocate(capacity: settings.shards)
        counters = .allocate(capacity: settings.shards)
        for index in 0..<settings.shards {
            (shards + index).initialize(to: HotShard(ringBytes: settings.sizeBytes / settings.shards))
            (counters + index).initialize(to: Counters())
        }
        let shards = shards
        writers = (0..<settings.shards).map { Writer(shards[$0]) }
    }

    deinit {
        for index in 0..<settings.shards { shards[index].deallocate() }
        shards.deallocate()
        counters.deinitialize(count: settings.shards)
        counters.deallocate()
    }

    package var isRemote: Bool { store.isRemote }
    package func handle(for view: ViewIdentity) throws -> ViewHandle { try store.handle(for: view) }
    package func cursor(of view: ViewIdentity) throws -> LoadCursor? { try store.cursor(of: view) }
    package func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws { try store.setCursor(cursor, of: view) }
    package func recordCount(of view: ViewIdentity) throws -> Int { try store.recordCount(of: view) }

    package func drop(_ view: ViewIdentity) throws {
        for writer in writers {
            writer.state.withLock { writer in
                writer.beginWrite()
                writer.clear()
            }
        }
        // Also where it fails half-way.
        defer { for writer in writers { writer.state.withLock { $0.endWrite() } } }
        try store.drop(view)
    }

    package func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts {
        var isTouched = [Bool](repeating: false, count: settings.shards)
        for index in order { isTouched[shard(keys.withKey(Int(index)) { hash($0, view) })] = true }
        let touched = isTouched.indices.filter { isTouched[$0] }
        for shard in touched { writers[shard].state.withLock { $0.beginWrite() } }
        // Before the store has the new records: a reader whom a busy writer sent to the store has seen them, and must
        // not find the old ones here afterwards. None comes in again until the write has ended.
        for index in order {
            keys.withKey(Int(index)) { key in
                let hash = hash(key, view)
                writers[shard(hash)].state.withLock { $0.invalidate(key, view: view.number, hash: hash) }
            }
        }
        // Also where it fails half-way.
        defer { for shard in touched { writers[shard].state.withLock { $0.endWrite() } } }
        return try store.write(chunk, keys: keys, order: order, to: view, cursor: cursor)
    }

    package var statistics: HotTierStatistics {
        var sum = HotTierStatistics()
        for index in 0..<settings.shards {
            sum.hits += counters[index].hits.load(ordering: .relaxed)
            sum.misses += counters[index].misses.load(ordering: .relaxed)
            writers[index].state.withLock { writer in
                sum.admissions += writer.statistics.admissions
                sum.rejections += writer.statistics.rejections
                sum.evictions += writer.statistics.evictions
                sum.invalidations += writer.statistics.invalidations
                sum.entries += writer.entries
                sum.usedBytes += writer.usedBytes
            }
        }
        sum.staleAnswers = staleAnswers.load(ordering: .relaxed)
        return sum
    }

    @inline(__always)
    func hash(_ key: UnsafeRawBufferPointer, _ view: ViewHandle) -> UInt64 {
        hashed(key, seed: UInt64(view.number) &* 0x9E37_79B9_7F4A_7C15)
    }

    @inline(__always)
    private func shard(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash &>> 32) & (settings.shards &- 1) }

    /// Milliseconds that go round after 49 days: an entry so old has long been evicted or read anew.
    private func tick() -> Int32 { Int32(truncatingIfNeeded: time.monotonicNanoseconds() / 1_000_000) }

    package func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        let now = tick()
        let oldest = now &- Int32(clamping: settings.staleness.microseconds / 1_000)
        let misses = lookUp(lookups, keys, &table, oldest)
        if misses == 0 { return try body(table) }
        try readMissing(lookups, keys, &table, now, body)
    }

    /// - Returns: how many keys were not found; their records in the table are nil and noted as missing.
    private func lookUp(
        _ lookups: [RecordLookup], _ keys: [EntityKeys], _ table: inout RecordTable, _ oldest: Int32
    ) -> Int {
        table.removeAll()
        let arena = table.recordArena()
        var hits = 0
        var misses = 0
        var first = -1
        for lookup in lookups {
            table.beginLookup()
            keys[lookup.keyIndex].forEach { key in
                let hash = hash(key, lookup.view)
                let shard = shard(hash)
                if first < 0 { first = shard }
                switch shards[shard].find(key, view: lookup.view.number, hash: hash, oldest: oldest, to: arena) {
                case .record(let record):
                    table.append(record)
                    hits &+= 1
                case .absent:
                    table.append(nil)
                    hits &+= 1
                case .nothing:
                    table.appendMissing()
                    misses &+= 1
                }
            }
        }
        if first >= 0 {
            counters[first].hits.wrappingAdd(hits, ordering: .relaxed)
            if misses > 0 { counters[first].misses.wrappingAdd(misses, ordering: .relaxed) }
        }
        return misses
    }

    /// Asks the store for what memory does not have, and keeps it.
    private func readMissing(
        _ lookups: [RecordLookup], _ keys: [EntityKeys], _ table: inout RecordTable, _ now: Int32,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        var missing: [EntityKeys] = []
        var missingLookups: [RecordLookup] = []
        /// Where each missing record belongs.
        var places: [[Int]] = []
        var epochs: [[UInt64]] = []
        for (index, lookup) in lookups.enumerated() {
            var part = EntityKeys()
            var partPlaces: [Int] = []
            var partEpochs: [UInt64] = []
            for key in 0..<keys[lookup.keyIndex].uniqueCount where table.isMissing(lookup: index, key: key) {
                keys[lookup.keyIndex].withKey(key) { bytes in
                    part.append(encoded: bytes)
                    partEpochs.append(writers[shard(hash(bytes, lookup.view))].state.withLock { $0.epoch })
                }
                partPlaces.append(key)
            }
            if partPlaces.isEmpty { continue }
            missingLookups.append(RecordLookup(view: lookup.view, keyIndex: missing.count))
            missing.append(part)
            places.append([index] + partPlaces)
            epochs.append(partEpochs)
        }
        var inner = RecordTable()
        var hasBegun = false
        do {
            try store.read(missingLookups, keys: missing, into: &inner) { found in
                for (part, lookup) in missingLookups.enumerated() {
                    for key in 0..<missing[part].uniqueCount {
                        let record = found.record(lookup: part, key: key)
                        table.set(record, lookup: places[part][0], key: places[part][key + 1])
                        missing[part].withKey(key) { bytes in
                            keep(bytes, lookup.view, record, now, epochs[part][key], isForced: false)
                        }
                    }
                }
                hasBegun = true
                try body(table)
            }
        } catch let error as MartletError where error.code == .storeUnavailable && !hasBegun {
            try readStale(lookups, keys, &table, now, error, body)
        }
    }

    private func keep(
        _ key: UnsafeRawBufferPointer, _ view: ViewHandle, _ record: UnsafeRawBufferPointer?, _ now: Int32,
        _ epoch: UInt64, isForced: Bool
    ) {
        if let record, record.count > settings.recordBytes { return }
        let hash = hash(key, view)
        writers[shard(hash)].state.withLock {
            $0.admit(
                key, view: view.number, hash: hash, record, tick: now, readAt: epoch, isForced: isForced)
        }
    }

    /// Answers from memory what the store cannot, where everything asked for is there and that is allowed.
    private func readStale(
        _ lookups: [RecordLookup], _ keys: [EntityKeys], _ table: inout RecordTable, _ now: Int32,
        _ error: MartletError, _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        let allowed = max(settings.outageStaleness, table.allowedStaleness ?? .zero)
        guard allowed > .zero else { throw error }
        let oldest = now &- Int32(clamping: allowed.microseconds / 1_000)
        guard lookUp(lookups, keys, &table, oldest) == 0 else { throw error }
        staleAnswers.wrappingAdd(1, ordering: .relaxed)
        table.isStale = true
        try body(table)
    }
}

extension HotTier {
    /// The keys of the view that are in memory, those hit most first, as a store has them.
    package func mostUsedKeys(of view: ViewHandle, limit: Int) -> EntityKeys {
        var found: [(uses: Int, key: [UInt8])] = []
        for writer in writers {
            writer.state.withLock { $0.forEachKey(of: view.number) { found.append(($1, Array($0))) } }
        }
        found.sort { $0.uses > $1.uses }
        var keys = EntityKeys()
        for item in found.prefix(limit) { item.key.withUnsafeBytes { keys.append(encoded: $0) } }
        return keys
    }

    /// Reads the keys from the store and keeps them, as after a flip to a new version with the keys of the old one.
    /// - Returns: how many records were there.
    package func warm(_ view: ViewHandle, _ keys: EntityKeys) throws -> Int {
        var count = 0
        let now = tick()
        let epochs = (0..<keys.uniqueCount).map { index in
            keys.withKey(index) { key in writers[shard(hash(key, view))].state.withLock { $0.epoch } }
        }
        var table = RecordTable()
        try store.read([RecordLookup(view: view, keyIndex: 0)], keys: [keys], into: &table) { table in
            for index in 0..<keys.uniqueCount {
                guard let record = table.record(lookup: 0, key: index) else { continue }
                count += 1
                keys.withKey(index) { keep($0, view, record, now, epochs[index], isForced: true) }
            }
        }
        return count
    }
}
