package import MartletCore
internal import Synchronization

/// A bounded table in memory over any store, and a store itself. A hit takes no lock and allocates nothing. What this
/// process writes through it is seen at once, and so is what others write to a store that tells when it changed (LMDB);
/// to others within `HotTierSettings.staleness`.
///
/// One record of an answer is one state. Over a store that tells its version several are of one snapshot; over others
/// only where none comes from memory.
package final class HotTier: OnlineStore, @unchecked Sendable {
    // @unchecked: the shards' memory is read under their sequence locks and written under the writers' mutexes.
    package let store: any OnlineStore
    let settings: HotTierSettings
    private let time: any TimeSource
    private let memory: HotMemory
    private let shards: UnsafeMutablePointer<HotShard>
    let writers: [Writer]
    /// By the shard of a call's first key, a cache line each.
    private let counters: UnsafeMutablePointer<Counters>
    private let staleAnswers = Atomic<Int>(0)
    private let changes = HotChanges()

    final class Writer: Sendable {
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
        let layout = HotShard.Layout(ringBytes: settings.sizeBytes / settings.shards)
        memory = HotMemory(byteCount: layout.byteCount * settings.shards)
        shards = .allocate(capacity: settings.shards)
        counters = .allocate(capacity: settings.shards)
        for index in 0..<settings.shards {
            (shards + index).initialize(to: HotShard(layout, in: memory.base + index * layout.byteCount))
            (counters + index).initialize(to: Counters())
        }
        let shards = shards
        writers = (0..<settings.shards).map { Writer(shards[$0]) }
    }

    deinit {
        shards.deallocate()
        counters.deinitialize(count: settings.shards)
        counters.deallocate()
        memory.deallocate()
    }

    package var isRemote: Bool { store.isRemote }
    package var version: UInt64? { store.version }
    package func handle(for view: ViewIdentity) throws -> ViewHandle { try store.handle(for: view) }
    package func cursor(of view: ViewIdentity) throws -> LoadCursor? { try store.cursor(of: view) }
    package func recordCount(of view: ViewIdentity) throws -> Int { try store.recordCount(of: view) }

    package func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws {
        try changes.write(store) {
            try store.setCursor(cursor, of: view)
            return true
        }
    }

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
        var counts = WriteCounts()
        try changes.write(store) {
            counts = try store.write(chunk, keys: keys, order: order, to: view, cursor: cursor)
            return counts.written > 0 || cursor != nil
        }
        return counts
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
    func shard(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash &>> 32) & (settings.shards &- 1) }

    /// Milliseconds that go round after 49 days: an entry so old has long been evicted or read anew.
    private func tick() -> Int32 { Int32(truncatingIfNeeded: time.monotonicNanoseconds() / 1_000_000) }

    package func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        let known = changes.look(store)
        let freshness: HotShard.Freshness
        if let known {
            // The clock is not asked.
            freshness = HotShard.Freshness(generation: known.readable, oldest: 0)
        } else {
            let oldest = tick() &- Int32(clamping: settings.staleness.microseconds / 1_000)
            freshness = HotShard.Freshness(generation: nil, oldest: oldest)
        }
        guard lookUp(lookups, keys, &table, freshness) == 0 else {
            return try readMissing(lookups, keys, &table, known, body)
        }
        if let known, !changes.isCurrent(known) {
            // Something was written meanwhile: these may be of before and after it.
            return try store.read(lookups, keys: keys, into: &table, body)
        }
        try body(table)
    }

    /// - Returns: how many keys were not found; their records in the table are noted as missing.
    private func lookUp(
        _ lookups: [RecordLookup], _ keys: [EntityKeys], _ table: inout RecordTable, _ freshness: HotShard.Freshness
    ) -> Int {
        table.removeAll()
        let arena = table.recordArena()
        var found = LookUp(first: -1, hits: 0, misses: 0)
        keys.withUnsafeBufferPointer { keys in
            for lookup in lookups {
                table.beginLookup()
                keys[lookup.keyIndex].withUnsafeKeys { bytes, ends in
                    if ends.count == 1 {
                        let key = UnsafeRawBufferPointer(start: bytes, count: Int(ends[0]))
                        lookUp(key, lookup.view, hash(key, lookup.view), &table, arena, freshness, &found)
                    } else {
                        lookUp(bytes, ends, lookup.view, &table, arena, freshness, &found)
                    }
                }
            }
        }
        if found.first >= 0 {
            counters[found.first].hits.wrappingAdd(found.hits, ordering: .relaxed)
            if found.misses > 0 { counters[found.first].misses.wrappingAdd(found.misses, ordering: .relaxed) }
        }
        return found.misses
    }

    private struct LookUp {
        var first: Int
        var hits: Int
        var misses: Int
    }

    /// So many keys are under way to the processor's cache at once: it has about as many places for that.
    private static let together = 16

    /// Many keys of one view: their buckets are fetched together and then their entries, so that a key does not wait
    /// for memory alone.
    private func lookUp(
        _ bytes: UnsafeRawPointer, _ ends: UnsafeBufferPointer<Int32>, _ view: ViewHandle, _ table: inout RecordTable,
        _ arena: RecordArena, _ freshness: HotShard.Freshness, _ found: inout LookUp
    ) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.together) { hashes in
            var start = 0
            while start < ends.count {
                let count = min(Self.together, ends.count &- start)
                @inline(__always)
                func key(_ index: Int) -> UnsafeRawBufferPointer {
                    let first = start &+ index == 0 ? 0 : Int(ends[start &+ index &- 1])
                    return UnsafeRawBufferPointer(
                        start: bytes + first, count: Int(ends[start &+ index]) &- first)
                }
                for index in 0..<count {
                    let hash = hash(key(index), view)
                    hashes[index] = hash
                    shards[shard(hash)].prefetchBucket(hash)
                }
                for index in 0..<count { shards[shard(hashes[index])].prefetchEntry(hashes[index]) }
                for index in 0..<count {
                    lookUp(key(index), view, hashes[index], &table, arena, freshness, &found)
                }
                start &+= count
            }
        }
    }

    @inline(__always)
    private func lookUp(
        _ key: UnsafeRawBufferPointer, _ view: ViewHandle, _ hash: UInt64, _ table: inout RecordTable,
        _ arena: RecordArena, _ freshness: HotShard.Freshness, _ found: inout LookUp
    ) {
        let shard = shard(hash)
        if found.first < 0 { found.first = shard }
        switch shards[shard].find(key, view: view.number, hash: hash, freshness, to: arena) {
        case .record(let record):
            table.append(record)
            found.hits &+= 1
        case .absent:
            table.append(nil)
            found.hits &+= 1
        case .nothing:
            table.appendMissing()
            found.misses &+= 1
        }
    }

    /// Asks the store for what memory does not have, and keeps it.
    private func readMissing(
        _ lookups: [RecordLookup], _ keys: [EntityKeys], _ table: inout RecordTable, _ known: HotChanges.Known?,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        let missing = missingKeys(lookups, keys, table)
        // Before the store is asked.
        let now = tick()
        var inner = RecordTable()
        var hasBegun = false
        var isMixed = false
        do {
            try store.read(missing.lookups, keys: missing.keys, into: &inner) { found in
                // A snapshot that is older or newer than what is known is served and not kept.
                let stamp = HotStamp(tick: now, generation: known?.generation(of: found.version) ?? 0)
                let isKept = known == nil || stamp.generation != 0
                for (part, lookup) in missing.lookups.enumerated() {
                    for key in 0..<missing.keys[part].uniqueCount {
                        let record = found.record(lookup: part, key: key)
                        table.set(record, lookup: missing.places[part][0], key: missing.places[part][key + 1])
                        guard isKept else { continue }
                        missing.keys[part].withKey(key) { bytes in
                            keep(bytes, lookup.view, record, stamp, missing.epochs[part][key], isForced: false)
                        }
                    }
                }
                if let known, known.readable != 0 {
                    isMixed = stamp.generation == 0 || !changes.isCurrent(known)
                    if isMixed { return }
                }
                hasBegun = true
                try body(table)
            }
            if isMixed { try store.read(lookups, keys: keys, into: &table, body) }
        } catch let error as MartletError where error.code == .storeUnavailable && !hasBegun {
            try readStale(lookups, keys, &table, now, error, body)
        }
    }

    private struct Missing {
        var keys: [EntityKeys] = []
        var lookups: [RecordLookup] = []
        /// Where the records of each lookup belong: the lookup, then its keys.
        var places: [[Int]] = []
        var epochs: [[UInt64]] = []
    }

    private func missingKeys(
        _ lookups: [RecordLookup], _ keys: [EntityKeys], _ table: borrowing RecordTable
    ) -> Missing {
        var missing = Missing()
        for (index, lookup) in lookups.enumerated() {
            var part = EntityKeys()
            var places = [index]
            var epochs: [UInt64] = []
            for key in 0..<keys[lookup.keyIndex].uniqueCount where table.isMissing(lookup: index, key: key) {
                keys[lookup.keyIndex].withKey(key) { bytes in
                    part.append(encoded: bytes)
                    epochs.append(writers[shard(hash(bytes, lookup.view))].state.withLock { $0.epoch })
                }
                places.append(key)
            }
            if epochs.isEmpty { continue }
            missing.lookups.append(RecordLookup(view: lookup.view, keyIndex: missing.keys.count))
            missing.keys.append(part)
            missing.places.append(places)
            missing.epochs.append(epochs)
        }
        return missing
    }

    private func keep(
        _ key: UnsafeRawBufferPointer, _ view: ViewHandle, _ record: UnsafeRawBufferPointer?, _ stamp: HotStamp,
        _ epoch: UInt64, isForced: Bool
    ) {
        if let record, record.count > settings.recordBytes { return }
        let hash = hash(key, view)
        writers[shard(hash)].state.withLock {
            $0.admit(key, view: view.number, hash: hash, record, stamp, readAt: epoch, isForced: isForced)
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
        let freshness = HotShard.Freshness(generation: nil, oldest: oldest)
        guard lookUp(lookups, keys, &table, freshness) == 0 else { throw error }
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
        let known = changes.look(store)
        let now = tick()
        let epochs = (0..<keys.uniqueCount).map { index in
            keys.withKey(index) { key in writers[shard(hash(key, view))].state.withLock { $0.epoch } }
        }
        var table = RecordTable()
        try store.read([RecordLookup(view: view, keyIndex: 0)], keys: [keys], into: &table) { table in
            let stamp = HotStamp(tick: now, generation: known?.generation(of: table.version) ?? 0)
            if known != nil, stamp.generation == 0 { return }
            for index in 0..<keys.uniqueCount {
                guard let record = table.record(lookup: 0, key: index) else { continue }
                count += 1
                keys.withKey(index) { keep($0, view, record, stamp, epochs[index], isForced: true) }
            }
        }
        return count
    }
}
