import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

/// An event that is inserted and deleted leaves what it would be if it had never existed.
@Suite("Events taken out of tiles")
struct TileRetractionTests {
    /// Some events of random data, those that stay and those that go.
    private struct Case {
        let data: RandomEvents
        let kept: EventColumns
        let removed: EventColumns
        let upTo: Timestamp

        init(seed: UInt64, count: Int = 160, numbers: ValueKind = .cents, variety: Int64? = nil, removing: Int = 4) {
            data = RandomEvents(
                seed: seed, count: count, keys: 2, origin: -1_000_000_000_000, span: .days(16), numbers: numbers,
                variety: variety)
            var random = SeededRandom(seed: seed, stream: 11)
            let isRemoved = (0..<count).map { _ in Int.random(in: 0..<removing, using: &random) == 0 }
            kept = data.events.rows((0..<Int32(count)).filter { !isRemoved[Int($0)] })
            removed = data.events.rows((0..<Int32(count)).filter { isRemoved[Int($0)] })
            upTo = Timestamp(microseconds: data.origin + data.span)
        }

        func of(_ id: Int32, _ events: EventColumns) -> EventColumns {
            events.rows((0..<Int32(events.count)).filter { events.ids[Int($0)] == id })
        }
    }

    /// Retracts what goes and compares with records that never held it.
    /// - Returns: how many entities needed their events that stay.
    private func expectSame(_ plan: WindowPlan, _ test: Case, _ what: String) throws -> Int {
        let all = try plan.buildTiles(events: test.data.events, upTo: test.upTo)
        let expected = try plan.buildTiles(events: test.kept, upTo: test.upTo)
        var asked = 0
        for (index, id) in all.ids.enumerated() {
            let kept = test.of(id, test.kept)
            var calls = 0
            let result = try plan.retract(test.of(id, test.removed), from: all.record(index)) { times in
                calls += 1
                // No more than what is asked for.
                return kept.rows(
                    (0..<Int32(kept.count)).filter {
                        times.contains(Timestamp(microseconds: kept.eventTimes[Int($0)]))
                    })
            }
            #expect(calls <= 1, "\(what)")
            asked += calls
            let never = expected.ids.firstIndex(of: id).map { expected.record($0) }
            #expect(result == never, "\(what), entity \(id)")
        }
        return asked
    }

    private static let functions = AggregateFunction.allCases.filter { $0 != .ratio }

    @Test(
        "tiles of every family are those of the events that stay, and only some have to see them", arguments: functions)
    func families(_ function: AggregateFunction) throws {
        // A count of rows in each tier tells which tiles are empty.
        let aggregates = RandomEvents.aggregates().filter {
            $0.shape == .sliding && $0.lag == .zero
                && ($0.function == function || ["rows", "exact_rows"].contains($0.name))
        }
        let plan = try RandomEvents.plan(aggregates)
        let families = Set(plan.groups.filter { $0.outputs.contains { $0.function != .count } }.map(\.family))
        let hasInverse = families.isSubset(of: [.moments, .skew, .values, .sketch, .keyed, .decayed])
        for (seed, numbers) in [(UInt64(1), ValueKind.cents), (2, .anything), (3, .infinite), (4, .edgeOfNarrow)] {
            let asked = try expectSame(plan, Case(seed: seed, numbers: numbers), "\(function), seed \(seed)")
            #expect((asked == 0) == hasInverse, "\(function) asked \(asked) times")
        }
    }

    @Test("tiles of all functions and shapes together, without few events and without many", arguments: [2, 5, 40])
    func everything(removing: Int) throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        _ = try expectSame(plan, Case(seed: UInt64(20 + removing), removing: removing), "one of \(removing)")
    }

    @Test("without a count of rows the events that stay tell which tiles are empty")
    func emptiness() throws {
        let plan = try RandomEvents.plan(
            RandomEvents.aggregates().filter { $0.name == "amount_sum" || $0.name == "exact_amount_sum" })
        #expect(try expectSame(plan, Case(seed: 31), "sums alone") == 2)
    }

    @Test("beyond the limit of different values tiles are rebuilt, and return to counts")
    func beyondLimit() throws {
        let plan = try RandomEvents.plan(
            RandomEvents.aggregates(windows: [.days(20)]).filter {
                ["rows", "cents_distinct", "label_histogram", "ratio_sum_by_cents"].contains($0.name)
            })
        // All within one day.
        let count: Int64 = 1_500
        let events = EventColumns(
            ids: [Int32](repeating: 0, count: Int(count)), eventTimes: Array(0..<count), positions: Array(0..<count),
            inputs: zip(RandomEvents.columnNames, RandomEvents.types).map { name, type in
                switch name {
                case "cents": Column(.int64(Array(0..<count)))
                case "label": Column(.string(ByteStrings((0..<count).map { "merchant \($0)" })))
                default: Column.nulls(type, count: Int(count))
                }
            })
        let upTo = Timestamp(microseconds: count)
        let all = try plan.buildTiles(events: events, upTo: upTo).record(0)
        for kept in [1_400, 1_024, 900, 0] as [Int32] {
            let live = events.rows(Array(0..<kept))
            var calls = 0
            let result = try plan.retract(events.rows(Array(kept..<Int32(count))), from: all) { _ in
                calls += 1
                return live
            }
            let never = try plan.buildTiles(events: live, upTo: upTo)
            #expect(result == (kept == 0 ? nil : never.record(0)), "\(kept) stay")
            #expect(calls == (kept == 0 ? 0 : 1))
        }
    }

    @Test("windows read from such tiles are those of the events that stay")
    func windows() throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        let test = Case(seed: 51)
        let all = try plan.buildTiles(events: test.data.events, upTo: test.upTo)
        let times = [0, 7, 30, 200].map { test.upTo.microseconds + $0 * 3_600_000_000 }
        for (index, id) in all.ids.enumerated() {
            let record = try #require(
                try plan.retract(test.of(id, test.removed), from: all.record(index)) { _ in test.of(id, test.kept) })
            var assembly = plan.assembly(capacity: times.count)
            for time in times { try assembly.append(record: record, at: Timestamp(microseconds: time)) }
            let labels = LabelColumns(ids: times.map { _ in id }, times: times)
            #expect(isSame(assembly.finish(), try plan.compute(events: test.kept, labels: labels)), "entity \(id)")
        }
    }

    @Test("an update takes the old event out and merges the new one")
    func update() throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates())
        let test = Case(seed: 61)
        let events = test.of(0, test.data.events)
        let before = try plan.buildTiles(events: events, upTo: test.upTo).record(0)
        let last = Int32(events.count - 1)
        let others = events.rows(Array(0..<last))
        // The same event with other values, those of the first row.
        var changed = events.rows([last])
        changed.inputs = events.inputs.map { $0.gathering(fitting: [0]) }
        let without = try #require(try plan.retract(events.rows([last]), from: before) { _ in others })
        let merged = try plan.merge(without, try plan.buildTiles(events: changed, upTo: test.upTo).record(0))
        var updated = events
        updated.inputs = events.inputs.map { $0.gathering(fitting: Array(0..<last) + [0]) }
        #expect(merged == (try plan.buildTiles(events: updated, upTo: test.upTo).record(0)))
        #expect(merged != before)
    }

    @Test("events that the record does not hold are refused, and those out of its reach change nothing")
    func refusals() throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates(windows: [.hours(1)], of: ["amount"]))
        let test = Case(seed: 71, count: 60)
        let kept = test.of(0, test.kept)
        let upTo = Timestamp(microseconds: (kept.eventTimes.max() ?? 0) + 1)
        let record = try plan.buildTiles(events: kept, upTo: upTo).record(0)
        func retract(_ change: (inout EventColumns) -> Void) throws -> [UInt8]? {
            var events = kept.rows((0..<Int32(kept.count)).filter { kept.eventTimes[Int($0)] == upTo.microseconds - 1 })
            change(&events)
            return try plan.retract(events, from: record) { _ in kept }
        }
        let second: Int64 = 1_000_000
        #expect(code { try retract { $0.eventTimes = $0.eventTimes.map { $0 - second } } } == .invalidInput)
        #expect(
            code { try retract { $0 = $0.rows([Int32](repeating: 0, count: 500)) } } == .invalidInput)
        #expect(try retract { $0.eventTimes = $0.eventTimes.map { $0 - 90 * 86_400 * second } } == record)
        #expect(try retract { $0.eventTimes = $0.eventTimes.map { $0 + 1 } } == record)
        let other = try RandomEvents.plan(RandomEvents.aggregates(windows: [.days(20)]))
        #expect(code { try other.retract(kept, from: record) { _ in kept } } == .stalePlan)
        var damaged = record
        damaged[damaged.count - 1] ^= 1
        #expect(code { try plan.retract(kept, from: damaged) { _ in kept } } == .corruptData)
    }
}
