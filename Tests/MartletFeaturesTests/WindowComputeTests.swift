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
        let labels = data.labels(seed: test.seed, count: 12)
        let columns = try plan.compute(events: data.events, labels: labels, asKnown: test.asKnown)
        let expected = data.expected(aggregates, labels, asKnown: test.asKnown)
        #expect(columns.count == expected.count)
        for (index, column) in columns.enumerated() {
            #expect(column.type == plan.features[index].type)
            #expect(differences(column, expected[index]) == [], "\(test): \(plan.features[index].name)")
        }
    }

    @Test("windows of every shape are tested with every function")
    func everyFunction() {
        let shaped = Dictionary(grouping: RandomEvents.shapedAggregates) { "\($0.shape) \($0.lag) \($0.isExact)" }
        #expect(shaped.count == 8)
        let every = Set(AggregateFunction.allCases)
        for (shape, aggregates) in shaped {
            let functions = Set(aggregates.map { $0.function })
            #expect(functions == every, "\(shape)")
        }
        let unshaped = RandomEvents.aggregates().filter { $0.shape == .sliding && $0.lag == .zero }
        #expect(Set(unshaped.map { $0.function }) == every)
    }

    @Test("beyond 1,024 different values everything still equals the oracle", arguments: [false, true])
    func manyValues(asKnown: Bool) throws {
        let data = RandomEvents(seed: 43, count: 4_400, keys: 1, span: .hours(40), variety: 2_200)
        let functions: [AggregateFunction] = [.count, .sum, .mean, .distinct, .approxDistinct, .topK, .histogram]
        let aggregates = RandomEvents.aggregates(windows: [.days(3)]).filter { aggregate in
            let columns = aggregate.inputs.map(\.name)
            return functions.contains(aggregate.function) && (columns.contains("cents") || columns.contains("label"))
        }
        let plan = try RandomEvents.plan(aggregates)
        let times = [27, 41].map { $0 * 3_600_000_000 as Int64 }
        let labels = LabelColumns(ids: times.map { _ in 0 }, times: times)
        let columns = try plan.compute(events: data.events, labels: labels, asKnown: asKnown)
        let expected = data.expected(aggregates, labels, asKnown: asKnown)
        for (index, column) in columns.enumerated() {
            #expect(differences(column, expected[index]) == [], "\(plan.features[index].name)")
        }
        // Lists, maps and splits are null, and distinct an estimate.
        for function in functions where function != .approxDistinct {
            let found = zip(plan.features, expected).filter { $0.0.function == function }.flatMap { $0.1 }
            let isBeyond = found.contains { cell in if case .near = cell { true } else { cell == .null } }
            #expect(isBeyond, "\(function)")
        }
    }

    @Test("labels are cut around those that late events concern, and nowhere else")
    func labelPieces() {
        func pieces(_ times: [Int64], _ lateEvents: [(Int64, Int64)], span: Int64) -> [LabelPiece] {
            times.withUnsafeBufferPointer { times in
                MartletFeatures.labelPieces(times, lateEvents: lateEvents.map { ($0.0, $0.1) }) { $0 - span }
            }
        }
        func piece(_ labels: Range<Int>, _ reach: Range<Int64>, isLate: Bool) -> LabelPiece {
            LabelPiece(labels: labels, reach: reach, hasLateEvents: isLate)
        }
        #expect(pieces([], [], span: 10).isEmpty)
        #expect(pieces([10, 20, 30], [], span: 10) == [piece(0..<3, 0..<30, isLate: false)])
        // It happens at 15 and arrives at 30: of labels at 15, 20, 20, 25, 30 those at 20 and 25 do not know it.
        #expect(
            pieces([15, 20, 20, 25, 30], [(15, 30)], span: 100) == [
                piece(0..<1, -85..<15, isLate: false), piece(1..<3, -80..<20, isLate: true),
                piece(3..<4, -75..<25, isLate: true), piece(4..<5, -70..<30, isLate: false),
            ])
        // Never known, but out of reach after 17.
        #expect(
            pieces([16, 17, 18], [(15, .max)], span: 2) == [
                piece(0..<1, 14..<16, isLate: true), piece(1..<2, 15..<17, isLate: true),
                piece(2..<3, 16..<18, isLate: false),
            ])
        // One late event among many labels costs the few before its arrival, however many there are.
        let many = pieces((0..<10_000).map { $0 * 10 }, [(50_005, 50_045)], span: 1_000)
        #expect(many.count == 6 && many.count { $0.hasLateEvents } == 4)
        #expect(many.reduce(0) { $0 + $1.reach.count } < 100_000 + 6 * 1_000)
    }

    @Test("sessions and newest events as known follow their definition through many late arrivals")
    func lateSessions() throws {
        for seed in UInt64(1)...6 {
            let data = RandomEvents(
                seed: seed, count: 250, keys: 1, span: .hours(9), lateness: seed % 2 == 0 ? .minutes(20) : .hours(8))
            let aggregates = RandomEvents.shapedAggregates.filter { !$0.shape.isByTime }
            let labels = data.labels(seed: seed, count: 30)
            let columns = try RandomEvents.plan(aggregates).compute(events: data.events, labels: labels, asKnown: true)
            for (column, expected) in zip(columns, data.expected(aggregates, labels, asKnown: true)) {
                #expect(differences(column, expected) == [], "seed \(seed)")
            }
        }
    }

    @Test("what stands for every event is filled once for an entity, not for each tile and state that asks")
    func everyEvent() {
        let workspace = KeyWorkspace(inputCount: 0)
        let events = EventColumns(ids: [0, 0, 0, 1, 1, 2, 2, 2, 2], eventTimes: [1, 2, 3, 4, 5, 6, 7, 8, 9])
        let grouping = RowGrouping(ids: events.ids, keyCount: 3, parts: 1)
        workspace.loadEvents(grouping, 0, events)
        let first = workspace.presence(nil)
        #expect((0..<3).allSatisfy { first[$0] == 1 })
        // A mark that any writing would wipe out.
        first[1] = 7
        for _ in 0..<100 { #expect(workspace.presence(nil)[1] == 7) }
        workspace.loadEvents(grouping, 1, events)
        #expect(workspace.presence(nil)[1] == 7, "two events need no more than three")
        workspace.loadEvents(grouping, 2, events)
        let larger = workspace.presence(nil)
        #expect((0..<4).allSatisfy { larger[$0] == 1 })
    }

    @Test("a set of events knows its neighbours", arguments: [1, 63, 64, 65, 4_096, 5_000, 300_000])
    func eventSet(_ room: Int) {
        var random = SeededRandom(seed: UInt64(room))
        let set = EventSet()
        for _ in 0..<2 {
            set.removeAll(room: room)
            var reference: Set<Int> = []
            for _ in 0..<200 {
                let event = Int.random(in: 0..<room, using: &random)
                if reference.contains(event) {
                    reference.remove(event)
                    set.remove(event)
                } else {
                    reference.insert(event)
                    set.insert(event)
                }
                let probe = Int.random(in: 0..<room, using: &random)
                #expect(set.last(before: probe) == reference.filter { $0 < probe }.max(), "\(room)")
                #expect(set.first(after: probe) == reference.filter { $0 > probe }.min(), "\(room)")
                #expect(set.count == reference.count)
            }
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
        // An arrival time beyond the limit has one outcome, wherever events go.
        for arrival in [timeLimitMicroseconds, -timeLimitMicroseconds - 1, .max, .min] {
            var late = good
            late.arrivalTimes = [arrival]
            for asKnown in [false, true] {
                #expect(code { try plan.compute(events: late, labels: labels, asKnown: asKnown) } == .limitExceeded)
                #expect(
                    code { try latestRows(labels: labels, events: late, ttl: nil, asKnown: asKnown) }
                        == .limitExceeded)
                #expect(
                    code {
                        try plan.explain(
                            feature: 0, events: late, id: 0, at: Timestamp(microseconds: 1), asKnown: asKnown)
                    } == .limitExceeded)
            }
            #expect(code { try plan.buildTiles(events: late, upTo: Timestamp(microseconds: 1)) } == .limitExceeded)
        }
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
