import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

@Suite("Windows offline")
struct WindowComputeTests {
    struct Case: Sendable, CustomStringConvertible {
        var seed: UInt64
        var count: Int
        var keys: Int32
        var origin: Int64 = 0
        var span: TimeSpan = .days(40)
        var numbers: ValueKind = .cents
        var lateness: TimeSpan = .hours(2)
        var asKnown = false
        var description: String {
            "seed \(seed), \(count) events, \(keys) keys, \(numbers), origin \(origin), as known \(asKnown)"
        }

        var data: RandomEvents {
            RandomEvents(
                seed: seed, count: count, keys: keys, origin: origin, span: span, numbers: numbers, lateness: lateness)
        }
    }

    static let cases: [Case] = [
        Case(seed: 1, count: 400, keys: 7),
        Case(seed: 2, count: 400, keys: 7, asKnown: true),
        Case(seed: 3, count: 300, keys: 1, span: .hours(20)),
        Case(seed: 4, count: 300, keys: 1, span: .hours(20), lateness: .days(30), asKnown: true),
        Case(seed: 5, count: 300, keys: 3, origin: -4_000_000_000_000_000, numbers: .anything),
        Case(seed: 6, count: 200, keys: 2, span: .hours(30), numbers: .infinite, asKnown: true),
        Case(seed: 7, count: 200, keys: 3, numbers: .tiny),
        Case(seed: 8, count: 200, keys: 3, numbers: .huge, lateness: .days(60), asKnown: true),
        Case(seed: 9, count: 150, keys: 3, span: .minutes(1)),
        Case(seed: 10, count: 150, keys: 3, span: .minutes(2), asKnown: true),
        Case(seed: 11, count: 0, keys: 2),
        Case(seed: 12, count: 1, keys: 1, span: .minutes(1)),
    ]

    @Test("every function over every type equals the oracle", arguments: cases)
    func oracle(_ test: Case) throws {
        let data = test.data
        let aggregates = RandomEvents.aggregates(
            windows: test.seed % 2 == 0 ? [.hours(1), .hours(12), .days(12)] : [.minutes(7), .days(3), .days(30)])
        let plan = try RandomEvents.plan(aggregates)
        let labels = data.labels(seed: test.seed, count: 24)
        let columns = try plan.compute(events: data.events, labels: labels, asKnown: test.asKnown)
        let expected = data.expected(aggregates, labels, asKnown: test.asKnown)
        #expect(columns.count == expected.count)
        for (index, column) in columns.enumerated() {
            #expect(column.type == plan.features[index].type)
            #expect(cells(column) == expected[index], "\(test): \(plan.features[index].name)")
        }
    }

    @Test("any order of rows and any number of threads gives the same bits", arguments: [false, true])
    func orderAndThreads(asKnown: Bool) throws {
        let seed: UInt64 = 21
        let data = RandomEvents(seed: seed, count: 21_000, keys: 60, span: .days(40), numbers: .anything)
        let plan = try RandomEvents.plan(
            RandomEvents.aggregates(windows: [.hours(1), .days(3)], of: ["amount", "label"]))
        let labels = data.labels(seed: seed, count: 200)
        let once = try plan.compute(events: data.events, labels: labels, asKnown: asKnown, threads: 1)
        let again = try plan.compute(events: data.shuffled(seed: seed), labels: labels, asKnown: asKnown, threads: 3)
        #expect(isSame(once, again), "seed \(seed)")
    }

    @Test("an entity too large for prefix sums slides, with the same bits")
    func hugeEntity() throws {
        let count = 70_000
        var random = SeededRandom(seed: 31)
        let amounts = (0..<count).map { _ in ValueKind.cents.value(&random) }
        let times = (0..<count).map { Int64($0) * 1_000_000 }
        let plan = try WindowPlan(
            aggregates: [AggregateFunction.count, .sum, .mean, .stddev].map {
                WindowAggregate(name: "\($0)", function: $0, column: "x", columnType: .float64, windows: [.hours(1)])
            }, inputColumns: ["x": 0])
        let labels = LabelColumns(ids: [0, 0, 0], times: [4_000_000_000, 50_000_000_000, 70_000_000_000])
        let whole = try plan.compute(
            events: EventColumns(
                ids: [Int32](repeating: 0, count: count), eventTimes: times, inputs: [Column(.float64(amounts))]),
            labels: labels)
        for (label, time) in labels.times.enumerated() {
            // Only the events of this label: few enough for prefix sums.
            let left = (time - 3_600_000_000) / 300_000_000 * 300_000_000
            let rows = (0..<count).filter { times[$0] >= left && times[$0] < time }
            let part = try plan.compute(
                events: EventColumns(
                    ids: rows.map { _ in 0 }, eventTimes: rows.map { times[$0] },
                    inputs: [Column(.float64(rows.map { amounts[$0] }))]),
                labels: LabelColumns(ids: [0], times: [time]))
            #expect(whole.map { cells($0)[label] } == part.map { cells($0)[0] })
            let exact = ExactMoments(rows.map { amounts[$0] })
            #expect(cells(part[1]) == [.real(exact.sum.bitPattern)])
        }
    }

    @Test("the right end is open and the left end closed and rounded down")
    func ends() throws {
        let minute: Int64 = 60_000_000
        let plan = try WindowPlan(
            aggregates: [
                WindowAggregate(name: "n", function: .count, windows: [.minutes(10)]),
                WindowAggregate(name: "e", function: .count, windows: [.minutes(10)], isExact: true),
            ], inputColumns: [:])
        // Events at minutes 0 to 20, labels at minute 17: rounded [5, 17), exact [7, 17).
        let events = EventColumns(
            ids: [Int32](repeating: 0, count: 21), eventTimes: (0...20).map { Int64($0) * minute })
        let columns = try plan.compute(
            events: events, labels: LabelColumns(ids: [0, 0, 1], times: [17 * minute, 17 * minute - 1, 17 * minute]))
        #expect(columns[0] == Column(.int64([12, 12, 0])))
        #expect(columns[1] == Column(.int64([10, 10, 0])))
    }

    @Test("rows are gathered in label order, duplicates too, and unknown entities get empty windows")
    func labelOrder() throws {
        let plan = try WindowPlan(
            aggregates: [
                WindowAggregate(name: "s", function: .sum, column: "x", columnType: .int32, windows: [.days(1)]),
                WindowAggregate(name: "m", function: .max, column: "x", columnType: .int32, windows: [.days(1)]),
            ], inputColumns: ["x": 0])
        let events = EventColumns(ids: [1, 0, 1], eventTimes: [10, 20, 30], inputs: [Column(.int32([5, 7, 9]))])
        let labels = LabelColumns(ids: [1, -1, 0, 1, 1, 4], times: [31, 31, 31, 30, 31, 31])
        let columns = try plan.compute(events: events, labels: labels)
        #expect(columns[0] == Column(.float64([14, 0, 7, 5, 14, 0])))
        #expect(
            columns[1]
                == Column(.int32([9, 0, 7, 5, 9, 0]), validity: Bitmap([true, false, true, true, true, false])))
    }

    @Test("a time beyond the limit, a missing arrival time and a wrong type are refused")
    func refusals() throws {
        let plan = try WindowPlan(
            aggregates: [
                WindowAggregate(name: "s", function: .sum, column: "x", columnType: .int64, windows: [.days(1)])
            ],
            inputColumns: ["x": 0])
        let good = EventColumns(ids: [0], eventTimes: [0], inputs: [Column(.int64([1]))])
        let labels = LabelColumns(ids: [0], times: [1])
        #expect(code { try plan.compute(events: good, labels: labels, asKnown: true) } == .invalidInput)
        var far = good
        far.eventTimes = [-timeLimitMicroseconds - 1]
        #expect(code { try plan.compute(events: far, labels: labels) } == .limitExceeded)
        var wrong = good
        wrong.inputs = [Column(.float64([1]))]
        #expect(code { try plan.compute(events: wrong, labels: labels) } == .typeMismatch)
        wrong.inputs = []
        #expect(code { try plan.compute(events: wrong, labels: labels) } == .missingColumn)
    }
}

/// The code of the error that `body` throws.
func code(_ body: () throws -> some Any) -> MartletError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? MartletError)?.code
    }
}
