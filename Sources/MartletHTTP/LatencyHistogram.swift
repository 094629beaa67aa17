/// Durations by their size, each bucket at most 1.6 % wide (64 in each power of two), after HdrHistogram.
package struct LatencyHistogram: Sendable {
    private static let stepBits = 6
    private var counts = [UInt64](repeating: 0, count: (64 - stepBits + 1) << stepBits)
    package private(set) var count: UInt64 = 0
    package private(set) var maximumNanoseconds: UInt64 = 0

    package init() {}

    package mutating func record(nanoseconds: UInt64) {
        counts[Self.bucket(nanoseconds)] += 1
        count += 1
        maximumNanoseconds = max(maximumNanoseconds, nanoseconds)
    }

    package static func += (left: inout LatencyHistogram, right: LatencyHistogram) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
        left.count += right.count
        left.maximumNanoseconds = max(left.maximumNanoseconds, right.maximumNanoseconds)
    }

    /// The duration that `share` (0 to 1) of all do not exceed, rounded up to its bucket's end; 0 where there are none.
    package func nanoseconds(atShare share: Double) -> UInt64 {
        let wanted = UInt64((Double(count) * share).rounded(.up))
        var seen: UInt64 = 0
        for (bucket, found) in counts.enumerated() where found > 0 {
            seen += found
            if seen >= wanted { return min(Self.upperBound(bucket), maximumNanoseconds) }
        }
        return maximumNanoseconds
    }

    private static func bucket(_ value: UInt64) -> Int {
        guard value >= 1 << stepBits else { return Int(value) }
        let power = 63 - value.leadingZeroBitCount
        let step = Int(value >> UInt64(power - stepBits)) & (1 << stepBits - 1)
        return (power - stepBits + 1) << stepBits | step
    }

    private static func upperBound(_ bucket: Int) -> UInt64 {
        guard bucket >= 1 << stepBits else { return UInt64(bucket) }
        let power = bucket >> stepBits + stepBits - 1
        let step = UInt64(bucket & (1 << stepBits - 1))
        let width = UInt64(1) << UInt64(power - stepBits)
        return (1 << UInt64(power)) + step * width + (width - 1)
    }
}
