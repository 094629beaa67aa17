import FoundationEssentials
import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

@Suite("The laws of accumulators")
struct AccumulatorLawTests {
    @Test("order, splits and detours leave no trace in states of numbers", arguments: ValueKind.allCases)
    func numbers(_ kind: ValueKind) {
        for seed in UInt64(1)...12 {
            var random = SeededRandom(seed: seed, stream: 200 + UInt64(kind.rawValue))
            let numbers = (0..<Int.random(in: 1...30, using: &random)).map { _ -> Number in
                Int.random(in: 0..<5, using: &random) == 0
                    ? .integer(Int64.random(in: .min ... .max, using: &random)) : .real(kind.value(&random))
            }
            invertibleLaws(Moments.self, numbers + [.integer(.min), .integer(.max), .integer(.min)], seed)
            invertibleLaws(SkewMoments.self, numbers + [.integer(.min)], seed)
            invertibleLaws(QuantileSketch.self, numbers, seed)
            let decayed = numbers.map {
                DecayedSums.Input(
                    time: Int64.random(in: -1 << 40...1 << 40, using: &random), number: $0, halfLife: 3_600_000_000)
            }
            invertibleLaws(DecayedSums.self, decayed, seed)
            let split = numbers.map {
                KeyedMoments<Int64>.Input(category: Int64.random(in: 0..<4, using: &random), number: $0)
            }
            invertibleLaws(KeyedMoments<Int64>.self, split, seed)
            let splitByText = split.map {
                KeyedMoments<ByteKey>.Input(category: ByteKey("\($0.category)".utf8), number: $0.number)
            }
            invertibleLaws(KeyedMoments<ByteKey>.self, splitByText, seed)
        }
    }

    @Test("order, splits and detours leave no trace in states of values, times and lists", arguments: UInt64(1)...40)
    func others(_ seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: 300)
        let count = Int.random(in: 1...60, using: &random)
        let values = (0..<count).map { _ in Int64.random(in: 0..<12, using: &random) }
        invertibleLaws(ValueCounts<Int64>.self, values, seed)
        invertibleLaws(ValueCounts<ByteKey>.self, values.map { ByteKey("\($0)".utf8) }, seed)
        laws(Registers.self, values.map { sketchHash($0) }, seed)
        laws(Newest.self, values, seed)
        invertibleLaws(RowCount.self, values.map { _ in () }, seed)
        laws(Extremes<Int64>.self, values, seed)
        laws(Extremes<ByteKey>.self, values.map { ByteKey("\($0)".utf8) }, seed)
        let times = (0..<count).map { _ in Int64.random(in: -500..<500, using: &random) }
        laws(Sessions.self, times.map { Sessions.Input(time: $0, gap: 10) }, seed)
        let ends = zip(times, values).enumerated().map { index, pair in
            Ends<Int64>.End(
                order: OrderKey(eventTime: pair.0, arrivalTime: 0, position: Int64(index)), value: pair.1)
        }
        let textEnds = ends.map { Ends<ByteKey>.End(order: $0.order, value: ByteKey("\($0.value)".utf8)) }
        laws(Ends<Int64>.self, ends, seed)
        laws(Ends<ByteKey>.self, textEnds, seed)
        for isFirst in [false, true] {
            laws(EndList<Int64>.self, ends.map { .init(end: $0, length: 4, isFirst: isFirst) }, seed)
            laws(EndList<ByteKey>.self, textEnds.map { .init(end: $0, length: 4, isFirst: isFirst) }, seed)
        }
    }

    @Test("beyond the limit order and splits leave no trace either", arguments: UInt64(1)...4)
    func lawsBeyondLimit(_ seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: 310)
        let values = (0..<Int64(differentValuesMaximum + 40 * Int(seed))).shuffled(using: &random)
        let texts = values.map { ByteKey("merchant \($0)".utf8) }
        limitedLaws(ValueCounts<Int64>.self, values, seed) { $0.limited }
        limitedLaws(ValueCounts<ByteKey>.self, texts, seed) { $0.limited }
        limitedLaws(
            KeyedMoments<Int64>.self, values.map { .init(category: $0, number: .integer($0)) }, seed
        ) { $0.limited }
        limitedLaws(
            KeyedMoments<ByteKey>.self, texts.map { .init(category: $0, number: .real(0.5)) }, seed
        ) { $0.limited }
    }

    @Test("beyond the limit of different values a part decides for the whole, whatever is merged first")
    func limits() {
        let limit = Int64(differentValuesMaximum)
        func counts(_ range: Range<Int64>) -> ValueCounts<Int64> {
            var state = ValueCounts<Int64>()
            for value in range { state.add(value) }
            return state
        }
        let exact = combined([counts(0..<limit / 2).limited, counts(limit / 4..<limit).limited])
        #expect(exact.lower(.distinct) == .integer(limit))
        let parts = [counts(0..<limit + 500).limited, counts(300..<900).limited, counts(limit..<2 * limit).limited]
        let orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0]].map { order in combined(order.map { parts[$0] }) }
        let whole = counts(0..<2 * limit)
        for state in orders {
            #expect(state.limited == whole.limited)
            #expect(state.lower(.distinct) == whole.lower(.distinct))
            #expect(state.lower(.topK, LoweringParameters(length: 2)) == nil)
            #expect(state.lower(.histogram) == nil)
        }
        // Two exact parts whose union is beyond: nothing of them is a sketch yet.
        let union = combined([counts(0..<limit).limited, counts(limit..<2 * limit).limited])
        #expect(union.lower(.distinct) == whole.lower(.distinct))

        func keyed(_ range: Range<Int64>) -> KeyedMoments<Int64> {
            var state = KeyedMoments<Int64>()
            for value in range { state.add(.init(category: value, number: .integer(1))) }
            return state.limited
        }
        #expect(keyed(0..<limit).lower(.sum) != nil)
        #expect(combined([keyed(0..<limit), keyed(1..<limit + 1)]).lower(.sum) == nil)
        #expect(combined([keyed(0..<limit + 1), keyed(0..<1)]).lower(.sum) == nil)
        #expect(combined([keyed(0..<1), keyed(0..<limit + 1)]) == keyed(0..<limit + 1))
    }

    @Test("no state takes more bytes in a tile than its family declares")
    func sizes() throws {
        var random = SeededRandom(seed: 5)
        let numbers = (0..<3_000).map { _ in Number.real(ValueKind.anything.value(&random)) } + [.real(.infinity)]
        try expectSize(.skewness, SkewMoments.self, numbers)
        try expectSize(.quantile, QuantileSketch.self, numbers)
        let hashes = (0..<Int64(3_000)).map { sketchHash($0) }
        try expectSize(.approxDistinct, Registers.self, hashes)
        try expectSize(.approxDistinct, Registers.self, Array(hashes.prefix(1_000)))
        try expectSize(.distinct, ValueCounts<Int64>.self, Array(0..<Int64(differentValuesMaximum)))
        try expectSize(.distinct, ValueCounts<Int64>.self, Array(0..<Int64(9_000)))
        let ends = (0..<Int64(2_000)).map {
            EndList<Int64>.Input(
                end: .init(order: OrderKey(eventTime: $0, arrivalTime: 0, position: $0), value: $0), length: 1_000,
                isFirst: true)
        }
        try expectSize(.firstN, EndList<Int64>.self, ends)
    }

    @Test("docs/semantics.md has what each state declares of itself")
    func documentedTraits() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let data = try #require(FileManager.default.contents(atPath: root + "/docs/semantics.md"))
        let rows = String(decoding: data, as: UTF8.self).split(separator: "\n")
            .drop { !$0.hasPrefix("| State of |") }.dropFirst(2).prefix { $0.hasPrefix("|") }
            .map { row in row.split(separator: "|").map { $0.drop { $0 == " " } } }
        let states: [(String, StateTraits)] = [
            ("rows: `count`", RowCount.traits), ("numbers: `count`", Moments.traits),
            ("`skewness`", SkewMoments.traits), ("`min`", Extremes<Int64>.traits), ("`first`", Ends<Int64>.traits),
            ("`first_n`", EndList<Int64>.traits), ("`time_since_last`", Newest.traits),
            ("`distinct`", ValueCounts<Int64>.traits), ("`approx_distinct`", Registers.traits),
            ("`quantile`", QuantileSketch.traits), ("`count`", KeyedMoments<Int64>.traits),
            ("`decayed_sum`", DecayedSums.traits), ("`session_count`", Sessions.traits),
        ]
        #expect(rows.count == states.count)
        for (row, (name, traits)) in zip(rows, states) {
            #expect(row.count == 3 && row[0].hasPrefix(name), "\(row)")
            #expect(row[1].hasPrefix(traits.maximumByteCount.map { "\($0) " } ?? "grows with "), "\(row)")
            #expect(row[2].hasPrefix(traits.isOrderSensitive ? "yes" : "no"), "\(row)")
        }
    }

    private func expectSize<State: TailState>(
        _ function: AggregateFunction, _: State.Type, _ inputs: [State.Input]
    ) throws {
        let plan = try WindowPlan(
            aggregates: [
                WindowAggregate(
                    name: "a", function: function, column: "x", columnType: .float64,
                    parameters: AggregateParameters(quantile: 0.5, length: 1_000), windows: [.days(1)])
            ], inputColumns: ["x": 0])
        let writer = TileWriter()
        var state = State.zero
        for input in inputs { state.add(input) }
        state.append(to: writer, plan.tileLayout.tiers[0].slots[0])
        let maximum = try #require(State.traits.maximumByteCount)
        #expect(writer.count > 0 && writer.count <= maximum, "\(State.self): \(writer.count) of \(maximum)")
    }
}

private func combined<State: Accumulator>(_ states: [State]) -> State {
    states.reduce(into: State.zero) { $0.combine($1) }
}

private func folded<State: Accumulator>(_: State.Type, _ inputs: some Sequence<State.Input>) -> State {
    var state = State.zero
    for input in inputs { state.add(input) }
    return state
}

private func laws<State: Accumulator>(_: State.Type, _ inputs: [State.Input], _ seed: UInt64) {
    var random = SeededRandom(seed: seed, stream: 400)
    let whole = folded(State.self, inputs)
    #expect(folded(State.self, inputs.shuffled(using: &random)) == whole, "\(State.self), seed \(seed)")
    #expect(combined(inputs.map(State.lift).shuffled(using: &random)) == whole, "\(State.self), seed \(seed)")
    let first = Int.random(in: 0...inputs.count, using: &random)
    let second = Int.random(in: first...inputs.count, using: &random)
    let parts = [inputs[..<first], inputs[first..<second], inputs[second...]].map { folded(State.self, $0) }
    #expect(combined([combined([parts[0], parts[1]]), parts[2]]) == whole, "\(State.self), seed \(seed)")
    #expect(combined([parts[2], combined([parts[1], parts[0]])]) == whole, "\(State.self), seed \(seed)")
    #expect(combined([State.zero, whole]) == whole && combined([whole, State.zero]) == whole)
}

/// Parts as tiles keep them, beyond the limit or not, give what the whole does.
private func limitedLaws<State: Accumulator>(
    _: State.Type, _ inputs: [State.Input], _ seed: UInt64, _ limited: (State) -> State
) {
    var random = SeededRandom(seed: seed, stream: 410)
    let whole = limited(folded(State.self, inputs))
    #expect(whole != folded(State.self, inputs), "\(State.self) is beyond its limit")
    for _ in 0..<4 {
        let shuffled = inputs.shuffled(using: &random)
        // Overlapping parts, the first of them beyond the limit by itself in some rounds.
        let first = Int.random(in: 0...inputs.count, using: &random)
        let second = Int.random(in: 0...first, using: &random)
        let parts = [shuffled[..<first], shuffled[second...], shuffled[second..<first]].map {
            limited(folded(State.self, $0))
        }
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let merged = limited(combined(order.map { parts[$0] }))
            #expect(merged == whole, "\(State.self), seed \(seed), \(first) and \(second) of \(inputs.count)")
            #expect(limited(combined([merged, .zero])) == whole && limited(combined([.zero, merged])) == whole)
        }
    }
}

private func invertibleLaws<State: InvertibleAccumulator>(_: State.Type, _ inputs: [State.Input], _ seed: UInt64) {
    laws(State.self, inputs, seed)
    var random = SeededRandom(seed: seed, stream: 500)
    let cut = Int.random(in: 0...inputs.count, using: &random)
    let kept = folded(State.self, inputs[..<cut])
    var state = folded(State.self, inputs)
    state.subtract(folded(State.self, inputs[cut...]))
    #expect(state == kept, "\(State.self), seed \(seed)")
    for input in inputs[cut...] { state.add(input) }
    for input in inputs[cut...].shuffled(using: &random) { state.remove(input) }
    #expect(state == kept, "\(State.self), seed \(seed)")
    for input in inputs[..<cut] { state.remove(input) }
    #expect(state == .zero, "\(State.self), seed \(seed)")
}
