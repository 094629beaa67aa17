import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

@Suite("Latest rows")
struct LatestRowsTests {
    struct Case: Sendable, CustomStringConvertible {
        var seed: UInt64
        var count: Int
        var keys: Int32
        var ttl: TimeSpan?
        var asKnown: Bool
        var isSorted: Bool
        var description: String {
            "seed \(seed), \(count) events, ttl \(ttl?.description ?? "none"), as known \(asKnown), sorted \(isSorted)"
        }
    }

    static let cases: [Case] = [nil, .zero, .minutes(30), .days(2)].flatMap { ttl in
        [false, true].flatMap { asKnown in
            [false, true].flatMap { isSorted in
                [(UInt64(1), 120, Int32(5)), (2, 60, 30), (3, 60, 1), (4, 0, 2)].map {
                    Case(seed: $0.0, count: $0.1, keys: $0.2, ttl: ttl, asKnown: asKnown, isSorted: isSorted)
                }
            }
        }
    }

    @Test("the winner is the oracle's", arguments: cases)
    func oracle(_ test: Case) throws {
        let data = RandomEvents(
            seed: test.seed, count: test.count, keys: test.keys, origin: -3_600_000_000, span: .hours(9),
            isSorted: test.isSorted)
        let labels = data.labels(seed: test.seed, count: 80)
        let oracle = NaiveOracle(events: data.events)
        let expected = labels.ids.indices.map {
            oracle.latest(id: labels.ids[$0], at: labels.times[$0], ttl: test.ttl, asKnown: test.asKnown)
        }
        // Few rows never reach the threads on their own: both ways are asked for parts as well.
        let ttl = test.ttl?.microseconds ?? .max
        let arrivals = data.events.arrivalTimes ?? []
        let visible = test.asKnown ? zip(data.events.eventTimes, arrivals).map(max) : data.events.eventTimes
        for parts in [1, 2, 3, 8] {
            #expect(droppedLatestRows(labels, data.events, visible, ttl: ttl, parts: parts) == expected, "\(test)")
            if isAscending(visible) {
                let given = test.asKnown ? visible : nil
                #expect(
                    mergedLatestRows(labels, data.events, given, ttl: ttl, parts: parts) == expected, "\(test)")
                let order = labels.times.indices.sorted { labels.times[$0] < labels.times[$1] }
                let ordered = LabelColumns(ids: order.map { labels.ids[$0] }, times: order.map { labels.times[$0] })
                #expect(
                    mergedLatestRows(ordered, data.events, given, ttl: ttl, parts: parts)
                        == order.map { expected[$0] }, "labels in order of time, \(test)")
            }
        }
        for threads in [1, 2] {
            let rows = try latestRows(
                labels: labels, events: data.events, ttl: test.ttl, asKnown: test.asKnown, threads: threads)
            #expect(rows == expected, "\(test)")
        }
    }

    @Test("both ways and any number of threads agree on many rows", arguments: [false, true])
    func ways(asKnown: Bool) throws {
        let seed: UInt64 = 77
        let data = RandomEvents(seed: seed, count: 52_000, keys: 900, span: .days(4), isSorted: true)
        let labels = data.labels(seed: seed, count: 3_000)
        let once = try latestRows(labels: labels, events: data.events, ttl: nil, asKnown: asKnown, threads: 1)
        let many = try latestRows(labels: labels, events: data.events, ttl: nil, asKnown: asKnown, threads: 4)
        #expect(once == many)
        let shuffled = data.shuffled(seed: seed)
        let other = try latestRows(labels: labels, events: shuffled, ttl: nil, asKnown: asKnown, threads: 3)
        func positions(_ rows: [Int32], _ events: EventColumns) -> [Int64] {
            rows.map { $0 < 0 ? -1 : events.positions?[Int($0)] ?? -2 }
        }
        #expect(positions(once, data.events) == positions(other, shuffled), "seed \(seed)")
        let visible =
            asKnown ? zip(data.events.eventTimes, data.events.arrivalTimes ?? []).map(max) : data.events.eventTimes
        #expect(droppedLatestRows(labels, data.events, visible, parts: 2) == once)
    }

    @Test("events in the order of their arrival are merged in stretches, late ones included", arguments: 1...6)
    func arrivalOrder(seed: Int) throws {
        let data = RandomEvents(seed: UInt64(seed), count: 150, keys: 4, span: .hours(5))
        let arrivals = data.events.arrivalTimes ?? []
        let visible = zip(data.events.eventTimes, arrivals).map(max)
        let events = data.events.rows(visible.indices.sorted { visible[$0] < visible[$1] }.map(Int32.init))
        let labels = data.labels(seed: UInt64(seed), count: 100)
        let oracle = NaiveOracle(events: events)
        let expected = labels.ids.indices.map {
            oracle.latest(id: labels.ids[$0], at: labels.times[$0], ttl: nil, asKnown: true)
        }
        for parts in [1, 2, 5] {
            #expect(mergedLatestRows(labels, events, visible.sorted(), parts: parts) == expected, "seed \(seed)")
        }
    }

    @Test("equal times on both sides of where stretches meet are ties like any", arguments: 1...8)
    func tiesBetweenStretches(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let count = 90
        // Of three keys and few times, so that every stretch begins within a run of equal ones.
        let events = EventColumns(
            ids: (0..<count).map { _ in Int32.random(in: 0..<3, using: &random) },
            eventTimes: (0..<count).map { Int64($0 / 25) * 1_000 },
            arrivalTimes: (0..<count).map { _ in Int64.random(in: 0..<4, using: &random) },
            positions: (0..<Int64(count)).shuffled(using: &random))
        let labels = LabelColumns(
            ids: (0..<60).map { _ in Int32.random(in: -1..<4, using: &random) },
            times: (0..<60).map { _ in Int64.random(in: -1..<5, using: &random) * 500 })
        for ttl in [nil, TimeSpan.zero, TimeSpan(microseconds: 1_000)] {
            let oracle = NaiveOracle(events: events)
            let expected = labels.ids.indices.map {
                oracle.latest(id: labels.ids[$0], at: labels.times[$0], ttl: ttl, asKnown: false)
            }
            for parts in [1, 2, 3, 7] {
                let found = mergedLatestRows(
                    labels, events, nil, ttl: ttl?.microseconds ?? .max, parts: parts)
                #expect(found == expected, "seed \(seed), ttl \(String(describing: ttl)), \(parts) parts")
            }
        }
    }

    @Test(
        "labels are sorted by time and row, whatever their times have in common",
        arguments: [Int64(1), 64, 1_000_000, 1 << 40], [3, 2_000])
    func labelOrders(unit: Int64, count: Int) throws {
        var random = SeededRandom(seed: UInt64(count) &+ UInt64(unit))
        let times = (0..<count).map { _ in Int64.random(in: -400...400, using: &random) * unit + 7 }
        let expected = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
        let packing = try #require(LabelPacking(times, threads: 2))
        let sorted = sortedInStretches(times, bounds: [-50 * unit, 7]) {
            packing.packed(row: $0, time: $1)
        } sort: {
            sortWords($0, lowest: packing.rowBits)
        }
        let order = PackedOrder(words: sorted.elements, packing: packing)
        #expect(times.indices.map { order.label($0).row } == expected, "seed \(count) + \(unit)")
        #expect(times.indices.map { order.label($0).time } == expected.map { times[$0] })
        #expect(sorted.starts == [0, times.count { $0 < -50 * unit }, times.count { $0 < 7 }, count])
    }

    @Test("labels whose times and rows do not fit into a word are merged like others")
    func wideLabels() throws {
        let limit = timeLimitMicroseconds - 1
        let labels = LabelColumns(ids: [0, 0, 1, 0, 1], times: [limit, -limit, 3, 2, limit - 1])
        #expect(LabelPacking(labels.times, threads: 1) == nil)
        let events = EventColumns(ids: [0, 1, 0], eventTimes: [-limit, 3, 4])
        for parts in [1, 2, 3] {
            #expect(mergedLatestRows(labels, events, nil, parts: parts) == [2, 0, 1, 0, 1])
        }
    }

    @Test("ties go to the later arrival, then to the later position, then to the later row")
    func ties() throws {
        let labels = LabelColumns(ids: [0], times: [5])
        func winner(_ arrivals: [Int64]?, _ positions: [Int64]?) throws -> Int32 {
            let events = EventColumns(
                ids: [0, 0, 0], eventTimes: [5, 5, 4], arrivalTimes: arrivals, positions: positions)
            return try latestRows(labels: labels, events: events, ttl: nil)[0]
        }
        #expect(try winner(nil, nil) == 1)
        #expect(try winner([9, 8, 10], [1, 2, 3]) == 0)
        #expect(try winner([8, 8, 10], [2, 1, 3]) == 0)
        #expect(try winner(nil, [2, 1, 3]) == 0)
        // Equal positions: the later row, as in windows.
        #expect(try winner(nil, [2, 2, 3]) == 1)
        #expect(try winner([8, 8, 10], [2, 2, 3]) == 1)
        let equal = EventColumns(
            ids: [0, 0], eventTimes: [5, 5], arrivalTimes: [8, 8], positions: [2, 2], inputs: [Column(.int64([7, 9]))])
        let last = WindowAggregate(
            name: "l", function: .last, column: "x", columnType: .int64, windows: [.days(1)])
        let plan = try WindowPlan(aggregates: [last], inputColumns: ["x": 0])
        #expect(try plan.compute(events: equal, labels: LabelColumns(ids: [0], times: [9]))[0][0] == .int64(9))
    }

    @Test(
        "times beyond 73,000 years are refused by explanations too, infinite ones among them",
        arguments: [Int64.min, -(1 << 61) - 1, 1 << 61, .max])
    func unboundedTimes(_ far: Int64) throws {
        let last = WindowAggregate(
            name: "l", function: .last, column: "x", columnType: .int64, windows: [.days(1)])
        let plan = try WindowPlan(aggregates: [last], inputColumns: ["x": 0])
        for (event, arrival, time) in [(far, 0, 1), (0, far, 1), (0, 0, far)] as [(Int64, Int64, Int64)] {
            let events = EventColumns(
                ids: [0, 0], eventTimes: [0, event], arrivalTimes: [0, arrival], inputs: [Column(.int64([7, 9]))])
            let time = Timestamp(microseconds: time)
            #expect(
                code { try explainLatest(events: events, id: 0, at: time, ttl: .days(1), asKnown: true) }
                    == .limitExceeded)
            #expect(
                code { try plan.explain(feature: 0, events: events, id: 0, at: time, asKnown: true) }
                    == .limitExceeded)
        }
    }

    @Test("an event that arrives late does not displace a later one seen before")
    func lateArrival() throws {
        // Event 10 arrives at 100, after event 20.
        let events = EventColumns(ids: [0, 0], eventTimes: [20, 10], arrivalTimes: [21, 100])
        let labels = LabelColumns(ids: [0, 0, 0, 0], times: [15, 20, 21, 200])
        #expect(try latestRows(labels: labels, events: events, ttl: nil, asKnown: true) == [-1, -1, 0, 0])
        #expect(try latestRows(labels: labels, events: events, ttl: nil) == [1, 0, 0, 0])
    }

    @Test("the ttl includes its end")
    func ttl() throws {
        let events = EventColumns(ids: [0], eventTimes: [100])
        let labels = LabelColumns(ids: [0, 0, 0, 0], times: [99, 100, 110, 111])
        let ttl = TimeSpan(microseconds: 10)
        #expect(try latestRows(labels: labels, events: events, ttl: ttl) == [-1, 0, 0, -1])
        #expect(try latestRows(labels: labels, events: events, ttl: .zero) == [-1, 0, -1, -1])
    }

    @Test("sorting by time is stable for any number of rows", arguments: [0, 1, 2, 500, 5_000])
    func sorting(_ count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        let times = (0..<count).map { _ in
            Int64.random(in: -4_000_000_000_000_000...4_000_000_000_000_000, using: &random) / (1 << 44) * (1 << 30)
        }
        var rows = times.enumerated().map { TimedRow(time: $1, row: Int32($0)) }
        sortByTime(&rows)
        let expected = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
        #expect(rows.map(\.row) == expected.map(Int32.init))
    }
}
