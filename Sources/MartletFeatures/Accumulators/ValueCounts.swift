package import MartletDefinitions

/// A value that is counted: the ordered bits of a number, or a text.
package protocol CountedValue: Hashable, Comparable, Sendable {
    var sketchHash: UInt64 { get }
}

extension Int64: CountedValue {
    package var sketchHash: UInt64 { MartletFeatures.sketchHash(self) }
}

extension ByteKey: CountedValue {
    package var sketchHash: UInt64 { bytes.withUnsafeBytes { MartletFeatures.sketchHash($0) } }
}

/// How many different values a window, and a tile, counts one by one. Beyond it `distinct` is an estimate, and
/// `top_k`, `histogram` and aggregates `by` a column are null, never wrong.
package let differentValuesMaximum = 1_024

/// The different values with the number of times each occurs: the state of `distinct`, `top_k` and `histogram`.
///
/// Exact up to `differentValuesMaximum` different values. Beyond it a tile keeps only a HyperLogLog sketch of them
/// (`Registers`, whose error `distinct` then has; it is never given as less than the limit). Whether a window is exact
/// depends on the union of its values alone: a part beyond the limit puts the whole beyond it. The counts are the
/// inverse, up to the limit; beyond it whoever retracts rebuilds.
package struct ValueCounts<Value: CountedValue>: InvertibleAccumulator {
    package var counts: [Value: Int64]
    /// Of all values, once a part of them went beyond the limit; `counts` is empty then.
    package var registers: Registers?

    package init(counts: [Value: Int64] = [:], registers: Registers? = nil) {
        self.counts = counts
        self.registers = registers
    }

    package static var zero: ValueCounts { ValueCounts() }
    package static func lift(_ input: Value) -> ValueCounts { ValueCounts(counts: [input: 1]) }

    package mutating func combine(_ other: ValueCounts) {
        if var registers = registers ?? other.registers {
            if self.registers != nil, let added = other.registers { registers.combine(added) }
            for value in counts.keys { registers.add(value.sketchHash) }
            for value in other.counts.keys { registers.add(value.sketchHash) }
            self = ValueCounts(registers: registers)
            return
        }
        for (value, count) in other.counts { adjust(value, by: count) }
    }

    package var isInvertible: Bool { registers == nil }

    package mutating func subtract(_ other: ValueCounts) {
        precondition(isInvertible && other.isInvertible, "a sketch has no inverse")
        for (value, count) in other.counts { adjust(value, by: -count) }
    }

    package mutating func add(_ input: Value) {
        if registers != nil { registers?.add(input.sketchHash) } else { adjust(input, by: 1) }
    }

    /// - Precondition: the state is not beyond the limit.
    package mutating func remove(_ input: Value) {
        precondition(registers == nil, "a sketch has no inverse")
        adjust(input, by: -1)
    }

    private mutating func adjust(_ value: Value, by amount: Int64) {
        let count = counts[value, default: 0] + amount
        counts[value] = count == 0 ? nil : count
    }

    /// The same values as a tile keeps them: beyond the limit a sketch.
    package var limited: ValueCounts {
        if counts.count <= differentValuesMaximum { return self }
        var registers = Registers()
        for value in counts.keys { registers.add(value.sketchHash) }
        return ValueCounts(registers: registers)
    }

    /// Numbers take 12 bytes each, so that the limit is above the registers; texts as many as they have and 8.
    package static var traits: StateTraits {
        StateTraits(
            maximumByteCount: Value.self == Int64.self ? 8 + 12 * differentValuesMaximum : nil,
            isOrderSensitive: false)
    }

    package func lower(_ function: AggregateFunction, _ parameters: LoweringParameters) -> Lowered<Value>? {
        let state = limited
        if let registers = state.registers {
            return function == .distinct ? .integer(estimateBeyondLimit(registers)) : nil
        }
        switch function {
        case .distinct: return .integer(Int64(counts.count))
        case .topK: return .list(mostFrequent(counts.map { ($0.key, $0.value) }, length: parameters.length))
        case .histogram:
            let sorted = counts.sorted { $0.key < $1.key }
            return .counts(sorted.map(\.key), sorted.map(\.value))
        default: preconditionFailure("\(function) is not of different values")
        }
    }
}

/// The values that occur most often, the most frequent first, ties by value.
func mostFrequent<Value: Comparable>(_ counts: [(value: Value, count: Int64)], length: Int) -> [Value] {
    counts.sorted { $0.count != $1.count ? $0.count > $1.count : $0.value < $1.value }.prefix(length).map(\.value)
}

/// The estimate of more values than are counted one by one.
func estimateBeyondLimit(_ registers: Registers) -> Int64 {
    max(registers.estimate, Int64(differentValuesMaximum) + 1)
}
