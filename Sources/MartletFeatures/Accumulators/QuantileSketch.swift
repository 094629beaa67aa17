package import MartletDefinitions

/// A sketch of the distribution of numbers: the state of `quantile`.
///
/// DDSketch (Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees",
/// VLDB 2019) with buckets between powers of two in 64 equal parts (its linearly interpolated mapping), so that the
/// bucket of a double is the upper 18 bits of it: no logarithm, the same on every machine. A bucket is counted, and
/// counts know no order and have an inverse, which KLL and t-digest do not offer (ADR 0007). No buckets are ever
/// collapsed: all doubles have 262,017 of them.
///
/// The quantile `q` of n values is the one with `floor(q * (n - 1))` values before it. What is returned is within 1/129
/// (0.78 %) of it, relatively, and within 2^-1028 for the subnormal ones; 0 and the infinities are exact.
package struct QuantileSketch: InvertibleAccumulator {
    /// By bucket; never zero.
    package var counts: [Int32: Int64] = [:]

    package init() {}

    package static var zero: QuantileSketch { QuantileSketch() }

    package static func lift(_ input: Number) -> QuantileSketch {
        var state = QuantileSketch()
        state.add(input)
        return state
    }

    package mutating func add(_ input: Number) { adjust(bucket(of: input), by: 1) }
    package mutating func remove(_ input: Number) { adjust(bucket(of: input), by: -1) }

    package mutating func combine(_ other: QuantileSketch) {
        for (bucket, count) in other.counts { adjust(bucket, by: count) }
    }

    package mutating func subtract(_ other: QuantileSketch) {
        for (bucket, count) in other.counts { adjust(bucket, by: -count) }
    }

    private mutating func adjust(_ bucket: Int32, by amount: Int64) {
        let count = counts[bucket, default: 0] + amount
        counts[bucket] = count == 0 ? nil : count
    }

    /// 8 bytes a bucket. Values between 0.01 and 1,000,000 have 1,700 buckets.
    package static var traits: StateTraits {
        StateTraits(maximumByteCount: 8 + 8 * 262_017, isOrderSensitive: false)
    }

    package func lower(_: AggregateFunction, _ parameters: LoweringParameters) -> Lowered<Int64>? {
        let total = counts.values.reduce(0, +)
        if total == 0 { return nil }
        let rank = quantileRank(parameters.quantile, count: total)
        var before: Int64 = 0
        for (bucket, count) in counts.sorted(by: { $0.key < $1.key }) {
            before += count
            if before > rank { return .real(value(ofBucket: bucket)) }
        }
        preconditionFailure("the rank is below the count")
    }
}

/// How many of `count` values come before the quantile.
func quantileRank(_ quantile: Double, count: Int64) -> Int64 {
    min(count - 1, Int64((quantile * Double(count - 1)).rounded(.down)))
}

private let bucketShift: Int64 = 46
/// Those of all doubles, the infinities too.
let buckets: ClosedRange<Int32> = -131_009...131_008

private func bucket(of number: Number) -> Int32 {
    switch number {
    case .integer(let value): bucket(of: Double(value))
    case .real(let value): bucket(of: value)
    }
}

/// Buckets ascend with their values. Zero is in bucket 0 with the smallest positive numbers.
@inline(__always)
func bucket(of value: Double) -> Int32 {
    Int32(truncatingIfNeeded: orderedBits(value == 0 ? 0 : value) &>> bucketShift)
}

/// The middle of a bucket, of least relative error to both of its ends.
func value(ofBucket bucket: Int32) -> Double {
    if bucket < 0 { return -value(ofBucket: -1 - bucket) }
    if bucket == 0 { return 0 }
    let low = Double(bitPattern: UInt64(bucket) << UInt64(bucketShift))
    if low.isInfinite { return low }
    let high = Double(bitPattern: UInt64(bucket + 1) << UInt64(bucketShift))
    // The greatest bucket ends at infinity.
    if high.isInfinite { return low * (1 + 1 / 129) }
    // 2 * low * high / (low + high), without leaving the range of a double.
    return low * (high / (0.5 * low + 0.5 * high))
}
