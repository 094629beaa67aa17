package import MartletDefinitions

/// A HyperLogLog sketch of different values: the state of `approx_distinct`, and of `distinct` beyond its limit.
///
/// 4,096 registers of one byte each hold the longest run of leading zeros among the 64-bit hashes that fall to them
/// (Flajolet et al., "HyperLogLog", 2007; 64-bit hashes: Heule et al., "HyperLogLog in Practice", 2013). Registers are
/// merged by their maximum, which knows no order, and has no inverse. The estimate is Ertl's ("New cardinality
/// estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, 2017, algorithm 6), which needs no tables of
/// corrections and is good from 0 on. The standard error is 1.04 / sqrt(4096) = 1.63 %.
package struct Registers: Accumulator {
    package static let count = 4_096
    /// The bits of a hash that choose the register, and those that are left.
    private static let indexBitCount = 12
    private static let rankMaximum = 64 - indexBitCount + 1

    /// Empty before the first value, so that nothing is nothing.
    package private(set) var ranks: [UInt8] = []

    package init() {}

    /// - Precondition: one rank a register, not all zero.
    init(ranks: [UInt8]) { self.ranks = ranks }

    package static var zero: Registers { Registers() }

    /// - Parameter input: a hash, by `sketchHash`.
    package static func lift(_ input: UInt64) -> Registers {
        var state = Registers()
        state.add(input)
        return state
    }

    package mutating func add(_ input: UInt64) {
        if ranks.isEmpty { ranks = [UInt8](repeating: 0, count: Self.count) }
        let index = Int(input &>> UInt64(64 - Self.indexBitCount))
        // The bit below the hash ends the run.
        let rest = input &<< UInt64(Self.indexBitCount) | 1 &<< UInt64(Self.indexBitCount - 1)
        let rank = UInt8(truncatingIfNeeded: rest.leadingZeroBitCount &+ 1)
        if rank > ranks[index] { ranks[index] = rank }
    }

    package mutating func combine(_ other: Registers) {
        if other.ranks.isEmpty { return }
        if ranks.isEmpty {
            ranks = other.ranks
            return
        }
        other.ranks.withUnsafeBufferPointer { other in
            ranks.withUnsafeMutableBufferPointer { ranks in
                for index in 0..<Self.count { ranks[index] = max(ranks[index], other[index]) }
            }
        }
    }

    package static var traits: StateTraits { StateTraits(maximumByteCount: 8 + count, isOrderSensitive: false) }

    package func lower(_: AggregateFunction, _: LoweringParameters) -> Lowered<Int64>? { .integer(estimate) }

    /// The number of different values.
    package var estimate: Int64 {
        if ranks.isEmpty { return 0 }
        var histogram = [Int](repeating: 0, count: Self.rankMaximum + 1)
        for rank in ranks { histogram[min(Int(rank), Self.rankMaximum)] += 1 }
        let registers = Double(Self.count)
        var sum = registers * tau(1 - Double(histogram[Self.rankMaximum]) / registers)
        for rank in stride(from: Self.rankMaximum - 1, through: 1, by: -1) {
            sum = 0.5 * (sum + Double(histogram[rank]))
        }
        sum += registers * sigma(Double(histogram[0]) / registers)
        // 1 / (2 ln 2), of infinitely many registers. Full ones have no estimate.
        return Int64(min(0.721347520444481703680 * registers * registers / sum, 0x1p62).rounded())
    }
}

/// `x + sum of x^(2^k) * 2^(k-1)`.
/// - Precondition: `0 <= x < 1`.
private func sigma(_ value: Double) -> Double {
    var power = value
    var factor = 1.0
    var sum = value
    while true {
        power *= power
        let before = sum
        sum += power * factor
        factor += factor
        if sum == before { return sum }
    }
}

/// `(1 - x - sum of (1 - x^(2^-k))^2 * 2^-k) / 3`.
private func tau(_ value: Double) -> Double {
    if value == 0 || value == 1 { return 0 }
    var root = value
    var factor = 1.0
    var sum = 1 - value
    while true {
        root = root.squareRoot()
        let before = sum
        factor *= 0.5
        sum -= (1 - root) * (1 - root) * factor
        if sum == before { return sum / 3 }
    }
}

/// The finalizer of MurmurHash3, which is a bijection: different numbers have different hashes. Tiles hold what comes
/// of it, so that it never changes.
@inline(__always)
func sketchHash(_ key: Int64) -> UInt64 {
    var word = UInt64(bitPattern: key)
    word ^= word &>> 33
    word &*= 0xFF51_AFD7_ED55_8CCD
    word ^= word &>> 33
    word &*= 0xC4CE_B9FE_1A85_EC53
    return word ^ (word &>> 33)
}

func sketchHash(_ text: UnsafeRawBufferPointer) -> UInt64 { sketchHash(Int64(bitPattern: tileChecksum(text))) }
