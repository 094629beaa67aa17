import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

/// Events that are taken back, on both clocks, against the oracle.
@Suite("Events that are taken back")
struct RemovalTests {
    /// A third of the events is deleted some time after its arrival, some before it could be seen, some are replaced
    /// by another event that arrives at that moment.
    private func data(seed: UInt64, count: Int, keys: Int32, span: TimeSpan, lateness: TimeSpan) -> RandomEvents {
        var data = RandomEvents(seed: seed, count: count, keys: keys, span: span, lateness: lateness)
        var random = SeededRandom(seed: seed, stream: 7)
        let arrivals = data.events.arrivalTimes ?? []
        var removals = [Int64](repeating: .max, count: count)
        for row in 0..<count where Int.random(in: 0..<3, using: &random) == 0 {
            removals[row] =
                arrivals[row] + Int64.random(in: -10...span.microseconds / 120_000_000, using: &random) * 60_000_000
            let next = row + 1
            if next < count, Bool.random(using: &random) {
                data.events.ids[next] = data.events.ids[row]
                data.events.arrivalTimes?[next] = removals[row]
            }
        }
        data.events.removalTimes = removals
        return data
    }

    @Test("every function over every window equals the oracle on both clocks", arguments: Array(UInt64(1)...12))
    func windows(seed: UInt64) throws {
        let data = data(
            seed: seed, count: 160, keys: seed % 3 == 0 ? 1 : 3, span: seed % 2 == 0 ? .hours(30) : .days(20),
            lateness: seed % 4 < 2 ? .hours(2) : .days(10))
        let aggregates =
            seed % 2 == 0 ? RandomEvents.shapedAggregates : RandomEvents.aggregates(windows: [.hours(1), .days(3)])
        let plan = try RandomEvents.plan(aggregates)
        let labels = data.labels(seed: seed, count: 15)
        for asKnown in [false, true] {
            let columns = try plan.compute(events: data.events, labels: labels, asKnown: asKnown)
            let expected = data.expected(aggregates, labels, asKnown: asKnown)
            for (index, column) in columns.enumerated() {
                #expect(
                    differences(column, expected[index]) == [],
                    "seed \(seed), as known \(asKnown): \(plan.features[index].name)")
            }
        }
    }

    @Test("the latest value equals the oracle on both clocks", arguments: Array(UInt64(1)...20))
    func latest(seed: UInt64) throws {
        let data = data(seed: seed, count: 300, keys: 5, span: .hours(40), lateness: .hours(9))
        let labels = data.labels(seed: seed, count: 200)
        let oracle = NaiveOracle(events: data.events)
        for asKnown in [false, true] {
            for ttl in [nil, TimeSpan.hours(3)] {
                let rows = try latestRows(labels: labels, events: data.events, ttl: ttl, asKnown: asKnown)
                let expected = (0..<labels.count).map {
                    oracle.latest(id: labels.ids[$0], at: labels.times[$0], ttl: ttl, asKnown: asKnown)
                }
                #expect(rows == expected, "seed \(seed), as known \(asKnown)")
            }
        }
    }

    @Test("explanations count what the values count", arguments: Array(UInt64(31)...34))
    func explanations(seed: UInt64) throws {
        let data = data(seed: seed, count: 120, keys: 2, span: .hours(30), lateness: .hours(9))
        let aggregates = RandomEvents.shapedAggregates
        let plan = try RandomEvents.plan(aggregates)
        let labels = data.labels(seed: seed, count: 6)
        for asKnown in [false, true] {
            let columns = try plan.compute(events: data.events, labels: labels, asKnown: asKnown)
            for index in plan.features.indices where plan.features[index].operands == nil {
                for label in 0..<labels.count where labels.ids[label] >= 0 {
                    let why = try plan.explain(
                        feature: index, events: data.events, id: labels.ids[label],
                        at: Timestamp(microseconds: labels.times[label]), asKnown: asKnown)
                    let value = try columns[index].gathering([Int32(label)])
                    #expect(value.rowsThatDiffer(from: why.value) == [], "seed \(seed): \(plan.features[index].name)")
                }
            }
        }
    }
}
