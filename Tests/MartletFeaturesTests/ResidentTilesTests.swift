import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

/// Tiles in memory are those that one build of the same events makes, whatever the way they came there.
@Suite("Resident tiles")
struct ResidentTilesTests {
    private static let functions = AggregateFunction.allCases.filter { $0 != .ratio }

    /// Compares the record of every key with the one that is built of the events.
    private func expectSame(
        _ tiles: inout ResidentTiles, _ events: EventColumns, upTo: Timestamp, _ what: String
    ) throws {
        let expected = try tiles.plan.buildTiles(events: events, upTo: upTo)
        let ids = expected.ids
        for key in 0..<max(tiles.keyCount, (ids.max() ?? -1) + 1) {
            let record = try tiles.record(of: key, upTo: upTo)
            #expect(record == ids.firstIndex(of: key).map { expected.record($0) }, "\(what), key \(key)")
        }
    }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do { try body() } catch { return (error as? MartletError)?.code }
        return nil
    }

    private func apply(
        _ events: EventColumns, to tiles: inout ResidentTiles, _ random: inout SeededRandom
    ) throws -> ResidentTiles.Counts {
        var counts = ResidentTiles.Counts()
        var rows = (0..<Int32(events.count)).shuffled(using: &random)
        while !rows.isEmpty {
            let count = min(rows.count, Int.random(in: 1...70, using: &random))
            if Bool.random(using: &random) {
                counts += try tiles.apply(events, rows: Array(rows.prefix(count)))
            } else {
                counts += try tiles.apply(events.rows(Array(rows.prefix(count))))
            }
            rows.removeFirst(count)
        }
        return counts
    }

    @Test("any order of arrival and any split give the bytes of one build, for every function", arguments: functions)
    func orders(_ function: AggregateFunction) throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates().filter { $0.function == function })
        for (seed, numbers) in [(UInt64(1), ValueKind.cents), (2, .anything), (3, .infinite), (4, .edgeOfNarrow)] {
            let data = RandomEvents(
                seed: seed, count: 240, keys: 3, origin: -7_000_000, span: .days(16), numbers: numbers)
            var random = SeededRandom(seed: seed, stream: 21)
            var tiles = ResidentTiles(plan)
            let counts = try apply(data.events, to: &tiles, &random)
            #expect(counts.applied == data.events.ids.count { $0 >= 0 } && counts.beyondReach == 0)
            try expectSame(
                &tiles, data.events, upTo: Timestamp(microseconds: data.origin + data.span), "\(function), seed \(seed)"
            )
        }
    }

    @Test("all functions and shapes together, as time goes on", arguments: [UInt64(11), 12, 13])
    func everything(_ seed: UInt64) throws {
        let data = RandomEvents(seed: seed, count: 400, keys: 4, span: .days(40), numbers: .anything)
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        var random = SeededRandom(seed: seed, stream: 22)
        var tiles = ResidentTiles(plan)
        var waiting = (0..<Int32(data.events.count)).shuffled(using: &random)
        var known: [Int32] = []
        var counts = ResidentTiles.Counts()
        // Each step a part of what has happened comes in, late events too; some are beyond reach when they do.
        for day: Int64 in stride(from: 3, through: 45, by: 6) {
            let now = Timestamp(microseconds: data.origin) + .days(day)
            tiles.advance(to: now)
            let new = waiting.filter {
                data.events.eventTimes[Int($0)] < now.microseconds && Int.random(in: 0..<3, using: &random) > 0
            }
            waiting.removeAll { Set(new).contains($0) }
            known += new
            counts += try apply(data.events.rows(new), to: &tiles, &random)
            if Bool.random(using: &random) { tiles.evict(upTo: now) }
            try expectSame(&tiles, data.events.rows(known), upTo: now, "seed \(seed), day \(day)")
        }
        #expect(counts.late > 20 && counts.beyondReach > 0, "\(counts)")
    }

    @Test("a record is taken up again and goes on as if nothing had happened", arguments: [UInt64(31), 32])
    func restoring(_ seed: UInt64) throws {
        let data = RandomEvents(seed: seed, count: 300, keys: 3, span: .days(16), numbers: .edgeOfNarrow)
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        var random = SeededRandom(seed: seed, stream: 23)
        let upTo = Timestamp(microseconds: data.origin + data.span)
        let half = Int32(data.events.count / 2)
        var before = ResidentTiles(plan)
        _ = try apply(data.events.rows(Array(0..<half)), to: &before, &random)
        var tiles = ResidentTiles(plan)
        for key in 0..<before.keyCount {
            let known = before.newest(of: key)
            let newest = try #require(known)
            let written = try before.record(of: key, upTo: upTo)
            let record = try #require(written)
            try record.withUnsafeBytes {
                try tiles.load(
                    $0, of: key, newestEventTime: newest.eventTime, newestArrivalTime: newest.arrivalTime)
            }
            let again = try tiles.record(of: key, upTo: upTo)
            #expect(again == record)
        }
        _ = try apply(data.events.rows(Array(half..<Int32(data.events.count))), to: &tiles, &random)
        try expectSame(&tiles, data.events, upTo: upTo, "seed \(seed)")
        tiles.remove(1)
        let removed = try tiles.record(of: 1, upTo: upTo)
        #expect(removed == nil)
        let whole = try tiles.record(of: 0, upTo: upTo)
        var damaged = try #require(whole)
        damaged[damaged.count - 1] ^= 1
        let code = code {
            try damaged.withUnsafeBytes { try tiles.load($0, of: 2, newestEventTime: 0, newestArrivalTime: 0) }
        }
        #expect(code == .corruptData)
    }

    private func retract(
        _ plan: WindowPlan, seed: UInt64, numbers: ValueKind, removing: Int, restores: Bool, _ what: String
    ) throws -> Int {
        let data = RandomEvents(seed: seed, count: 200, keys: 2, span: .days(16), numbers: numbers)
        var random = SeededRandom(seed: seed, stream: 24)
        let upTo = Timestamp(microseconds: data.origin + data.span)
        var tiles = ResidentTiles(plan)
        _ = try apply(data.events, to: &tiles, &random)
        if restores {
            for key in 0..<tiles.keyCount {
                let written = try tiles.record(of: key, upTo: upTo)
                let record = try #require(written)
                try tiles.load(record, into: key)
            }
        }
        var live = Set(0..<Int32(data.events.count))
        var asked = 0
        for _ in 0..<2 {
            let gone = live.sorted().filter { _ in Int.random(in: 0..<removing, using: &random) == 0 }
            live.subtract(gone)
            let stays = live.sorted()
            try tiles.retract(data.events.rows(gone)) { need in
                asked += 1
                return data.events.rows(
                    stays.filter {
                        data.events.ids[Int($0)] == need.key && need.times.contains(data.events.eventTimes[Int($0)])
                    })
            }
            try expectSame(&tiles, data.events.rows(stays), upTo: upTo, what)
        }
        return asked
    }

    @Test("events taken out leave what had never held them, for every function", arguments: functions)
    func retraction(_ function: AggregateFunction) throws {
        let aggregates = RandomEvents.aggregates().filter {
            $0.shape == .sliding && $0.lag == .zero && $0.function == function
        }
        let plan = try RandomEvents.plan(aggregates)
        let families = Set(plan.groups.map(\.family))
        let hasInverse = families.isSubset(of: [.rows, .moments, .skew, .values, .sketch, .keyed, .decayed])
        for (seed, numbers) in [(UInt64(1), ValueKind.cents), (2, .anything), (3, .infinite), (4, .edgeOfNarrow)] {
            let asked = try retract(
                plan, seed: seed, numbers: numbers, removing: 4, restores: false, "\(function), seed \(seed)")
            if hasInverse { #expect(asked == 0, "\(function) asked \(asked) times") }
        }
    }

    @Test("events taken out of tiles of all functions and shapes, restored ones too", arguments: [2, 5, 40])
    func retractionOfEverything(removing: Int) throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        for restores in [false, true] {
            _ = try retract(
                plan, seed: UInt64(40 + removing), numbers: .anything, removing: removing, restores: restores,
                "one of \(removing), restored: \(restores)")
        }
    }

    @Test("what a tile does not hold is refused, and changes nothing")
    func refusals() throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates(of: ["amount"]))
        let data = RandomEvents(seed: 51, count: 60, keys: 1, span: .days(2))
        let events = data.events.rows((0..<60).filter { data.events.ids[Int($0)] == 0 })
        var tiles = ResidentTiles(plan)
        _ = try tiles.apply(events)
        var other = events.rows([0, 1])
        other.eventTimes[1] = -90_000_000
        let refused = code { try tiles.retract(other, live: events) }
        #expect(refused == .invalidInput)
        try expectSame(&tiles, events, upTo: Timestamp(microseconds: data.span), "after the refusal")
        var unplaced = events
        unplaced.positions = nil
        let withoutPositions = code { _ = try tiles.apply(unplaced) }
        #expect(withoutPositions == .invalidInput)
        let tooEarly = code { _ = try tiles.record(of: 0, upTo: Timestamp(microseconds: 0)) }
        #expect(tooEarly == .invalidInput)
        try expectSame(&tiles, events, upTo: Timestamp(microseconds: data.span), "at the end")
    }

    @Test("beyond the limit of different values a tile keeps a sketch, and returns to counts when it is rebuilt")
    func beyondLimit() throws {
        let plan = try RandomEvents.plan(
            RandomEvents.aggregates(windows: [.days(20)]).filter {
                ["cents_distinct", "label_histogram", "ratio_sum_by_cents"].contains($0.name)
            })
        let data = RandomEvents(seed: 61, count: 4_000, keys: 1, span: .hours(9), variety: 1_300)
        var random = SeededRandom(seed: 61, stream: 25)
        var tiles = ResidentTiles(plan)
        _ = try apply(data.events, to: &tiles, &random)
        let upTo = Timestamp(microseconds: data.span)
        try expectSame(&tiles, data.events, upTo: upTo, "beyond the limit")
        let stays = data.events.rows(Array(0..<900))
        var asked = 0
        try tiles.retract(data.events.rows(Array(900..<4_000))) { _ in
            asked += 1
            return stays
        }
        #expect(asked == 1)
        try expectSame(&tiles, stays, upTo: upTo, "below it again")
    }
}
