import FoundationEssentials
import MartletCore
import MartletDefinitions
import MartletFeatures
import MartletKeyValue
import MartletOnline
import MartletStreams
import MartletTestSupport
import Synchronization
import Testing

/// Random payments of some entities, as they come from the log: late by up to two days, some ahead of the clock.
struct RandomStream {
    static let start = Timestamp(year: 2026, month: 5, day: 1)
    let rows: StreamRows
    /// When each row is read from the log.
    let moments: [Int64]

    init(_ random: inout SeededRandom, count: Int) {
        var (ids, times, arrivals, amounts, moments): ([Int64], [Int64], [Int64], [Double], [Int64]) = (
            [], [], [], [], []
        )
        var clock = Self.start.microseconds
        for _ in 0..<count {
            clock += Int64.random(in: 0..<900_000_000, using: &random)
            let isAhead = random.next() % 20 == 0
            let lag = Int64.random(in: 0..<(isAhead ? 1_800_000_000 : 2 * 86_400_000_000), using: &random)
            ids.append(Int64.random(in: 0..<12, using: &random))
            times.append(isAhead ? clock + lag : clock - lag)
            arrivals.append(clock)
            amounts.append((random.uniform() * 2_000).rounded() / 100 - 5)
            moments.append(clock + 1)
        }
        rows = StreamRows(
            keys: [Column(.int64(ids))], eventTimes: times, arrivalTimes: arrivals,
            positions: (0..<Int64(count)).map { $0 }, inputs: [Column(.float64(amounts))])
        self.moments = moments
    }

    var end: Timestamp { Timestamp(microseconds: moments[moments.count - 1]) }

    func part(_ range: Range<Int>) -> StreamRows { rows.gathering(range.map { Int32($0) }) }

    func events(before time: Timestamp, count: Int) throws -> (EventColumns, EntityIndex) {
        let kept = (0..<Int32(count)).filter { rows.eventTimes[Int($0)] < time.microseconds }
        let part = rows.gathering(kept)
        let index = try EntityIndex(part.keys)
        return (
            EventColumns(
                ids: index.ids, eventTimes: part.eventTimes, arrivalTimes: part.arrivalTimes, positions: part.positions,
                inputs: part.inputs), index
        )
    }
}

private func plan() throws -> WindowPlan {
    func aggregate(_ function: AggregateFunction, _ parameters: AggregateParameters = .init()) -> WindowAggregate {
        WindowAggregate(
            name: "amount_\(function)", function: function, column: "amount", columnType: .float64,
            parameters: parameters, windows: [.hours(1), .days(1), .days(7)])
    }
    return try WindowPlan(
        aggregates: [
            aggregate(.count), aggregate(.sum), aggregate(.mean), aggregate(.min), aggregate(.max), aggregate(.stddev),
            aggregate(.first), aggregate(.last), aggregate(.lastN, .init(length: 3)),
            aggregate(.topK, .init(length: 2)), aggregate(.distinct), aggregate(.approxDistinct),
            aggregate(.quantile, .init(quantile: 0.9)), aggregate(.decayedSum, .init(halfLife: .hours(6))),
            aggregate(.skewness), aggregate(.timeSinceLast),
        ], inputColumns: ["amount": 0])
}

private func identity(_ name: String) throws -> ViewIdentity {
    let tenant = try #require(TenantID("acme"))
    return ViewIdentity(workspace: try #require(WorkspaceID(tenant: tenant, name: "main")), view: name, version: 1)
}

private func windowed(_ plan: WindowPlan) throws -> OnlineView {
    OnlineView(
        identity: try identity("windows"), keys: [Field("id", .int64)],
        features: plan.features.map { Field($0.name, $0.type) }, kind: .windowed(TileAssembler(plan)))
}

private func withStore(_ body: (LMDBOnlineStore) throws -> Void) throws {
    try withTemporaryFolder { folder in
        try body(
            LMDBOnlineStore(
                path: folder, limits: EnvironmentLimits(mapSizeBytes: 1 << 30), durability: .unsynced))
    }
}

/// A store whose writes fail from the nth on.
private final class UnreliableStore: OnlineStore {
    private let base: any OnlineStore
    let writesUntilFailure = Atomic<Int>(.max)

    init(_ base: any OnlineStore) { self.base = base }

    private func write() throws {
        let left = writesUntilFailure.load(ordering: .relaxed)
        if left == 0 { throw MartletError(.diskFull, "the disk is full") }
        if left != .max { writesUntilFailure.store(left - 1, ordering: .relaxed) }
    }

    func handle(for view: ViewIdentity) throws -> ViewHandle { try base.handle(for: view) }
    func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws { try base.read(lookups, keys: keys, into: &table, body) }
    func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts {
        try write()
        return try base.write(chunk, keys: keys, order: order, to: view, cursor: cursor)
    }
    func cursor(of view: ViewIdentity) throws -> LoadCursor? { try base.cursor(of: view) }
    func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws {
        try write()
        try base.setCursor(cursor, of: view)
    }
    func drop(_ view: ViewIdentity) throws { try base.drop(view) }
    func recordCount(of view: ViewIdentity) throws -> Int { try base.recordCount(of: view) }
    var isRemote: Bool { base.isRemote }
}

@Suite("A view that follows the log")
struct StreamedViewTests {
    private let asked = (0..<Int64(14)).map { $0 }

    private func expectEqual(
        _ stream: RandomStream, _ plan: WindowPlan, _ view: OnlineView, _ store: any OnlineStore, count: Int,
        at time: Timestamp, seed: UInt64
    ) throws {
        let (events, index) = try stream.events(before: time, count: count)
        let labels = LabelColumns(
            ids: try index.lookup([Column(.int64(asked))]), times: asked.map { _ in time.microseconds })
        let expected = try plan.compute(events: events, labels: labels)
        let answer = try store.read(view, keys: [Column(.int64(asked))], at: time)
        for (feature, column) in expected.enumerated() {
            for row in asked.indices {
                #expect(
                    answer.columns[feature][row] == column[row],
                    "seed \(seed), \(plan.features[feature].name) of \(asked[row]) after \(count) at \(time)")
            }
        }
    }

    @Test(
        "serves at every moment what the offline kernel computes, however the log is cut", arguments: [UInt64(1), 2, 3])
    func equality(seed: UInt64) throws {
        try withStore { base in
            var random = SeededRandom(seed: seed)
            let plan = try plan()
            let stream = RandomStream(&random, count: 500)
            let streamed = try StreamedView(windowed(plan), plan: plan, store: base)
            let store = StreamStore(base)
            store.follow([streamed])
            streamed.begin(at: StreamPosition(endOffset: 0))
            var first = 0
            while first < stream.rows.count {
                let end = min(stream.rows.count, first + 1 + Int(random.next() % 120))
                let now = Timestamp(microseconds: stream.moments[end - 1])
                try streamed.apply(stream.part(first..<end), endOffset: Int64(end), now: now)
                try streamed.advance(to: now)
                try expectEqual(stream, plan, streamed.view, store, count: end, at: now, seed: seed)
                let later = now + .minutes(7)
                try streamed.advance(to: later)
                try expectEqual(stream, plan, streamed.view, store, count: end, at: later, seed: seed)
                if random.next() % 3 == 0 { try streamed.checkpoint(at: later) }
                first = end
            }
            #expect(streamed.counts.late > 30)
            #expect(streamed.counts.replayed == 0)
        }
    }

    @Test(
        "goes on after a crash at any moment from what was stored, and counts nothing twice",
        arguments: [UInt64(1), 2, 3])
    func crashes(seed: UInt64) throws {
        try withStore { base in
            var random = SeededRandom(seed: seed)
            let plan = try plan()
            let stream = RandomStream(&random, count: 500)
            var streamed = try StreamedView(windowed(plan), plan: plan, store: base)
            streamed.begin(at: StreamPosition(endOffset: 0))
            var (first, crashes) = (0, 0)
            while first < stream.rows.count {
                let end = min(stream.rows.count, first + 1 + Int(random.next() % 80))
                let now = Timestamp(microseconds: stream.moments[end - 1])
                try streamed.apply(stream.part(first..<end), endOffset: Int64(end), now: now)
                try streamed.advance(to: now)
                first = end
                switch random.next() % 5 {
                case 0: try streamed.checkpoint(at: now)
                case 1:
                    // What was in memory is gone; the log is read again from where the store says.
                    streamed = try StreamedView(windowed(plan), plan: plan, store: base)
                    if let position = try streamed.resume() {
                        first = Int(position.first)
                    } else {
                        streamed.begin(at: StreamPosition(endOffset: 0))
                        first = 0
                    }
                    crashes += 1
                default: break
                }
            }
            try streamed.advance(to: stream.end + .hours(1))
            try streamed.checkpoint(at: stream.end + .hours(1))
            #expect(crashes > 0)
            let count = stream.rows.count
            let time = stream.end + .hours(1)
            try expectEqual(stream, plan, streamed.view, base, count: count, at: time, seed: seed)
        }
    }

    @Test(
        "stores the state of the moment at which a checkpoint began, while events go on, and survives failing writes",
        arguments: [UInt64(1), 2, 3, 4, 5, 6])
    func checkpointsBeside(seed: UInt64) throws {
        try withStore { lmdb in
            var random = SeededRandom(seed: seed)
            let base = UnreliableStore(lmdb)
            let plan = try plan()
            let stream = RandomStream(&random, count: 600)
            // Without memory all that is at rest is left to the store.
            func made() throws -> StreamedView {
                try StreamedView(windowed(plan), plan: plan, store: base, memoryBytes: seed % 2 == 0 ? 0 : 1 << 30)
            }
            var streamed = try made()
            streamed.begin(at: StreamPosition(endOffset: 0))
            var (first, crashes, failures) = (0, 0, 0)
            var running: StreamCheckpoint?
            while first < stream.rows.count {
                let end = min(stream.rows.count, first + 1 + Int(random.next() % 50))
                let now = Timestamp(microseconds: stream.moments[end - 1])
                try streamed.apply(stream.part(first..<end), endOffset: Int64(end), now: now)
                try streamed.advance(to: now)
                first = end
                switch random.next() % 6 {
                case 0, 1:
                    if running == nil { running = streamed.beginCheckpoint() }
                case 2, 3:
                    guard let checkpoint = running else { break }
                    running = nil
                    base.writesUntilFailure.store(Int(random.next() % 12), ordering: .relaxed)
                    do { try checkpoint.store(at: now, chunkBytes: 1) } catch { failures += 1 }
                    base.writesUntilFailure.store(.max, ordering: .relaxed)
                    if failures == 0 || random.next() % 2 == 0 { break }
                    fallthrough
                case 4 where random.next() % 2 == 0:
                    streamed = try made()
                    running = nil
                    if let position = try streamed.resume() {
                        first = Int(position.first)
                    } else {
                        streamed.begin(at: StreamPosition(endOffset: 0))
                        first = 0
                    }
                    crashes += 1
                default: break
                }
            }
            let time = stream.end + .hours(1)
            try streamed.advance(to: time)
            if let running { try running.store(at: time) }
            try streamed.checkpoint(at: time)
            #expect(crashes > 0, "seed \(seed), \(failures) failures")
            #expect(streamed.counts.dirty == 0)
            try expectEqual(stream, plan, streamed.view, lmdb, count: stream.rows.count, at: time, seed: seed)
        }
    }

    @Test("an entity whose events are all taken back is gone from the store too")
    func takenBack() throws {
        try withStore { base in
            var random = SeededRandom(seed: 7)
            let plan = try plan()
            let stream = RandomStream(&random, count: 100)
            let streamed = try StreamedView(windowed(plan), plan: plan, store: base)
            streamed.begin(at: StreamPosition(endOffset: 0))
            let time = stream.end + .hours(1)
            try streamed.apply(stream.rows, endOffset: 100, now: time)
            try streamed.checkpoint(at: time)
            let key = [Column(.int64([3]))]
            let mean = try #require(plan.features.firstIndex { $0.name == "amount_mean_7d" })
            func status() throws -> FeatureStatus {
                try base.read(streamed.view, keys: key, features: [mean], at: time).statuses[0][0]
            }
            #expect(try status() == .present)
            try streamed.replace(key, with: stream.part(0..<0), endOffset: 110, mark: 110, now: time)
            try streamed.checkpoint(at: time)
            #expect(try status() == .notFound)
        }
    }

    @Test("keeps of latest values the newest, whatever comes first", arguments: [UInt64(1), 2])
    func latest(seed: UInt64) throws {
        try withStore { base in
            var random = SeededRandom(seed: seed)
            let stream = RandomStream(&random, count: 600)
            let view = OnlineView(
                identity: try identity("latest"), keys: [Field("id", .int64)], features: [Field("amount", .float64)])
            let streamed = try StreamedView(view, plan: nil, store: base)
            let store = StreamStore(base)
            store.follow([streamed])
            streamed.begin(at: StreamPosition(endOffset: 0))
            for first in stride(from: 0, to: stream.rows.count, by: 37) {
                let end = min(stream.rows.count, first + 37)
                let now = Timestamp(microseconds: stream.moments[end - 1])
                try streamed.apply(stream.part(first..<end), endOffset: Int64(end), now: now)
                try streamed.advance(to: now)
                if first % 2 == 0 { try streamed.checkpoint(at: now) }
                let (events, index) = try stream.events(before: now, count: end)
                let labels = LabelColumns(
                    ids: try index.lookup([Column(.int64(asked))]), times: asked.map { _ in now.microseconds })
                let rows = try latestRows(labels: labels, events: events, ttl: nil)
                let answer = try store.read(view, keys: [Column(.int64(asked))], at: now)
                #expect(answer.columns[0] == events.inputs[0].gathering(fitting: rows), "seed \(seed) after \(end)")
            }
        }
    }
}
