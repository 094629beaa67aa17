import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

@Suite("Moments")
struct MomentsTests {
    private static let greatest = Double.greatestFiniteMagnitude
    private static let smallest = Double.leastNonzeroMagnitude

    @Test(
        "sums are correctly rounded",
        arguments: [
            ([], 0.0),
            ([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 1.0),
            ([1e16, 1, -1e16], 1),
            ([1e300, 1, 1e-300, -1e300], 1),
            ([1e300, 1e-300, -1e300], 1e-300),
            ([greatest, greatest, -greatest], greatest),
            ([greatest, greatest], .infinity),
            ([-greatest, -greatest], -.infinity),
            ([smallest, smallest], 2 * smallest),
            ([smallest, -smallest], 0),
            ([-0.0, -0.0], 0),
            ([0x1p53, 1], 0x1p53),
            ([0x1p53, 1, 0x1p-80], 0x1p53 + 2),
            ([0x1p53, 1, 0x1p-1000], 0x1p53 + 2),
            ([0x1p53 + 2, 1], 0x1p53 + 4),
            ([.infinity, 1], .infinity),
            ([-.infinity, greatest, greatest], -.infinity),
        ] as [([Double], Double)])
    func sum(_ values: [Double], _ expected: Double) {
        #expect(moments(values).lower(.sum)?.bitPattern == expected.bitPattern)
    }

    @Test("infinities of both signs make the sum, the mean and the stddev NaN")
    func bothInfinities() {
        let state = moments([.infinity, -.infinity, 3])
        #expect(state.lower(.sum)?.isNaN == true)
        #expect(state.lower(.mean)?.isNaN == true)
        #expect(state.lower(.stddev)?.isNaN == true)
        #expect(state.count == 3)
    }

    @Test(
        "means and standard deviations have their values",
        arguments: [
            ([], nil, nil),
            ([5], 5, nil),
            ([1, 2, 3, 4], 2.5, 1.2909944487358056),
            ([7.3, 7.3, 7.3], 7.3, 0),
            ([1e9 + 1, 1e9 + 2, 1e9 + 3], 1e9 + 2, 1),
            ([greatest, greatest], greatest, 0),
            ([1e300, -1e300], 0, 1.414213562373095e300),
            ([1e-300, 3e-300], 2e-300, 1.4142135623730953e-300),
            ([.infinity], .infinity, nil),
        ] as [([Double], Double?, Double?)])
    func meanAndDeviation(_ values: [Double], _ mean: Double?, _ deviation: Double?) {
        #expect(moments(values).lower(.mean) == mean)
        let found = moments(values).lower(.stddev)
        #expect((found == nil) == (deviation == nil))
        if let found, let deviation { #expect(abs(found - deviation) <= deviation * 4e-16) }
    }

    @Test("integers are summed as integers, beyond what a double holds")
    func integers() {
        var state = Moments()
        for value in [Int64.max, 1, -1, Int64.min, Int64.min, 2] { state.add(.integer(value)) }
        // max + 1 - 1 + 2 * min + 2 = min + 1
        #expect(state.lower(.sum) == -0x1p63)
        state.add(.integer(.max))
        #expect(state.lower(.sum) == 0)
        state.add(.integer(9_007_199_254_740_993))
        state.add(.integer(-9_007_199_254_740_992))
        #expect(state.lower(.sum) == 1)
    }

    @Test("random values equal exact arithmetic, whatever their size", arguments: ValueKind.allCases)
    func random(_ kind: ValueKind) {
        for seed in UInt64(1)...60 {
            var random = SeededRandom(seed: seed, stream: UInt64(kind.rawValue))
            let values = (0..<Int.random(in: 0...40, using: &random)).map { _ in kind.value(&random) }
            let state = moments(values)
            let exact = ExactMoments(values)
            #expect(state.lower(.sum)?.bitPattern == exact.sum.bitPattern, "seed \(seed) \(kind) \(values)")
            #expect(state.lower(.mean)?.bitPattern == exact.mean?.bitPattern, "seed \(seed) \(kind) \(values)")
            #expect(
                state.lower(.stddev)?.bitPattern == exact.standardDeviation?.bitPattern,
                "seed \(seed) \(kind) \(values)")
            if kind != .infinite {
                #expect(
                    state.lower(.sum)?.bitPattern == shewchukSum(values).bitPattern, "seed \(seed) \(kind) \(values)")
            }
        }
    }

    @Test("order, splits and detours leave no trace in the state", arguments: ValueKind.allCases)
    func laws(_ kind: ValueKind) {
        for seed in UInt64(1)...40 {
            var random = SeededRandom(seed: seed, stream: 100 + UInt64(kind.rawValue))
            let values = (0..<Int.random(in: 1...30, using: &random)).map { _ in kind.value(&random) }
            let whole = moments(values)
            #expect(moments(values.shuffled(using: &random)) == whole, "seed \(seed) \(kind)")
            let cut = Int.random(in: 0...values.count, using: &random)
            var left = moments(Array(values[..<cut]))
            let right = moments(Array(values[cut...]))
            left.combine(right)
            #expect(left == whole, "seed \(seed) \(kind)")
            left.subtract(right)
            #expect(left == moments(Array(values[..<cut])), "seed \(seed) \(kind)")
            for value in values[..<cut] { left.remove(.real(value)) }
            #expect(left == .zero, "seed \(seed) \(kind)")
        }
    }

    private func moments(_ values: [Double]) -> Moments {
        var state = Moments()
        for value in values { state.add(.real(value)) }
        return state
    }
}

/// Kinds of random numbers: plain ones, and those that break careless sums.
enum ValueKind: Int, CaseIterable, Sendable {
    case cents, unit, integers, edgeOfNarrow, huge, tiny, anything, infinite

    func value(_ random: inout SeededRandom) -> Double {
        let sign: Double = Bool.random(using: &random) ? 1 : -1
        switch self {
        case .cents: return Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 100
        case .unit: return random.uniform()
        case .integers: return Double(Int.random(in: -5...5, using: &random))
        case .edgeOfNarrow:
            let exponent =
                Bool.random(using: &random)
                ? Int.random(in: -31 ... -26, using: &random) : Int.random(in: 60...65, using: &random)
            return sign * Double(sign: .plus, exponent: exponent, significand: 1 + random.uniform())
        case .huge:
            return sign
                * Double(
                    sign: .plus, exponent: Int.random(in: 900...1_000, using: &random),
                    significand: 1 + random.uniform())
        case .tiny: return sign * Double(bitPattern: UInt64.random(in: 0...1 << 54, using: &random))
        case .anything:
            let exponent = Int.random(in: -1_074...1_000, using: &random)
            return Int.random(in: 0...9, using: &random) == 0
                ? 0 * sign : sign * Double(sign: .plus, exponent: exponent, significand: 1 + random.uniform())
        case .infinite:
            return Int.random(in: 0...9, using: &random) == 0 ? sign * .infinity : sign * random.uniform()
        }
    }
}
