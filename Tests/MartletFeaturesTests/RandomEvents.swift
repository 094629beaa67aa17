import MartletCore
import MartletDefinitions
import MartletFeatures

/// Random events of a few entities with every kind of trouble: ties, nulls, NaN, infinities, late arrivals, negative
/// times.
struct RandomEvents {
    var events: EventColumns
    let keyCount: Int32
    /// All times lie within `0..<span` of it.
    let origin: Int64
    let span: Int64

    static let columnNames = ["amount", "cents", "ratio", "code", "label", "flag", "seen", "raw"]
    static let types: [DataType] = [.float64, .int64, .float32, .int32, .string, .bool, .timestamp, .bytes]

    /// - Parameter variety: how many different cents and labels there are; nil means few.
    init(
        seed: UInt64, count: Int, keys: Int32, origin: Int64 = 0, span: TimeSpan, numbers: ValueKind = .cents,
        lateness: TimeSpan = .hours(2), isSorted: Bool = false, variety: Int64? = nil
    ) {
        var random = SeededRandom(seed: seed)
        self.origin = origin
        self.span = span.microseconds
        keyCount = keys
        let step: Int64 = 60_000_000
        var times = (0..<count).map { _ in
            // Whole minutes, so that ties and window edges are common.
            origin + Int64.random(in: 0..<span.microseconds / step, using: &random) * step
        }
        if isSorted { times.sort() }
        let arrivals = times.map { time in
            switch Int.random(in: 0..<4, using: &random) {
            case 0: time + Int64.random(in: 0...lateness.microseconds / step, using: &random) * step
            case 1: time - step
            default: time
            }
        }
        let positions = (0..<Int64(count)).shuffled(using: &random)
        let ids = (0..<count).map { _ in Int32.random(in: -1..<keys, using: &random) }
        func validity() -> Bitmap? {
            Bool.random(using: &random)
                ? nil : Bitmap((0..<count).map { _ in Int.random(in: 0..<5, using: &random) > 0 })
        }
        func make<T>(_ value: (inout SeededRandom) -> T) -> [T] { (0..<count).map { _ in value(&random) } }
        let words = ["", "a", "ab", "b", "zürich", "\u{1F426}", "a longer piece of text than eight bytes"]
        let amounts = make { random -> Double in
            switch Int.random(in: 0..<20, using: &random) {
            case 0: .nan
            case 1: -0.0
            case 2: 0.0
            default: numbers.value(&random)
            }
        }
        func cents(_ random: inout SeededRandom) -> Int64 {
            if let variety { return Int64.random(in: 0..<variety, using: &random) }
            return Int64.random(in: -20...20, using: &random) * (random.uniform() < 0.02 ? 1 << 58 : 1)
        }
        func label(_ random: inout SeededRandom) -> String {
            if let variety { return "merchant \(Int64.random(in: 0..<variety, using: &random))" }
            return words.randomElement(using: &random) ?? ""
        }
        // Some are infinite, as databases have them.
        func seen(_ random: inout SeededRandom) -> Int64 {
            switch Int.random(in: 0..<30, using: &random) {
            case 0: .max
            case 1: -.max
            case 2: .min
            default: Int64.random(in: -3...3, using: &random) * 1_000_000
            }
        }
        let inputs: [Column] = [
            Column(.float64(amounts), validity: validity()),
            Column(.int64(make(cents)), validity: validity()),
            Column(
                .float32(make { $0.uniform() < 0.1 ? Float.nan : Float(Int.random(in: -3...3, using: &$0)) / 3 }),
                validity: validity()),
            Column(.int32(make { Int32.random(in: .min ... .max, using: &$0) >> 28 }), validity: validity()),
            Column(.string(ByteStrings(make(label))), validity: validity()),
            Column(.bool(make { Bool.random(using: &$0) }), validity: validity()),
            Column(.timestamp(make(seen)), validity: validity()),
            Column(.bytes(ByteStrings(make { words.randomElement(using: &$0) ?? "" })), validity: validity()),
        ]
        events = EventColumns(ids: ids, eventTimes: times, arrivalTimes: arrivals, positions: positions, inputs: inputs)
    }

    /// Labels at random minutes and at the events' own times; some entities are unknown or have no events; some are
    /// duplicates.
    func labels(seed: UInt64, count: Int, from first: Int64? = nil) -> LabelColumns {
        var random = SeededRandom(seed: seed, stream: 7)
        var ids: [Int32] = []
        var times: [Int64] = []
        for _ in 0..<count {
            if let id = ids.last, let time = times.last, Int.random(in: 0..<10, using: &random) == 0 {
                ids.append(id)
                times.append(time)
                continue
            }
            ids.append(Int32.random(in: -1..<keyCount + 1, using: &random))
            let start = first ?? origin
            let isEventTime = first == nil && events.count > 0 && Bool.random(using: &random)
            times.append(
                isEventTime
                    ? events.eventTimes[Int.random(in: 0..<events.count, using: &random)]
                    : start + Int64.random(in: 0..<(span + 40 * 86_400_000_000) / 60_000_000, using: &random)
                        * 60_000_000)
        }
        return LabelColumns(ids: ids, times: times)
    }

    /// The same events in another order of rows.
    func shuffled(seed: UInt64) -> EventColumns {
        var random = SeededRandom(seed: seed, stream: 9)
        return events.rows((0..<Int32(events.count)).shuffled(using: &random))
    }

    /// Every function over every column that has it, over rounded and exact windows and those of other shapes.
    /// - Parameter columns: only those over these columns, for tests of many events.
    static func aggregates(
        windows: [TimeSpan] = [.hours(1), .days(3), .days(12)], of columns: [String] = columnNames
    ) -> [WindowAggregate] {
        allAggregates(windows).filter { aggregate in
            let parts = [aggregate.parameters.dividend, aggregate.parameters.divisor].compactMap { $0 }
            return aggregate.inputs.allSatisfy { columns.contains($0.name) }
                && (parts.isEmpty || columns == columnNames)
        }
    }

    private static func allAggregates(_ windows: [TimeSpan]) -> [WindowAggregate] {
        var list = [
            WindowAggregate(name: "rows", function: .count, windows: windows),
            WindowAggregate(name: "exact_rows", function: .count, windows: [.minutes(90)], isExact: true),
        ]
        for (name, type) in zip(columnNames, types) {
            for function in AggregateFunction.allCases where function.takes(type) && function != .ratio {
                // The first columns decay slowly, the others fast.
                let parameters = AggregateParameters(
                    quantile: function == .quantile ? 0.7 : nil,
                    length: [.firstN, .lastN, .topK].contains(function) ? 3 : nil,
                    halfLife: [.decayedSum, .decayedMean].contains(function)
                        ? (name == "amount" ? .days(2) : .minutes(3)) : nil,
                    gap: function == .sessionCount ? .hours(2) : nil)
                list.append(
                    WindowAggregate(
                        name: "\(name)_\(function)", function: function, column: name, columnType: type,
                        parameters: parameters, windows: windows))
                list.append(
                    WindowAggregate(
                        name: "exact_\(name)_\(function)", function: function, column: name, columnType: type,
                        parameters: parameters, windows: [.minutes(90)], isExact: true))
            }
        }
        return list + rowAggregates(windows) + splitAggregates(windows) + ratios(windows) + shapedAggregates
    }

    /// Windows that tumble, lag, follow sessions and hold the newest events, with every function.
    static var shapedAggregates: [WindowAggregate] {
        var list: [WindowAggregate] = []
        func add(
            _ name: String, _ windows: [TimeSpan], isExact: Bool = false, _ shape: WindowShape, lag: TimeSpan = .zero
        ) {
            for (function, column, parameters) in everyFunction {
                var parameters = parameters
                var part = "\(function)_\(column ?? "rows")"
                if let category = parameters.category {
                    parameters.categoryType = type(category)
                    part += "_by_\(category)"
                }
                if function == .ratio {
                    parameters.dividend = "\(name)_sum_cents"
                    parameters.divisor = "\(name)_count_rows"
                }
                list.append(
                    WindowAggregate(
                        name: "\(name)_\(part)", function: function, column: column,
                        columnType: column.map(type) ?? .int64, parameters: parameters, windows: windows,
                        isExact: isExact, shape: shape, lag: lag))
            }
        }
        add("tumbling", [.hours(1), .days(2)], .tumbling)
        add("tumbling_lagged", [.hours(12)], .tumbling, lag: .minutes(47))
        add("lagged", [.hours(1), .days(3), .days(12)], .sliding, lag: .hours(5))
        add("exactly_lagged", [.minutes(90)], isExact: true, .sliding, lag: .minutes(11))
        add("session", [.days(1)], .session(gap: .minutes(40)))
        add("long_session", [.minutes(50)], .session(gap: .minutes(15)))
        add("newest", [.days(2)], .newest(4))
        add("newest_one", [.minutes(90)], .newest(1))
        return list
    }

    /// Every function once or twice, over numbers, texts and what has no column.
    private static let everyFunction: [(AggregateFunction, String?, AggregateParameters)] = [
        (.count, nil, .init()), (.count, "amount", .init()), (.sum, "cents", .init()), (.mean, "ratio", .init()),
        (.stddev, "amount", .init()), (.variance, "cents", .init()), (.skewness, "amount", .init()),
        (.min, "label", .init()), (.max, "ratio", .init()), (.first, "label", .init()), (.last, "code", .init()),
        (.firstN, "raw", .init(length: 3)), (.lastN, "amount", .init(length: 2)), (.daysSince, "seen", .init()),
        (.timeSinceLast, nil, .init()), (.timeSinceLast, "amount", .init()), (.distinct, "cents", .init()),
        (.distinct, "label", .init()), (.approxDistinct, "raw", .init()), (.approxDistinct, "amount", .init()),
        (.quantile, "amount", .init(quantile: 0.3)), (.topK, "label", .init(length: 2)), (.histogram, "code", .init()),
        (.count, nil, .init(category: "label")), (.sum, "amount", .init(category: "flag")),
        (.mean, "cents", .init(category: "code")), (.decayedSum, "amount", .init(halfLife: .hours(7))),
        (.decayedMean, "cents", .init(halfLife: .minutes(3))), (.sessionCount, nil, .init(gap: .minutes(30))),
        (.sessionCount, "flag", .init(gap: .minutes(5))), (.ratio, nil, .init()),
    ]

    /// Those that need no column.
    private static func rowAggregates(_ windows: [TimeSpan]) -> [WindowAggregate] {
        [
            WindowAggregate(name: "since", function: .timeSinceLast, windows: windows),
            WindowAggregate(name: "exact_since", function: .timeSinceLast, windows: [.minutes(90)], isExact: true),
            WindowAggregate(
                name: "sessions", function: .sessionCount, parameters: AggregateParameters(gap: .minutes(30)),
                windows: windows),
            WindowAggregate(
                name: "exact_sessions", function: .sessionCount, parameters: AggregateParameters(gap: .minutes(5)),
                windows: [.minutes(90)], isExact: true),
        ]
    }

    private static func splitAggregates(_ windows: [TimeSpan]) -> [WindowAggregate] {
        let split: [(AggregateFunction, String?, String)] = [
            (.count, nil, "label"), (.count, nil, "code"), (.count, "raw", "label"), (.count, "amount", "flag"),
            (.sum, "amount", "label"), (.mean, "amount", "label"), (.sum, "cents", "flag"), (.mean, "cents", "code"),
            (.sum, "ratio", "cents"),
        ]
        return split.flatMap { function, column, category in
            [false, true].map { isExact in
                WindowAggregate(
                    name: "\(isExact ? "exact_" : "")\(column ?? "rows")_\(function)_by_\(category)",
                    function: function,
                    column: column, columnType: column.map(type) ?? .int64,
                    parameters: AggregateParameters(category: category, categoryType: type(category)),
                    windows: isExact ? [.minutes(90)] : windows, isExact: isExact)
            }
        }
    }

    private static func ratios(_ windows: [TimeSpan]) -> [WindowAggregate] {
        let pairs: [(String, String)] = [
            ("amount_sum", "rows"), ("cents_max", "cents_stddev"), ("since", "amount_mean"),
        ]
        return pairs.map { dividend, divisor in
            WindowAggregate(
                name: "\(dividend)_to_\(divisor)", function: .ratio,
                parameters: AggregateParameters(dividend: dividend, divisor: divisor), windows: windows)
        }
    }

    private static func type(_ name: String) -> DataType { types[columnNames.firstIndex(of: name) ?? 0] }

    static func plan(_ aggregates: [WindowAggregate]) throws -> WindowPlan {
        try WindowPlan(
            aggregates: aggregates,
            inputColumns: Dictionary(uniqueKeysWithValues: columnNames.enumerated().map { ($1, $0) }))
    }

    /// What the oracle says, feature by feature.
    func expected(_ aggregates: [WindowAggregate], _ labels: LabelColumns, asKnown: Bool) -> [[Cell]] {
        // An oracle for each entity with only its events: the same answers in less time.
        let oracles = (0..<keyCount).map { id in
            NaiveOracle(events: events.rows((0..<Int32(events.count)).filter { events.ids[Int($0)] == id }))
        }
        let nobody = NaiveOracle(events: events.rows([]))
        func cells(_ aggregate: WindowAggregate, _ window: TimeSpan) -> [Cell] {
            if aggregate.function == .ratio { return ratio(aggregate, window) }
            let column = aggregate.column.flatMap { Self.columnNames.firstIndex(of: $0) }
            return labels.ids.indices.map { label in
                let id = labels.ids[label]
                let oracle = oracles.indices.contains(Int(id)) ? oracles[Int(id)] : nobody
                return oracle.window(
                    aggregate, window, column: column, id: id, at: labels.times[label], asKnown: asKnown)
            }
        }
        func ratio(_ aggregate: WindowAggregate, _ window: TimeSpan) -> [Cell] {
            let parts = [aggregate.parameters.dividend, aggregate.parameters.divisor].map { name in
                aggregates.first { $0.name == name }.map { cells($0, window) } ?? []
            }
            return zip(parts[0], parts[1]).map { left, right in
                guard let left = left.number, let right = right.number, right != 0 else { return .null }
                let quotient = left / right
                return Cell(.float64(quotient.isNaN ? .nan : quotient))
            }
        }
        return aggregates.flatMap { aggregate in aggregate.windows.map { cells(aggregate, $0) } }
    }
}

extension Cell {
    var number: Double? {
        switch self {
        case .null, .near: nil
        case .real(let bits): Double(bitPattern: bits)
        case .other(let value): value.number
        }
    }
}

extension EventColumns {
    /// Some of the events. Positions are made explicit, so that ties are broken as before.
    func rows(_ rows: [Int32]) -> EventColumns {
        EventColumns(
            ids: rows.map { ids[Int($0)] }, eventTimes: rows.map { eventTimes[Int($0)] },
            arrivalTimes: arrivalTimes.map { arrivals in rows.map { arrivals[Int($0)] } },
            removalTimes: removalTimes.map { removals in rows.map { removals[Int($0)] } },
            positions: rows.map { positions?[Int($0)] ?? Int64($0) }, inputs: inputs.map { $0.gathering(fitting: rows) }
        )
    }
}
