import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

@Suite("Many different values, leap days and edges")
struct LimitTests {
    private static let columns = ["x": 0, "c": 1]

    private func aggregate(
        _ name: String, _ function: AggregateFunction, _ type: DataType, _ parameters: AggregateParameters = .init(),
        window: TimeSpan = .days(2), isExact: Bool = false
    ) -> WindowAggregate {
        WindowAggregate(
            name: name, function: function, column: type == .string ? "c" : "x", columnType: type,
            parameters: parameters, windows: [window], isExact: isExact)
    }

    /// Events of one entity, one a minute, each with a value of its own; texts beside the numbers.
    private func manyValues(_ count: Int) -> EventColumns {
        EventColumns(
            ids: [Int32](repeating: 0, count: count), eventTimes: (0..<Int64(count)).map { $0 * 60_000_000 },
            inputs: [
                Column(.int64((0..<Int64(count)).map { $0 * 7_919 })),
                Column(.string(ByteStrings((0..<count).map { "merchant \($0)" }))),
            ])
    }

    @Test(
        "beyond the limit distinct is an estimate, lists and maps are null, and tiles agree with the offline windows",
        arguments: [false, true])
    func beyondLimit(isExact: Bool) throws {
        let list = AggregateParameters(length: 2)
        let split = AggregateParameters(category: "c", categoryType: .string)
        let aggregates = [
            aggregate("numbers", .distinct, .int64, isExact: isExact),
            aggregate("texts", .distinct, .string, isExact: isExact),
            aggregate("approx", .approxDistinct, .string, isExact: isExact),
            aggregate("top", .topK, .string, list, isExact: isExact),
            aggregate("histogram", .histogram, .string, isExact: isExact),
            aggregate("by", .sum, .int64, split, isExact: isExact),
            aggregate("top_hour", .topK, .string, list, window: .hours(10), isExact: isExact),
        ]
        let plan = try WindowPlan(aggregates: aggregates, inputColumns: Self.columns)
        let events = manyValues(2_500)
        let upTo = Timestamp(microseconds: 2_500 * 60_000_000)
        let records = try plan.buildTiles(events: events, upTo: upTo)
        // The window holds everything, then 2,500 down to fewer than the limit, then nothing.
        let times = [0, 5, 20, 33, 60].map { upTo.microseconds + $0 * 3_600_000_000 }
        let columns = try plan.compute(
            events: events, labels: LabelColumns(ids: times.map { _ in 0 }, times: times))
        var assembly = plan.assembly(capacity: times.count)
        for time in times { try assembly.append(record: records.record(0), at: Timestamp(microseconds: time)) }
        #expect(isSame(assembly.finish(), columns))

        let held = times.map { time in
            events.eventTimes.count { $0 >= flooredToMultiple(time - 172_800_000_000, of: isExact ? 1 : 3_600_000_000) }
        }
        #expect(held[0] == 2_500 && held[3] < differentValuesMaximum && held[4] == 0)
        for (row, count) in held.enumerated() {
            for column in 0..<2 {
                guard case .int64(let distinct) = columns[column][row] else {
                    Issue.record("distinct is null")
                    continue
                }
                if count <= differentValuesMaximum {
                    #expect(distinct == Int64(count))
                } else {
                    let bound = standardErrors(4, of: count)
                    #expect(isNear(distinct, count, bound), "\(distinct) of \(count)")
                }
            }
            for column in 3..<6 { #expect(columns[column].isNull(row) == (count > differentValuesMaximum)) }
            #expect(!columns[6].isNull(row))
        }
    }

    @Test("merged records beyond the limit have the bytes of one build")
    func mergeBeyondLimit() throws {
        let split = AggregateParameters(category: "c", categoryType: .string)
        let aggregates = [
            aggregate("texts", .distinct, .string, window: .days(20)),
            aggregate("numbers", .histogram, .int64, window: .days(20)),
            aggregate("by", .mean, .int64, split, window: .days(20)),
        ]
        let plan = try WindowPlan(aggregates: aggregates, inputColumns: Self.columns)
        let events = manyValues(4_000)
        let upTo = Timestamp(microseconds: 4_000 * 60_000_000)
        let whole = try plan.buildTiles(events: events, upTo: upTo).record(0)
        for step in [Int32(2), 3] {
            let parts = (0..<step).map { part in (0..<Int32(4_000)).filter { $0 % step == part } }
            let records = try parts.map { try plan.buildTiles(events: events.rows($0), upTo: upTo).record(0) }
            let merged = try records.dropFirst().reduce(records[0]) { try plan.merge($1, $0) }
            #expect(merged == whole, "\(step) parts")
        }
    }

    @Test("a leap day is a day like any other")
    func leapDay() throws {
        let plan = try WindowPlan(
            aggregates: [
                aggregate("days", .sum, .int64, window: .days(12)),
                aggregate("last", .lastN, .int64, .init(length: 2), window: .days(12)),
                aggregate("sessions", .sessionCount, .int64, .init(gap: .hours(24)), window: .days(12)),
                WindowAggregate(name: "since", function: .timeSinceLast, windows: [.days(12)]),
            ], inputColumns: Self.columns)
        let days = [(2, 28), (2, 29), (3, 2)].map { Timestamp(year: 2024, month: $0.0, day: $0.1) }
        let events = EventColumns(
            ids: [0, 0, 0], eventTimes: days.map(\.microseconds),
            inputs: [Column(.int64([28, 29, 2])), Column(.string(ByteStrings(["a", "b", "c"])))])
        let labels = [Timestamp(year: 2024, month: 3, day: 12, hour: 6), Timestamp(year: 2024, month: 3, day: 1)]
        let columns = try plan.compute(
            events: events, labels: LabelColumns(ids: [0, 0], times: labels.map(\.microseconds)))
        // Twelve days before the 12th of March is the 29th of February.
        #expect(columns[0] == Column(.float64([31, 57])))
        #expect(columns[1][0] == .list([.int64(29), .int64(2)]) && columns[1][1] == .list([.int64(28), .int64(29)]))
        #expect(columns[2] == Column(.int64([2, 1])))
        #expect(columns[3] == Column(.float64([10.25 * 86_400, 86_400])))
    }

    @Test("events, labels and tiles at both ends of time have the values of any other time")
    func endsOfTime() throws {
        let limit = timeLimitMicroseconds
        let minute: Int64 = 60_000_000
        var data = RandomEvents(seed: 5, count: 80, keys: 1, span: .minutes(40))
        // Half of the events from the first possible moment on, half of them up to the last one.
        data.events.eventTimes = data.events.eventTimes.enumerated().map { index, time in
            index % 2 == 0 ? -limit + time : limit - 1 - time
        }
        data.events.arrivalTimes = data.events.eventTimes.enumerated().map { index, time in
            index % 3 == 0 ? min(time + 20 * minute, limit - 1) : max(time - minute, -limit)
        }
        let aggregates =
            RandomEvents.aggregates(windows: [.hours(1), .days(3_660)]) + [
                WindowAggregate(
                    name: "decade", function: .sum, column: "amount", columnType: .float64, windows: [.days(3_660)],
                    shape: .tumbling, lag: .days(365))
            ]
        let plan = try RandomEvents.plan(aggregates)
        let times = [-limit, -limit + 1, -limit + 15 * minute, 0, limit - 9 * minute, limit - 1]
        let labels = LabelColumns(ids: times.map { _ in 0 }, times: times)
        for asKnown in [false, true] {
            let columns = try plan.compute(events: data.events, labels: labels, asKnown: asKnown)
            let expected = data.expected(aggregates, labels, asKnown: asKnown)
            for (index, column) in columns.enumerated() {
                #expect(differences(column, expected[index]) == [], "\(plan.features[index].name), \(asKnown)")
            }
        }
        for upTo in [-limit + 15 * minute, limit - 1] {
            let records = try plan.buildTiles(events: data.events, upTo: Timestamp(microseconds: upTo))
            var assembly = plan.assembly(capacity: 1)
            try assembly.append(record: records.record(0), at: Timestamp(microseconds: upTo))
            let atUpTo = try plan.compute(events: data.events, labels: LabelColumns(ids: [0], times: [upTo]))
            #expect(isSame(assembly.finish(), atUpTo), "\(upTo)")
        }
        for beyond in [limit, -limit - 1] {
            var events = data.events
            events.eventTimes[0] = beyond
            let upTo = Timestamp(microseconds: 0)
            #expect(MartletFeaturesTests.code { try plan.compute(events: events, labels: labels) } == .limitExceeded)
            #expect(MartletFeaturesTests.code { try plan.buildTiles(events: events, upTo: upTo) } == .limitExceeded)
            let label = LabelColumns(ids: [0], times: [beyond])
            #expect(
                MartletFeaturesTests.code { try plan.compute(events: data.events, labels: label) } == .limitExceeded)
            #expect(
                MartletFeaturesTests.code {
                    try plan.buildTiles(events: data.events, upTo: Timestamp(microseconds: beyond))
                } == .limitExceeded)
        }
    }

    @Test("days since an infinite timestamp are null where they cannot be counted, offline and from tiles")
    func infiniteTimestamps() throws {
        let plan = try WindowPlan(
            aggregates: [
                WindowAggregate(
                    name: "days", function: .daysSince, column: "x", columnType: .timestamp, windows: [.days(2)])
            ], inputColumns: ["x": 0])
        let day: Int64 = 86_400_000_000
        let seen: [Int64] = [-.max, .min, .max, 3 * day, 0]
        let events = EventColumns(
            ids: [0, 1, 2, 3, 4], eventTimes: [4, 4, 4, 4, 4].map { $0 * day },
            inputs: [Column(.timestamp(seen), validity: Bitmap([true, true, true, true, false]))])
        let time = 5 * day
        let columns = try plan.compute(
            events: events, labels: LabelColumns(ids: [0, 1, 2, 3, 4], times: [Int64](repeating: time, count: 5)))
        #expect(columns[0].isNull(0) && columns[0].isNull(1) && columns[0].isNull(4))
        // The greatest time is ahead by as many days as 64 bits count.
        #expect(columns[0][2] == .float64(Double(time - .max) / 86_400e6) && columns[0][3] == .float64(2))
        let records = try plan.buildTiles(events: events, upTo: Timestamp(microseconds: time))
        var assembly = plan.assembly(capacity: 5)
        for index in 0..<5 { try assembly.append(record: records.record(index), at: Timestamp(microseconds: time)) }
        #expect(isSame(assembly.finish(), columns))
    }

    @Test("a count of rows under a filter and one of a column named true are two inputs")
    func filteredRows() throws {
        func input(_ column: String?) -> AggregateInput { AggregateInput(column: column, type: .bool, filter: "a > 5") }
        #expect(input(nil).name == "* where a > 5" && input("true").name == "true where a > 5")
        let plan = try WindowPlan(
            aggregates: [nil, "true"].map { column in
                WindowAggregate(
                    name: "n_\(column ?? "rows")", function: .count, column: column, columnType: .bool,
                    filter: "a > 5", windows: [.days(1)])
            }, inputColumns: [input(nil).name: 0, input("true").name: 1])
        let events = EventColumns(
            ids: [0, 0], eventTimes: [1, 2],
            inputs: [
                Column(.bool([true, true])), Column(.bool([true, true]), validity: Bitmap([true, false])),
            ])
        let columns = try plan.compute(events: events, labels: LabelColumns(ids: [0], times: [9]))
        #expect(columns == [Column(.int64([2])), Column(.int64([1]))])
    }

    @Test("empty windows have the results of no values")
    func emptyWindows() throws {
        let plan = try RandomEvents.plan(RandomEvents.aggregates(windows: [.hours(1)]))
        let events = RandomEvents(seed: 1, count: 0, keys: 1, span: .hours(1)).events
        let columns = try plan.compute(events: events, labels: LabelColumns(ids: [0, -1], times: [0, 5]))
        var assembly = plan.assembly(capacity: 2)
        assembly.appendMissing()
        assembly.appendMissing()
        #expect(isSame(assembly.finish(), columns))
        for (feature, column) in zip(plan.features, columns) {
            #expect(column.nullCount == (feature.isNullWhenEmpty ? 2 : 0), "\(feature.name)")
            switch column[0] {
            case .int64(let value): #expect(value == 0)
            case .float64(let value): #expect(value == 0)
            case .list(let values): #expect(values.isEmpty)
            case .map(let values): #expect(values.isEmpty)
            case let value: #expect(value.isNull, "\(feature.name)")
            }
        }
    }

    @Test("a ratio is null where it divides by nothing or has nothing to divide")
    func ratios() throws {
        let plan = try WindowPlan(
            aggregates: [
                aggregate("sum", .sum, .int64),
                aggregate("mean", .mean, .int64),
                WindowAggregate(
                    name: "share", function: .ratio, parameters: .init(dividend: "mean", divisor: "sum"),
                    windows: [.days(2)]),
            ], inputColumns: Self.columns)
        let events = EventColumns(
            ids: [0, 0, 1, 1, 2], eventTimes: [1, 2, 1, 2, 1],
            inputs: [
                Column(.int64([4, 8, 3, -3, 9]), validity: Bitmap([true, true, true, true, false])),
                Column(.string(ByteStrings(["a", "b", "c", "d", "e"]))),
            ])
        let columns = try plan.compute(
            events: events, labels: LabelColumns(ids: [0, 1, 2, 3], times: [9, 9, 9, 9]))
        #expect(columns[2] == Column(.float64([0.5, 0, 0, 0]), validity: Bitmap([true, false, false, false])))
        let explained = try plan.explain(feature: 2, events: events, id: 0, at: Timestamp(microseconds: 9))
        #expect(explained.contributing == [0, 1] && explained.value == Column(.float64([0.5])))
        // A selection of the ratio alone assembles what it divides.
        let records = try plan.buildTiles(events: events, upTo: Timestamp(microseconds: 9))
        var assembly = plan.assembly(capacity: 1, selection: [2])
        try assembly.append(record: records.record(0), at: Timestamp(microseconds: 9))
        #expect(assembly.finish() == [Column(.float64([0.5]))])
    }

    @Test("aggregates that cannot be are refused with their reason")
    func refusals() {
        func code(_ aggregates: [WindowAggregate]) -> MartletError.Code? {
            MartletFeaturesTests.code { try WindowPlan(aggregates: aggregates, inputColumns: Self.columns) }
        }
        #expect(code([aggregate("a", .quantile, .float64)]) == .invalidDefinition)
        #expect(code([aggregate("a", .quantile, .float64, .init(quantile: 1.5))]) == .invalidDefinition)
        #expect(code([aggregate("a", .topK, .string, .init(length: 0))]) == .invalidDefinition)
        #expect(code([aggregate("a", .lastN, .string, .init(length: 1_001))]) == .invalidDefinition)
        #expect(code([aggregate("a", .decayedSum, .int64)]) == .invalidDefinition)
        #expect(code([aggregate("a", .sessionCount, .int64)]) == .invalidDefinition)
        #expect(code([aggregate("a", .histogram, .float64)]) == .typeMismatch)
        #expect(code([aggregate("a", .quantile, .string, .init(quantile: 0.5))]) == .typeMismatch)
        #expect(code([aggregate("a", .max, .int64, .init(category: "c", categoryType: .string))]) == .typeMismatch)
        #expect(code([aggregate("a", .sum, .int64, .init(category: "c", categoryType: .float64))]) == .typeMismatch)
        #expect(code([aggregate("a", .sum, .int64, .init(category: "d", categoryType: .string))]) == .missingColumn)
        func ratio(_ dividend: String, _ window: TimeSpan) -> WindowAggregate {
            WindowAggregate(
                name: "r", function: .ratio, parameters: .init(dividend: dividend, divisor: "n"), windows: [window])
        }
        let parts = [
            aggregate("n", .count, .int64), aggregate("list", .topK, .string, .init(length: 1)),
        ]
        #expect(code(parts + [ratio("n", .days(2))]) == nil)
        #expect(code(parts + [ratio("n", .days(1))]) == .invalidDefinition)
        #expect(code(parts + [ratio("list", .days(2))]) == .invalidDefinition)
        #expect(code(parts + [ratio("missing", .days(2))]) == .invalidDefinition)
        #expect(code(parts + [ratio("r", .days(2))]) == .invalidDefinition)
    }
}

@Suite("Features with more than one column holds")
struct ColumnLimitTests {
    @Test(
        "are refused by their names: texts, lists and maps",
        arguments: [
            (AggregateFunction.last, DataType.string, 40), (.max, .string, 40), (.firstN, .string, 120),
            (.lastN, .int64, 12), (.topK, .string, 120), (.histogram, .string, 120), (.histogram, .int64, 12 * 20),
        ])
    func refused(_ function: AggregateFunction, _ type: DataType, _ held: Int) throws {
        let hasLength = [.firstN, .lastN, .topK].contains(function)
        let aggregate = WindowAggregate(
            name: "wide", function: function, column: "x", columnType: type,
            parameters: hasLength ? .init(length: 3) : .init(), windows: [.days(1)])
        let plan = try WindowPlan(aggregates: [aggregate], inputColumns: ["x": 0])
        let numbers = Column(.int64([1, 2, 3]))
        let texts = Column(.string(ByteStrings(["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"])))
        let events = EventColumns(
            ids: [0, 0, 0], eventTimes: [1, 2, 3], positions: [0, 1, 2], inputs: [type == .string ? texts : numbers])
        let labels = LabelColumns(ids: [0, 0, 0, 0], times: [10, 11, 12, 13])
        let whole = try plan.compute(events: events, labels: labels)
        #expect(try isSame(plan.compute(events: events, labels: labels, columnLimit: held), whole))
        let error = #expect(throws: MartletError.self) {
            try plan.compute(events: events, labels: labels, columnLimit: held - 1)
        }
        #expect(error?.code == .limitExceeded)
        #expect(error?.message.contains("column wide_1d") == true)
    }

    @Test("are refused where rows are gathered, too")
    func gathering() throws {
        let texts = Column(.string(ByteStrings(["aa", "", "bbb"])))
        #expect(try texts.gathering([2, -1, 0, 2], named: "t", limit: 8).count == 4)
        #expect(code { try texts.gathering([2, -1, 0, 2], named: "t", limit: 7) } == .limitExceeded)
        #expect(try Column(.int64([1])).gathering([0, 0], named: "n", limit: 1).count == 2)
    }
}
