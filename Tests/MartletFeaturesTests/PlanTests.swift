import MartletCore
import MartletDefinitions
import MartletFeatures
import Testing

@Suite("Plans and explanations")
struct PlanTests {
    @Test(
        "left ends are rounded down by the length of the window",
        arguments: [
            (TimeSpan.minutes(1), TimeSpan.minutes(5)), (.hours(1), .minutes(5)),
            (TimeSpan(microseconds: TimeSpan.hours(12).microseconds - 1), .minutes(5)), (.hours(12), .hours(1)),
            (.days(7), .hours(1)), (TimeSpan(microseconds: TimeSpan.days(12).microseconds - 1), .hours(1)),
            (.days(12), .days(1)), (.days(365), .days(1)),
        ])
    func hops(_ span: TimeSpan, _ hop: TimeSpan) {
        #expect(windowHop(span) == hop)
        let window = PlannedWindow(span: span, isExact: false)
        for time in [Timestamp(year: 2026, month: 5, day: 1, hour: 13, minute: 7), Timestamp(microseconds: -1)] {
            #expect(window.left(at: time) == (time - span).floored(to: hop))
            #expect(PlannedWindow(span: span, isExact: true).left(at: time) == time - span)
        }
    }

    @Test("features are named, typed and ordered by aggregate and window")
    func features() throws {
        let plan = try WindowPlan(
            aggregates: [
                WindowAggregate(name: "n", function: .count, windows: [.hours(1), .days(7)]),
                WindowAggregate(
                    name: "city", function: .last, column: "city", columnType: .string, windows: [.days(1)]),
                WindowAggregate(
                    name: "mean", function: .mean, column: "x", columnType: .int32, windows: [.minutes(90)]),
            ], inputColumns: ["x": 4, "city": 2])
        #expect(plan.features.map(\.name) == ["n_1h", "n_7d", "city_1d", "mean_1h30m"])
        #expect(plan.features.map(\.type) == [.int64, .int64, .string, .float64])
        #expect(plan.features.map(\.isNullWhenEmpty) == [false, false, true, true])
        #expect(plan.inputs.map(\.index) == [2, 4])
        #expect(plan.tileLayout.tiers.map(\.hop) == [.minutes(5), .hours(1)])
        #expect(plan.tileLayout.tiers.map(\.reach) == [.minutes(90), .days(7)])
    }

    @Test("a plan that cannot be is refused with its reason")
    func refusals() {
        func plan(_ aggregate: WindowAggregate) throws -> WindowPlan {
            try WindowPlan(aggregates: [aggregate], inputColumns: ["amount": 0])
        }
        let day: [TimeSpan] = [.days(1)]
        #expect(
            code { try plan(WindowAggregate(name: "a", function: .sum, column: "amonut", windows: day)) }
                == .missingColumn)
        #expect(code { try plan(WindowAggregate(name: "a", function: .sum, windows: day)) } == .invalidDefinition)
        for type in [DataType.string, .bytes, .timestamp] {
            let aggregate = WindowAggregate(
                name: "a", function: .stddev, column: "amount", columnType: type, windows: day)
            #expect(code { try plan(aggregate) } == .typeMismatch)
        }
        #expect(
            code {
                try plan(WindowAggregate(name: "a", function: .max, column: "amount", windows: [.zero]))
            } == .invalidDefinition)
        #expect(
            code {
                try WindowPlan(
                    aggregates: [
                        WindowAggregate(name: "a", function: .sum, column: "amount", columnType: .int64, windows: day),
                        WindowAggregate(name: "b", function: .mean, column: "amount", columnType: .int32, windows: day),
                    ], inputColumns: ["amount": 0])
            } == .typeMismatch)
    }

    @Test("the layout's fingerprint follows what the bytes mean, not names of features")
    func fingerprints() throws {
        func fingerprint(_ name: String, _ function: AggregateFunction, _ windows: [TimeSpan], _ type: DataType) throws
            -> UInt64
        {
            try WindowPlan(
                aggregates: [
                    WindowAggregate(name: name, function: function, column: "x", columnType: type, windows: windows)
                ], inputColumns: ["x": 0]
            ).tileLayout.fingerprint
        }
        let base = try fingerprint("a", .sum, [.hours(1)], .int64)
        #expect(try fingerprint("b", .sum, [.hours(1)], .int64) == base)
        #expect(try fingerprint("b", .mean, [.hours(1)], .int64) == base)
        #expect(try fingerprint("a", .stddev, [.hours(1)], .int64) != base)
        #expect(try fingerprint("a", .sum, [.hours(2)], .int64) != base)
        #expect(try fingerprint("a", .sum, [.hours(1)], .float64) != base)
        #expect(try fingerprint("a", .first, [.hours(1)], .int64) != fingerprint("a", .last, [.hours(1)], .int64))
    }

    @Test("an explained window names its rows, its ends and its value", arguments: [false, true])
    func windowExplanation(asKnown: Bool) throws {
        let plan = try WindowPlan(
            aggregates: [
                WindowAggregate(name: "sum", function: .sum, column: "x", columnType: .float64, windows: [.hours(1)]),
                WindowAggregate(name: "max", function: .max, column: "x", columnType: .float64, windows: [.hours(1)]),
            ], inputColumns: ["x": 0])
        let minute: Int64 = 60_000_000
        let events = EventColumns(
            ids: [0, 0, 0, 0, 1, 0], eventTimes: [10, 50, 30, 40, 30, 62].map { $0 * minute },
            arrivalTimes: [10, 50, 90, 40, 30, 62].map { $0 * minute },
            inputs: [Column(.float64([1, 2, 4, .nan, 8, 16]), validity: nil)])
        let at = Timestamp(microseconds: 62 * minute)
        let sum = try plan.explain(feature: 0, events: events, id: 0, at: at, asKnown: asKnown)
        #expect(sum.left == Timestamp(microseconds: 0))
        #expect(sum.contributing == (asKnown ? [0, 1] : [0, 2, 1]))
        #expect(sum.skipped == [3])
        #expect(sum.notYetKnown == (asKnown ? [2] : []))
        #expect(sum.value == Column(.float64([asKnown ? 3 : 7])))
        #expect(sum.winner == nil)
        #expect(
            try plan.explain(feature: 1, events: events, id: 0, at: at, asKnown: asKnown).winner == (asKnown ? 1 : 2))
    }

    @Test("explanations agree with the offline value")
    func explanationsAgree() throws {
        let data = RandomEvents(seed: 41, count: 200, keys: 2, span: .hours(20))
        let labels = LabelColumns(ids: [1], times: [data.span / 2])
        // An explanation computes the features of its plan: several small ones are cheaper than one.
        let parts = Dictionary(grouping: RandomEvents.aggregates(windows: [.hours(3)])) {
            "\($0.shape) \($0.lag) \($0.isExact)"
        }
        for aggregates in parts.values {
            let plan = try RandomEvents.plan(aggregates)
            let columns = try plan.compute(events: data.events, labels: labels, asKnown: true)
            for feature in plan.features.indices {
                let explained = try plan.explain(
                    feature: feature, events: data.events, id: 1, at: Timestamp(microseconds: data.span / 2),
                    asKnown: true)
                #expect(isSame([explained.value], [columns[feature]]), "\(plan.features[feature].name)")
                if let winner = explained.winner, let column = plan.features[feature].column {
                    // Time is counted from the winner; its value is no length of time.
                    if [.daysSince, .timeSinceLast].contains(plan.features[feature].function) { continue }
                    #expect(cells(data.events.inputs[column])[Int(winner)] == cells(columns[feature])[0])
                }
            }
        }
    }

    @Test("an explained latest value names the runner-up and what decided")
    func latestExplanation() throws {
        func explain(_ times: [Int64], _ arrivals: [Int64], ttl: TimeSpan? = nil, asKnown: Bool = false) throws
            -> LatestExplanation
        {
            try explainLatest(
                events: EventColumns(ids: times.map { _ in 0 }, eventTimes: times, arrivalTimes: arrivals), id: 0,
                at: Timestamp(microseconds: 100), ttl: ttl, asKnown: asKnown)
        }
        let byTime = try explain([10, 20, 200], [10, 20, 200])
        #expect(
            byTime.outcome == .present && byTime.winner == 1 && byTime.runnerUp == 0 && byTime.decision == .eventTime)
        let byArrival = try explain([20, 20, 5], [30, 20, 90])
        #expect(byArrival.winner == 0 && byArrival.runnerUp == 1 && byArrival.decision == .arrivalTime)
        let byPosition = try explain([20, 20], [20, 20])
        #expect(byPosition.winner == 1 && byPosition.runnerUp == 0 && byPosition.decision == .position)
        #expect(try explain([20], [20]).decision == .onlyCandidate)
        let stale = try explain([20], [20], ttl: TimeSpan(microseconds: 79))
        #expect(stale.outcome == .outsideMaxAge && stale.winner == 0)
        #expect(try explain([20], [20], ttl: TimeSpan(microseconds: 80)).outcome == .present)
        #expect(try explain([101], [101]).outcome == .notFound)
        let unknown = try explain([20, 30], [20, 101], asKnown: true)
        #expect(unknown.winner == 0 && unknown.notYetKnown == [1])
    }
}
