import MartletCore
import MartletDefinitions
import Testing

@Suite("Aggregates in definitions")
struct AggregateTests {
    private static let head = """
        entity: card
        key: card_id
        type: int64
        ---
        source: payments
        columns:
          card_id: int64
          amount: float64
          status: string
          merchant: string
          retries: int32
          flags: bytes
          booked: timestamp
        event_time: booked
        id: card_id
        ---
        features: spending
        entity: card
        source: payments
        windows: [1h, 7d]
        aggregates:

        """

    private static func aggregates(_ lines: [String]) -> (list: [WindowAggregate], faults: [MartletError]) {
        let text = head + lines.map { "  \($0)\n" }.joined()
        let checked = Examples.check(text)
        for case .features(let view) in checked.definitions {
            if case .windowed(let list) = view.features { return (list, checked.faults) }
        }
        return ([], checked.faults)
    }

    private static let all = [
        "n: count",
        "since: time_since_last",
        "spread: variance(amount)",
        "lean: skewness(amount)",
        "merchants: approx_distinct(merchant)",
        "middle: median(amount)",
        "high: {function: quantile, column: amount, q: 0.95, windows: [7d]}",
        "recent: {function: last_n, column: merchant, n: 5}",
        "usual: {function: top_k, column: merchant, k: 3}",
        "kinds: histogram(status)",
        "by_kind: {function: sum, column: amount, by: status}",
        "n_by_retries: {function: count, by: retries, by_type: int32}",
        "fading: {function: decayed_sum, column: amount, half_life: 2d}",
        "visits: {function: session_count, gap: 30m}",
        "share: {function: ratio, of: spread, to: n}",
    ]

    @Test("every function reads its parameters")
    func parameters() {
        let (list, faults) = Self.aggregates(Self.all)
        #expect(faults.isEmpty, "\(faults)")
        let windows: [TimeSpan] = [.hours(1), .days(7)]
        func aggregate(
            _ name: String, _ function: AggregateFunction, _ column: String? = nil, _ type: DataType = .int64,
            _ parameters: AggregateParameters = .init()
        ) -> WindowAggregate {
            WindowAggregate(
                name: name, function: function, column: column, columnType: type, parameters: parameters,
                windows: name == "high" ? [.days(7)] : windows)
        }
        let expected = [
            aggregate("n", .count),
            aggregate("since", .timeSinceLast),
            aggregate("spread", .variance, "amount", .float64),
            aggregate("lean", .skewness, "amount", .float64),
            aggregate("merchants", .approxDistinct, "merchant", .string),
            aggregate("middle", .quantile, "amount", .float64, .init(quantile: 0.5)),
            aggregate("high", .quantile, "amount", .float64, .init(quantile: 0.95)),
            aggregate("recent", .lastN, "merchant", .string, .init(length: 5)),
            aggregate("usual", .topK, "merchant", .string, .init(length: 3)),
            aggregate("kinds", .histogram, "status", .string),
            aggregate("by_kind", .sum, "amount", .float64, .init(category: "status", categoryType: .string)),
            aggregate("n_by_retries", .count, nil, .int64, .init(category: "retries", categoryType: .int32)),
            aggregate("fading", .decayedSum, "amount", .float64, .init(halfLife: .days(2))),
            aggregate("visits", .sessionCount, nil, .int64, .init(gap: .minutes(30))),
            aggregate("share", .ratio, nil, .int64, .init(dividend: "spread", divisor: "n")),
        ]
        #expect(list.count == expected.count)
        for (found, expected) in zip(list, expected) { #expect(found == expected) }
    }

    @Test("every function comes back from its canonical text")
    func canonicalText() throws {
        let text = Self.head + Self.all.map { "  \($0)\n" }.joined()
        for definition in Examples.check(text).definitions {
            let read = try Definition(canonical: definition.canonicalText)
            #expect(read == definition && read.canonicalText == definition.canonicalText)
        }
    }

    @Test(
        "what a function lacks, does not have or cannot reduce is named",
        arguments: [
            ("a: quantile(amount)", "a quantile needs `q`"),
            ("a: {function: quantile, column: amount, q: 95}", "`q` is 95.0, not between 0 and 1"),
            ("a: {function: median, column: amount, q: 0.4}", "a quantile has no `q`"),
            ("a: {function: sum, column: amount, q: 0.4}", "a sum has no `q`"),
            ("a: {function: top_k, column: merchant}", "a top_k needs `k`"),
            ("a: {function: top_k, column: merchant, k: 0}", "must be a whole number from 1 to 1000, not 0"),
            ("a: {function: last_n, column: merchant, k: 2}", "a last_n needs `n`"),
            ("a: {function: decayed_sum, column: amount}", "a decayed_sum needs `half_life`"),
            ("a: {function: decayed_sum, column: amount, half_life: 5ms}", "`half_life` is 5ms, not between 1s and"),
            ("a: session_count", "a session_count needs `gap`"),
            ("a: {function: histogram, column: amount}", "histogram needs a string, bool or integer column"),
            ("a: {function: sum, column: amount, by: amount}", "`by` needs a string, bool or integer column"),
            ("a: {function: max, column: amount, by: status}", "a max has no `by`"),
            ("a: {function: sum, column: amount, by: stats}", "needs the column `stats`"),
            ("a: {function: sum, column: amount, by_type: string}", "has `by_type` but no `by`"),
            ("a: {function: decayed_mean, column: merchant, half_life: 1d}", "decayed_mean needs a numeric column"),
            ("a: ratio(amount)", "a ratio has no column"),
            ("a: {function: ratio, of: n}", "a ratio needs `to`"),
            ("a: {function: ratio, of: n, to: m}", "the view has no aggregate `m`"),
            ("a: {function: ratio, of: n, to: a}", "`a` is no number that can be divided"),
            ("a: {function: ratio, of: n, to: n, windows: [2h]}", "`n` has no window 2h"),
            ("a: {function: ratio, of: n, to: n, exact: true}", "have windows of different kinds"),
            ("a: approx_distnct(amount)", "is not an aggregate such as count or sum(amount)"),
        ])
    func faults(_ line: String, _ message: String) {
        let faults = Self.aggregates(["n: count", line]).faults
        let shown = faults.map(\.description).joined(separator: "\n")
        #expect(faults.contains { $0.message.contains(message) }, "\(shown)")
        #expect(faults.count <= 3, "one mistake, many faults:\n\(shown)")
    }
}
