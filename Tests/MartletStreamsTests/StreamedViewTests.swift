import FoundationEssentials
import MartletCore
import MartletDefinitions
import MartletFeatures
import MartletKeyValue
import MartletOnline
import MartletStreams
import MartletTestSupport
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
