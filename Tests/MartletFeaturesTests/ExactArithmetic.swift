/// Integers without limit, for oracles: sign and 32-bit limbs, least first. Schoolbook, and nothing shared with the
/// kernels.
struct BigInteger {
    var isNegative = false
    var limbs: [UInt32] = []

    init() {}

    init(_ value: UInt64) {
        limbs = [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        trim()
    }

    private mutating func trim() {
        while limbs.last == 0 { limbs.removeLast() }
        if limbs.isEmpty { isNegative = false }
    }

    static func shifted(_ value: BigInteger, left bits: Int) -> BigInteger {
        var result = BigInteger()
        result.isNegative = value.isNegative
        result.limbs = [UInt32](repeating: 0, count: bits / 32)
        var carry: UInt64 = 0
        for limb in value.limbs {
            let word = UInt64(limb) << UInt64(bits % 32) | carry
            result.limbs.append(UInt32(truncatingIfNeeded: word))
            carry = word >> 32
        }
        result.limbs.append(UInt32(carry))
        result.trim()
        return result
    }

    static func + (left: BigInteger, right: BigInteger) -> BigInteger {
        var result = BigInteger()
        if left.isNegative == right.isNegative {
            result.isNegative = left.isNegative
            var carry: UInt64 = 0
            for index in 0..<max(left.limbs.count, right.limbs.count) {
                carry += UInt64(left.limb(index)) + UInt64(right.limb(index))
                result.limbs.append(UInt32(truncatingIfNeeded: carry))
                carry >>= 32
            }
            result.limbs.append(UInt32(carry))
        } else {
            let (large, small) = left.isMagnitudeLess(than: right) ? (right, left) : (left, right)
            result.isNegative = large.isNegative
            var borrow: Int64 = 0
            for index in 0..<large.limbs.count {
                var digit = Int64(large.limb(index)) - Int64(small.limb(index)) - borrow
                borrow = digit < 0 ? 1 : 0
                if digit < 0 { digit += 1 << 32 }
                result.limbs.append(UInt32(digit))
            }
        }
        result.trim()
        return result
    }

    static prefix func - (value: BigInteger) -> BigInteger {
        var result = value
        result.isNegative = !value.isNegative && !value.limbs.isEmpty
        return result
    }

    static func * (left: BigInteger, right: BigInteger) -> BigInteger {
        var result = BigInteger()
        result.limbs = [UInt32](repeating: 0, count: left.limbs.count + right.limbs.count)
        for (i, a) in left.limbs.enumerated() {
            var carry: UInt64 = 0
            for (j, b) in right.limbs.enumerated() {
                carry += UInt64(result.limbs[i + j]) + UInt64(a) * UInt64(b)
                result.limbs[i + j] = UInt32(truncatingIfNeeded: carry)
                carry >>= 32
            }
            result.limbs[i + right.limbs.count] = UInt32(carry)
        }
        result.isNegative = left.isNegative != right.isNegative
        result.trim()
        return result
    }

    private func limb(_ index: Int) -> UInt32 { index < limbs.count ? limbs[index] : 0 }

    private func isMagnitudeLess(than other: BigInteger) -> Bool {
        if limbs.count != other.limbs.count { return limbs.count < other.limbs.count }
        for index in limbs.indices.reversed() where limbs[index] != other.limbs[index] {
            return limbs[index] < other.limbs[index]
        }
        return false
    }

    private var bitWidth: Int { limbs.isEmpty ? 0 : 32 * limbs.count - limbs[limbs.count - 1].leadingZeroBitCount }
    private func bit(_ index: Int) -> Bool { limb(index / 32) >> UInt32(index % 32) & 1 == 1 }

    /// Rounded to 53 bits, ties to even: `significand * 2^exponent` with a significand of magnitude 1 up to 2.
    var rounded: (significand: Double, exponent: Int) {
        let width = bitWidth
        if width == 0 { return (0, 0) }
        var kept: UInt64 = 0
        for offset in 0..<53 { kept = kept << 1 | (width - 1 - offset >= 0 && bit(width - 1 - offset) ? 1 : 0) }
        if width > 53 {
            let half = bit(width - 54)
            let isMore = (0..<max(0, width - 54)).contains { bit($0) }
            if half && (isMore || kept & 1 == 1) { kept += 1 }
        }
        let magnitude = Double(kept) / 0x1p52
        let significand = magnitude == 2 ? 1 : magnitude
        return (isNegative ? -significand : significand, width - 1 + (magnitude == 2 ? 1 : 0))
    }
}

/// The moments of numbers, straight from exact arithmetic.
struct ExactMoments {
    private var parts: [(magnitude: UInt64, exponent: Int, isNegative: Bool)] = []
    private var infinities: [Double] = []
    private let count: Int

    init(_ values: [Double]) {
        count = values.count
        for value in values {
            if value.isInfinite { infinities.append(value) } else { append(value) }
        }
    }

    init(integers: [Int64]) {
        count = integers.count
        parts = integers.map { ($0.magnitude, 0, $0 < 0) }
    }

    private mutating func append(_ value: Double) {
        if value == 0 { return }
        let exponent = Int(value.exponent) - 52
        // Subnormals have fewer bits but the same spacing.
        let scaled = max(exponent, -1_074)
        let magnitude = UInt64(scaledUp(value, scaled))
        parts.append((magnitude, scaled, value < 0))
    }

    private func scaledUp(_ value: Double, _ exponent: Int) -> Double {
        // In two steps, so that the factor itself never overflows.
        let half = -exponent / 2
        return value.magnitude * Double(sign: .plus, exponent: half, significand: 1)
            * Double(sign: .plus, exponent: -exponent - half, significand: 1)
    }

    private var unit: Int { parts.map(\.exponent).min() ?? 0 }

    private var integers: [BigInteger] {
        let unit = unit
        return parts.map {
            let value = BigInteger.shifted(BigInteger($0.magnitude), left: $0.exponent - unit)
            return $0.isNegative ? -value : value
        }
    }

    private var total: (significand: Double, exponent: Int) {
        let rounded = integers.reduce(BigInteger(), +).rounded
        return (rounded.significand, rounded.exponent + unit)
    }

    private var infiniteSum: Double? {
        if infinities.isEmpty { return nil }
        return infinities.contains(.infinity) && infinities.contains(-.infinity) ? .nan : infinities[0]
    }

    var sum: Double { infiniteSum ?? scale(total.significand, total.exponent) }

    var mean: Double? {
        if count == 0 { return nil }
        return infiniteSum ?? scale(total.significand / Double(count), total.exponent)
    }

    var standardDeviation: Double? {
        if count < 2 { return nil }
        if !infinities.isEmpty { return .nan }
        var variance = deviations.significand / (Double(count) * Double(count - 1))
        var exponent = deviations.exponent
        if exponent % 2 != 0 {
            variance *= 2
            exponent -= 1
        }
        return scale(variance.squareRoot(), exponent / 2)
    }

    var variance: Double? {
        if count < 2 { return nil }
        if !infinities.isEmpty { return .nan }
        return scale(deviations.significand / (Double(count) * Double(count - 1)), deviations.exponent)
    }

    /// The adjusted Fisher-Pearson coefficient from the exact second and third moments, each rounded once.
    var skewness: Double? {
        if count < 3 { return nil }
        if !infinities.isEmpty { return .nan }
        let values = integers
        let number = BigInteger(UInt64(count))
        let sum = values.reduce(BigInteger(), +)
        let squares = values.map { $0 * $0 }.reduce(BigInteger(), +)
        let cubes = values.map { $0 * $0 * $0 }.reduce(BigInteger(), +)
        let third =
            number * number * cubes + -(BigInteger(3) * number * sum * squares) + BigInteger(2) * sum * sum * sum
        var (significand, exponent) = deviations
        if significand == 0 { return nil }
        if exponent % 2 != 0 {
            significand *= 2
            exponent -= 1
        }
        let rounded = third.rounded
        let coefficient = scale(
            rounded.significand / (significand * significand.squareRoot()),
            rounded.exponent + 3 * unit - 3 * (exponent / 2))
        let number64 = Double(count)
        return coefficient * ((number64 * (number64 - 1)).squareRoot() / (number64 - 2))
    }

    /// `n` times the sum of squared deviations.
    private var deviations: (significand: Double, exponent: Int) {
        let values = integers
        let sum = values.reduce(BigInteger(), +)
        let squares = values.map { $0 * $0 }.reduce(BigInteger(), +)
        let deviations = (BigInteger(UInt64(count)) * squares + -(sum * sum)).rounded
        return (deviations.significand, deviations.exponent + 2 * unit)
    }

    private func scale(_ significand: Double, _ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: significand)
    }
}

/// Shewchuk's exact summation with partials, as Python's `math.fsum` does it: a second opinion on sums.
func shewchukSum(_ values: [Double]) -> Double {
    var partials: [Double] = []
    for value in values {
        var x = value
        var kept: [Double] = []
        for partial in partials {
            var (large, small) = (x, partial)
            if large.magnitude < small.magnitude { swap(&large, &small) }
            let high = large + small
            let low = small - (high - large)
            if low != 0 { kept.append(low) }
            x = high
        }
        partials = kept + [x]
    }
    // The partials do not overlap: add from the greatest, and correct the one case of a half-way rounding.
    guard var high = partials.popLast() else { return 0 }
    var low = 0.0
    while let next = partials.popLast() {
        let before = high
        high = before + next
        low = next - (high - before)
        if low != 0 { break }
    }
    if let next = partials.last, (low < 0 && next < 0) || (low > 0 && next > 0) {
        let twice = low * 2
        let candidate = high + twice
        if twice == candidate - high { high = candidate }
    }
    return high == 0 ? 0 : high
}
