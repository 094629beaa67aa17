import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

@Suite("Tiles")
struct TileTests {
    static let cases: [WindowComputeTests.Case] = [
        .init(seed: 1, count: 400, keys: 5),
        .init(seed: 2, count: 300, keys: 2, span: .hours(30)),
        .init(seed: 3, count: 300, keys: 3, origin: -4_000_000_000_000_000, numbers: .anything),
        .init(seed: 4, count: 200, keys: 2, span: .hours(30), numbers: .infinite),
        .init(seed: 5, count: 200, keys: 2, span: .days(3), numbers: .edgeOfNarrow),
        .init(seed: 6, count: 100, keys: 2, span: .minutes(1)),
    ]

    @Test("assembled tiles equal the offline windows bit for bit at any later time", arguments: cases)
    func offline(_ test: WindowComputeTests.Case) throws {
        let data = test.data
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        var random = SeededRandom(seed: test.seed, stream: 3)
        let upTo = Timestamp(microseconds: data.origin + Int64.random(in: 1...data.span, using: &random) + 30_000_001)
        let known = data.events.rows(
            (0..<Int32(data.events.count)).filter { data.events.eventTimes[Int($0)] < upTo.microseconds })
        let records = try plan.buildTiles(events: data.events, upTo: upTo)
        // Right at `upTo`, soon after, and up to 40 days later.
        var labels = data.labels(seed: test.seed, count: 22, from: upTo.microseconds)
        for index in 0..<20 { labels.times[index] = upTo.microseconds + Int64(index / 4) * 90_000_000 }
        let expected = try plan.compute(events: known, labels: labels)
        #expect(isSame(try assemble(plan, records, labels), expected), "\(test), up to \(upTo)")
    }

    @Test("records built as known hold only what had arrived, then and at any later time", arguments: UInt64(8)...9)
    func asKnown(_ seed: UInt64) throws {
        let data = RandomEvents(seed: seed, count: 240, keys: 4, span: .days(6), lateness: .days(3))
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        let upTo = Timestamp(microseconds: data.origin + data.span / 2)
        let records = try plan.buildTiles(events: data.events, upTo: upTo, asKnownAt: upTo)
        let atOnce = LabelColumns(ids: [0, 1, 2, 3], times: [Int64](repeating: upTo.microseconds, count: 4))
        let expected = try plan.compute(events: data.events, labels: atOnce, asKnown: true)
        #expect(isSame(try assemble(plan, records, atOnce), expected), "seed \(seed)")
        let all = try plan.compute(events: data.events, labels: atOnce)
        #expect(!isSame(expected, all), "the case has late events")

        // What arrives later is not in the record, however late it is read; nor what was known of by an earlier time.
        for knownAt in [upTo, upTo - .hours(20)] {
            let held = data.events.rows(known(data, upTo: upTo, at: knownAt))
            let records = try plan.buildTiles(events: data.events, upTo: upTo, asKnownAt: knownAt)
            let later = data.labels(seed: seed, count: 6, from: upTo.microseconds)
            let expected = try plan.compute(events: held, labels: later)
            #expect(isSame(try assemble(plan, records, later), expected), "seed \(seed), known at \(knownAt)")
        }
    }

    /// The rows that a record as known holds.
    private func known(_ data: RandomEvents, upTo: Timestamp, at knownAt: Timestamp) -> [Int32] {
        let arrivals = data.events.arrivalTimes ?? []
        return (0..<Int32(data.events.count)).filter {
            data.events.eventTimes[Int($0)] < upTo.microseconds && arrivals[Int($0)] <= knownAt.microseconds
        }
    }

    @Test("a chain of loads, each of what became known since the one before, has the bytes of one build as known")
    func chain() throws {
        for (seed, numbers) in [(UInt64(1), ValueKind.anything), (2, .infinite)] {
            let data = RandomEvents(
                seed: seed, count: 150, keys: 3, span: .days(20), numbers: numbers, lateness: .days(6))
            let plan = try RandomEvents.plan(RandomEvents.aggregates())
            var records: [Int32: [UInt8]] = [:]
            var loaded: Set<Int32> = []
            var merges = 0
            for day: Int64 in [7, 10, 14, 20] {
                let upTo = Timestamp(microseconds: data.origin) + .days(day)
                let new = known(data, upTo: upTo, at: upTo).filter { !loaded.contains($0) }
                loaded.formUnion(new)
                let part = try plan.buildTiles(events: data.events.rows(new), upTo: upTo, asKnownAt: upTo)
                let whole = try plan.buildTiles(events: data.events, upTo: upTo, asKnownAt: upTo)
                for (index, id) in part.ids.enumerated() {
                    if records[id] != nil { merges += 1 }
                    let merged = try records[id].map { try plan.merge($0, part.record(index)) }
                    records[id] = merged ?? part.record(index)
                    let expected = try #require(whole.ids.firstIndex(of: id))
                    #expect(records[id] == whole.record(expected), "seed \(seed), day \(day), entity \(id)")
                }
            }
            #expect(merges >= 9, "three merges and more for each entity")
        }
    }

    @Test("an entity of only one of two loads is read from that one's record as it is")
    func oneSided() throws {
        let data = RandomEvents(seed: 19, count: 160, keys: 60, span: .days(20))
        let plan = try RandomEvents.plan(
            RandomEvents.aggregates(windows: [.hours(1), .days(12)], of: ["amount", "label"]))
        let upTo = Timestamp(microseconds: data.origin + data.span)
        let middle = upTo - .days(6)
        func part(_ isWanted: (Int64) -> Bool, upTo: Timestamp) throws -> TileRecords {
            let rows = (0..<Int32(data.events.count)).filter { isWanted(data.events.eventTimes[Int($0)]) }
            return try plan.buildTiles(events: data.events.rows(rows), upTo: upTo)
        }
        let old = try part({ $0 < middle.microseconds }, upTo: middle)
        let new = try part({ $0 >= middle.microseconds }, upTo: upTo)
        var (onlyOld, onlyNew, both) = (0, 0, 0)
        let times = [0, 30, 200].map { upTo.microseconds + $0 * 3_600_000_000 }
        for id in 0..<data.keyCount {
            let left = old.ids.firstIndex(of: id).map { old.record($0) }
            let right = new.ids.firstIndex(of: id).map { new.record($0) }
            if left != nil && right != nil { both += 1 } else if left != nil { onlyOld += 1 } else { onlyNew += 1 }
            var record = left ?? right
            if let left, let right { record = try plan.merge(left, right) }
            var assembly = plan.assembly(capacity: times.count)
            for time in times {
                if let record {
                    try assembly.append(record: record, at: Timestamp(microseconds: time))
                } else {
                    assembly.appendMissing()
                }
            }
            let labels = LabelColumns(ids: times.map { _ in id }, times: times)
            #expect(isSame(assembly.finish(), try plan.compute(events: data.events, labels: labels)), "entity \(id)")
        }
        #expect(onlyOld > 3 && onlyNew > 3 && both > 3)
    }

    @Test("merged records have the bytes of one build of all events", arguments: [1, 3, 4] as [UInt64])
    func merge(_ seed: UInt64) throws {
        let data = RandomEvents(
            seed: seed, count: 240, keys: 3, span: .days(40),
            numbers: seed == 3 ? .anything : seed == 4 ? .infinite : .cents)
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        var random = SeededRandom(seed: seed, stream: 5)
        let upTo = Timestamp(microseconds: data.origin + data.span)
        let earlier = upTo - .days(3)
        // The later load has the newer events and some late ones.
        let isLate = (0..<data.events.count).map { _ in Int.random(in: 0..<4, using: &random) == 0 }
        let first = (0..<Int32(data.events.count)).filter {
            !isLate[Int($0)] && data.events.eventTimes[Int($0)] < earlier.microseconds
        }
        let firstSet = Set(first)
        let second = (0..<Int32(data.events.count)).filter { !firstSet.contains($0) }
        let old = try plan.buildTiles(events: data.events.rows(first), upTo: earlier)
        let new = try plan.buildTiles(events: data.events.rows(second), upTo: upTo)
        let whole = try plan.buildTiles(events: data.shuffled(seed: seed), upTo: upTo)
        for (index, id) in whole.ids.enumerated() {
            let left = old.ids.firstIndex(of: id).map { old.record($0) }
            let right = new.ids.firstIndex(of: id).map { new.record($0) }
            guard let left, let right else {
                Issue.record("entity \(id) is in one of the loads only")
                continue
            }
            #expect(try plan.merge(left, right) == whole.record(index), "seed \(seed), entity \(id)")
            #expect(try plan.merge(right, left) == whole.record(index), "seed \(seed), entity \(id)")
        }
        #expect(whole.count == 3)
    }

    @Test("any order of rows, any number of threads and any pieces give the same records")
    func threads() throws {
        let data = RandomEvents(seed: 11, count: 21_000, keys: 50, span: .days(40))
        let plan = try RandomEvents.plan(
            RandomEvents.aggregates(windows: [.hours(1), .days(20)], of: ["amount", "label"]).filter {
                $0.shape == .sliding && $0.lag == .zero
            })
        let upTo = Timestamp(microseconds: data.span)
        let once = try plan.buildTiles(events: data.events, upTo: upTo, threads: 1)
        let many = try plan.buildTiles(events: data.shuffled(seed: 1), upTo: upTo, threads: 4)
        #expect(once.ids == many.ids && once.ids == Array(0..<50))
        #expect((0..<once.count).allSatisfy { once.record($0) == many.record($0) })
        let piece = try plan.buildTiles(events: data.events, upTo: upTo, entities: 10..<13)
        #expect(piece.ids == [10, 11, 12])
        #expect(piece.record(1) == once.record(11))
        var total = 0
        var ids: [Int32] = []
        many.forEach { id, record in
            ids.append(id)
            total += record.byteCount
        }
        #expect(ids == many.ids && total == many.byteCount)
    }

    @Test("a selection of features gives those columns in its order")
    func selection() throws {
        let data = RandomEvents(seed: 13, count: 300, keys: 3, span: .days(4))
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        let upTo = Timestamp(microseconds: data.span)
        let records = try plan.buildTiles(events: data.events, upTo: upTo)
        let labels = LabelColumns(ids: [0, 1, 2], times: [Int64](repeating: upTo.microseconds, count: 3))
        let all = try assemble(plan, records, labels)
        let selection = [40, 3, 17, 3, plan.features.count - 1]
        #expect(isSame(try assemble(plan, records, labels, selection: selection), selection.map { all[$0] }))
    }

    @Test("a time before the record, another plan and every kind of damage are refused, with nothing appended")
    func refusals() throws {
        let data = RandomEvents(seed: 17, count: 60, keys: 1, span: .hours(3), numbers: .anything)
        let plan = try RandomEvents.plan(RandomEvents.aggregates(windows: [.hours(1)], of: ["amount", "label"]))
        let upTo = Timestamp(microseconds: data.span)
        let record = try plan.buildTiles(events: data.events, upTo: upTo).record(0)
        var assembly = plan.assembly(capacity: 4)
        #expect(code { try assembly.append(record: record, at: upTo - .minutes(1)) } == .invalidInput)
        let other = try RandomEvents.plan(RandomEvents.aggregates(windows: [.days(20)]))
        var otherAssembly = other.assembly(capacity: 1)
        #expect(code { try otherAssembly.append(record: record, at: upTo) } == .stalePlan)
        #expect(code { try other.merge(record, record) } == .stalePlan)
        for length in stride(from: 0, to: record.count, by: max(1, record.count / 200)) {
            #expect(code { try assembly.append(record: Array(record[..<length]), at: upTo) } == .corruptData)
        }
        #expect(assembly.count == 0)
        try assembly.append(record: record, at: upTo)
        #expect(assembly.count == 1)

        // Any flipped bit is refused when merging, and reading never leaves the record (it may see other values).
        var random = SeededRandom(seed: 17)
        for _ in 0..<150 {
            var damaged = record
            damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            #expect(code { try plan.merge(damaged, record) } != nil)
            _ = code { try assembly.append(record: damaged, at: upTo) }
        }
        _ = assembly.finish()
    }

    @Test("entities without events in reach have no record, and windows empty themselves as time goes on")
    func reach() throws {
        let plan = try WindowPlan(
            aggregates: [WindowAggregate(name: "n", function: .count, windows: [.hours(1), .days(1)])],
            inputColumns: [:])
        let hour: Int64 = 3_600_000_000
        let events = EventColumns(ids: [0, 1, 2], eventTimes: [0, 40 * hour, 41 * hour])
        let records = try plan.buildTiles(events: events, upTo: Timestamp(microseconds: 41 * hour))
        #expect(records.ids == [1])
        var assembly = plan.assembly(capacity: 3)
        for time in [41 * hour, 42 * hour, 64 * hour, 65 * hour] {
            try assembly.append(record: records.record(0), at: Timestamp(microseconds: time))
        }
        assembly.appendMissing()
        #expect(assembly.finish() == [Column(.int64([1, 0, 0, 0, 0])), Column(.int64([1, 1, 1, 0, 0]))])
    }

    private func assemble(
        _ plan: WindowPlan, _ records: TileRecords, _ labels: LabelColumns, selection: [Int]? = nil
    ) throws -> [Column] {
        let places = Dictionary(uniqueKeysWithValues: records.ids.enumerated().map { ($1, $0) })
        var assembly = plan.assembly(capacity: labels.count, selection: selection)
        for (id, time) in zip(labels.ids, labels.times) {
            if let place = places[id] {
                try assembly.append(record: records.record(place), at: Timestamp(microseconds: time))
            } else {
                assembly.appendMissing()
            }
        }
        return assembly.finish()
    }
}
