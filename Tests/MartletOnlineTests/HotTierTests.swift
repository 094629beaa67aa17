import Dispatch
import MartletCore
import MartletOnline
import Synchronization
import Testing

/// A clock that a test sets.
private final class Clock: TimeSource {
    let nanoseconds = Atomic<UInt64>(1_000_000_000_000)
    func now() -> Timestamp { Timestamp(microseconds: Int64(monotonicNanoseconds() / 1_000)) }
    func monotonicNanoseconds() -> UInt64 { nanoseconds.load(ordering: .relaxed) }
    func advance(milliseconds: UInt64) { nanoseconds.wrappingAdd(milliseconds * 1_000_000, ordering: .relaxed) }
}

/// A store that can be told to fail.
private final class Breakable: OnlineStore {
    let store: LMDBOnlineStore
    let isBroken = Atomic<Bool>(false)
    let reads = Atomic<Int>(0)
    init(_ store: LMDBOnlineStore) { self.store = store }

    func handle(for view: ViewIdentity) throws -> ViewHandle { try store.handle(for: view) }
    func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        if isBroken.load(ordering: .relaxed) { throw MartletError(.storeUnavailable, "broken") }
        reads.wrappingAdd(1, ordering: .relaxed)
        try store.read(lookups, keys: keys, into: &table, body)
    }
    func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts { try store.write(chunk, keys: keys, order: order, to: view, cursor: cursor) }
    func cursor(of view: ViewIdentity) throws -> LoadCursor? { try store.cursor(of: view) }
    func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws { try store.setCursor(cursor, of: view) }
    func drop(_ view: ViewIdentity) throws { try store.drop(view) }
    func recordCount(of view: ViewIdentity) throws -> Int { try store.recordCount(of: view) }
}

@Suite("The hot tier")
struct HotTierTests {
    private let view = simpleView()
    private let now = Timestamp(microseconds: 1_000_000)

    private func withTier(
        _ settings: HotTierSettings = HotTierSettings(), _ body: (HotTier, Breakable, Clock) throws -> Void
    ) throws {
        try withStore { store in
            let breakable = Breakable(store)
            let clock = Clock()
            try body(HotTier(over: breakable, settings, time: clock), breakable, clock)
        }
    }

    private func read(_ ids: [Int64], _ store: any OnlineStore) throws -> [Value] {
        let column = try store.read(view, keys: [Column(.int64(ids))], at: now).columns[0]
        return ids.indices.map { column[$0] }
    }

    @Test("answers from memory what was read before, absent entities too")
    func hits() throws {
        try withTier { tier, store, _ in
            _ = try load(simpleValues([(1, 10, 5), (2, nil, 5)]), into: view, tier)
            for _ in 0..<3 { #expect(try read([1, 2, 3, 1], tier) == [.int64(10), .null, .null, .int64(10)]) }
            #expect(store.reads.load(ordering: .relaxed) == 1)
            #expect(try read([1, 4, 3], tier) == [.int64(10), .null, .null])
            let statistics = tier.statistics
            #expect(statistics.hits == 8 && statistics.misses == 4)
            #expect(statistics.entries == 4)
        }
    }

    @Test("sees at once what this process writes or drops, and what others write within the limit")
    func freshness() throws {
        try withTier { tier, store, clock in
            _ = try load(simpleValues([(1, 10, 5)]), into: view, tier)
            #expect(try read([1, 2], tier) == [.int64(10), .null])
            _ = try load(simpleValues([(1, 11, 6), (2, 20, 6)]), into: view, tier, input: "b")
            #expect(try read([1, 2], tier) == [.int64(11), .int64(20)])
            _ = try load(simpleValues([(1, 12, 7)]), into: view, store, input: "c")
            #expect(try read([1], tier) == [.int64(11)])
            clock.advance(milliseconds: 1_000)
            #expect(try read([1], tier) == [.int64(11)])
            clock.advance(milliseconds: 1)
            #expect(try read([1], tier) == [.int64(12)])
            try tier.drop(view.identity)
            #expect(try read([1, 2], tier) == [.null, .null])
        }
    }

    @Test("over a store that tells its version sees at once what others write, and keeps all else")
    func versions() throws {
        try withStore { store in
            let tier = HotTier(over: store)
            let other = simpleView(identity("other"))
            _ = try load(simpleValues((0..<100).map { ($0, $0, 5) }), into: view, tier)
            _ = try load(simpleValues([(1, 10, 5)]), into: other, tier)
            let ids = (0..<Int64(100)).map { $0 }
            #expect(try read(ids, tier) == ids.map { .int64($0) })
            // Of our own writes only what was written is read again.
            _ = try load(simpleValues([(7, 70, 6)]), into: view, tier, input: "b")
            let before = tier.statistics
            #expect(try read(ids, tier) == ids.map { .int64($0 == 7 ? 70 : $0) })
            #expect(tier.statistics.misses == before.misses + 1)
            #expect(tier.statistics.hits == before.hits + 99)
            // Written past the tier, as another process does.
            _ = try load(simpleValues([(8, 80, 6)]), into: view, store, input: "c")
            #expect(try read([8], tier) == [.int64(80)])
            let after = tier.statistics
            #expect(try read(ids, tier) == ids.map { .int64($0 == 7 ? 70 : $0 == 8 ? 80 : $0) })
            #expect(try read(ids, tier) == ids.map { .int64($0 == 7 ? 70 : $0 == 8 ? 80 : $0) })
            #expect(tier.statistics.misses == after.misses + 99)
        }
    }

    @Test("never serves what another writer has replaced", arguments: [UInt64(1), 2])
    func foreignWriter(seed: UInt64) throws {
        try withStore { store in
            let tier = HotTier(over: store)
            let ids = (0..<Int64(20)).map { $0 }
            _ = try load(simpleValues(ids.map { ($0, 0, 0) }), into: view, tier)
            let isDone = Atomic<Bool>(false)
            let written = Atomic<Int64>(0)
            let faults = Mutex<[String]>([])
            let group = DispatchGroup()
            startThread(group: group) {
                var random = SeededRandom(seed: seed)
                while !isDone.load(ordering: .relaxed) {
                    // What was committed before the read must be in it, from memory or not.
                    let least = written.load(ordering: .acquiring)
                    let id = Int64(random.next() % 20)
                    let found = Result { try read([id], tier)[0] }
                    guard case .success(.int64(let x)) = found, x >= least else {
                        faults.withLock { $0.append("seed \(seed): \(id) is \(found) after \(least)") }
                        return
                    }
                }
            }
            for round in 1...200 {
                let values = simpleValues(ids.map { ($0, Int64(round), Int64(round)) })
                // By turns through the tier and past it.
                _ = try load(values, into: view, round % 3 == 0 ? store : tier, input: "\(round)")
                written.store(Int64(round), ordering: .releasing)
            }
            isDone.store(true, ordering: .relaxed)
            group.wait()
            #expect(faults.withLock { $0 } == [])
        }
    }

    @Test("keeps the keys that were asked for most, and takes damaged notes for none")
    func notedKeys() throws {
        var noted = HotKeys()
        var keys = EntityKeys()
        for id in [Int64(5), -1, 7] {
            keys.append(integer: id)
            keys.endKey()
        }
        noted.views = [("a/b/c@v1", keys), ("empty", EntityKeys())]
        let bytes = noted.encoded
        let read = try #require(HotKeys(decoding: bytes))
        #expect(read.views.map(\.name) == ["a/b/c@v1", "empty"])
        #expect(read.views[0].keys.uniqueCount == 3 && read.views[1].keys.uniqueCount == 0)
        for index in 0..<3 {
            #expect(read.views[0].keys.withKey(index) { Array($0) } == keys.withKey(index) { Array($0) })
        }
        for size in 0..<bytes.count { #expect(HotKeys(decoding: Array(bytes.prefix(size))) == nil, "\(size) bytes") }
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x40
            #expect(HotKeys(decoding: damaged) == nil, "byte \(place)")
        }
    }

    @Test(
        "serves stale records while the store is away only where that is allowed, and says so",
        arguments: [false, true])
    func outage(isAllowed: Bool) throws {
        var settings = HotTierSettings()
        if isAllowed { settings.outageStaleness = .minutes(1) }
        try withTier(settings) { tier, store, clock in
            _ = try load(simpleValues([(1, 10, 5)]), into: view, tier)
            _ = try read([1], tier)
            clock.advance(milliseconds: 2_000)
            store.isBroken.store(true, ordering: .relaxed)
            let keys = try EntityKeys([Column(.int64([1]))], keys: view.keys)
            var table = RecordTable()
            var isStale: Bool?
            let lookup = RecordLookup(view: try tier.handle(for: view.identity), keyIndex: 0)
            let failure = code { try tier.read([lookup], keys: [keys], into: &table) { isStale = $0.isStale } }
            #expect(failure == (isAllowed ? nil : .storeUnavailable))
            #expect(isStale == (isAllowed ? true : nil))
            // What was never read cannot be served.
            #expect(code { _ = try read([1, 2], tier) } == .storeUnavailable)
            clock.advance(milliseconds: 60_000)
            #expect(code { _ = try read([1], tier) } == .storeUnavailable)
            store.isBroken.store(false, ordering: .relaxed)
            #expect(try read([1], tier) == [.int64(10)])
            clock.advance(milliseconds: 1)
            try tier.read([lookup], keys: [keys], into: &table) { #expect(!$0.isStale) }
        }
    }

    @Test("stays within its memory and serves the right records, however many there are", arguments: [UInt64(1), 2])
    func bounds(seed: UInt64) throws {
        var settings = HotTierSettings()
        settings.sizeBytes = 256 << 10
        settings.shards = 4
        try withTier(settings) { tier, _, clock in
            var random = SeededRandom(seed: seed)
            let count = Int64(20_000)
            _ = try load(
                simpleValues((0..<count).map { (id: $0, x: $0 * 3, event: 5) }), into: view, tier)
            for round in 0..<400 {
                // Some are asked for often, some never were stored.
                let ids = (0..<100).map { _ in
                    random.next() % 2 == 0
                        ? Int64.random(in: 0..<50, using: &random) : Int64.random(in: 0..<count + 5_000, using: &random)
                }
                for (id, value) in zip(ids, try read(ids, tier)) {
                    #expect(value == (id < count ? .int64(id * 3) : .null), "seed \(seed), id \(id), round \(round)")
                }
                if round % 50 == 49 { clock.advance(milliseconds: 500) }
            }
            let statistics = tier.statistics
            #expect(statistics.usedBytes <= settings.sizeBytes)
            #expect(statistics.evictions > 0 && statistics.rejections > 0)
            #expect(statistics.hitRatio > 0.4, "seed \(seed): \(statistics)")
        }
    }

    @Test("is warm after a flip with the keys that were hit most")
    func warming() throws {
        try withTier { tier, store, _ in
            let new = simpleView(identity(version: 2))
            _ = try load(simpleValues((0..<100).map { (id: $0, x: $0, event: 5) }), into: view, tier)
            _ = try load(simpleValues((0..<100).map { (id: $0, x: $0 + 1_000, event: 5) }), into: new, tier)
            _ = try read((0..<100).map { Int64($0) }, tier)
            for _ in 0..<3 { _ = try read([7, 8], tier) }
            let keys = tier.mostUsedKeys(of: try tier.handle(for: view.identity), limit: 2)
            #expect(try tier.warm(try tier.handle(for: new.identity), keys) == 2)
            let before = store.reads.load(ordering: .relaxed)
            let answer = try tier.read(new, keys: [Column(.int64([7, 8]))], at: now)
            #expect(answer.columns[0][0] == .int64(1_007) && answer.columns[0][1] == .int64(1_008))
            #expect(store.reads.load(ordering: .relaxed) == before)
        }
    }

    @Test("never shows a torn record or an older one to readers beside writers")
    func concurrency() throws {
        var settings = HotTierSettings()
        // So small that entries come and go all the time.
        settings.sizeBytes = 32 << 10
        settings.shards = 2
        try withStore { store in
            let tier = HotTier(over: store, settings)
            let ids = (0..<Int64(300)).map { $0 }
            _ = try load(simpleValues(ids.map { ($0, 0, 0) }), into: view, tier)
            let isDone = Atomic<Bool>(false)
            let faults = Mutex<[String]>([])
            let group = DispatchGroup()
            for reader in 0..<2 {
                startThread(group: group) {
                    var random = SeededRandom(seed: UInt64(reader))
                    var newest = [Int64](repeating: 0, count: 300)
                    while !isDone.load(ordering: .relaxed) {
                        let asked = (0..<5).map { _ in Int64(random.next() % 300) }
                        do {
                            // A damaged record throws: each is checked against its checksum.
                            let answer = try tier.read(view, keys: [Column(.int64(asked))], at: now)
                            for (row, id) in asked.enumerated() {
                                guard case .int64(let x) = answer.columns[0][row], x >= newest[Int(id)] else {
                                    faults.withLock { $0.append("\(id) went back from \(newest[Int(id)])") }
                                    continue
                                }
                                newest[Int(id)] = x
                            }
                        } catch {
                            faults.withLock { $0.append("\(error)") }
                        }
                    }
                }
            }
            for round in 1...30 {
                _ = try load(
                    simpleValues(ids.map { ($0, Int64(round), Int64(round)) }), into: view, tier, input: "\(round)")
                let seen = try read([0, 150, 299], tier)
                #expect(seen == [.int64(Int64(round)), .int64(Int64(round)), .int64(Int64(round))])
            }
            isDone.store(true, ordering: .relaxed)
            group.wait()
            #expect(faults.withLock { $0.prefix(3) } == [])
        }
    }
}
