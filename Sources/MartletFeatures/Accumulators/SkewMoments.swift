package import MartletDefinitions

/// Count, sum, squares and cubes of numbers, exactly: the state of `skewness`, kept apart from `Moments` so that nobody
/// else pays for cubes.
///
/// The estimator is the adjusted Fisher-Pearson coefficient `G1` (Joanes and Gill, "Comparing measures of sample
/// skewness and kurtosis", 1998), which spreadsheets, pandas and DuckDB report:
/// `sqrt(n(n-1)) / (n-2) * m3 / m2^1.5`. It is made of two integers, each rounded once,
/// `D = n * squares - sum^2` and `T = n^2 * cubes - 3n * sum * squares + 2 * sum^3`, as
/// `T / D^1.5 * sqrt(n(n-1)) / (n-2)`; the relative error is at most 10 * 2^-53, however near the values are to each
/// other. Null below three values and where all are equal; NaN with an infinity.
package struct SkewMoments: InvertibleAccumulator {
    var moments = Moments()
    /// Of the narrow values.
    var cubes = FixedCubes()
    /// Of the finite values that are not narrow; nil when there are none.
    var wideCubes: WideInteger?

    /// The smallest subnormal's cube is 2^-3222.
    static let wideUnitExponent = 3 * WideMoments.sumUnitExponent
    static let wideWordCount = 3 * WideMoments.sumWordCount

    package init() {}

    package static var zero: SkewMoments { SkewMoments() }

    package static func lift(_ input: Number) -> SkewMoments {
        var state = SkewMoments()
        state.add(input)
        return state
    }

    package mutating func add(_ input: Number) {
        moments.add(input)
        adjustCubes(input, isAdded: true)
    }

    package mutating func remove(_ input: Number) {
        moments.remove(input)
        adjustCubes(input, isAdded: false)
    }

    package mutating func combine(_ other: SkewMoments) {
        moments.combine(other.moments)
        cubes &+= other.cubes
        if let added = other.wideCubes {
            var sum = wideCubes ?? WideInteger(wordCount: Self.wideWordCount)
            sum.add(added)
            wideCubes = sum
        }
    }

    package mutating func subtract(_ other: SkewMoments) {
        moments.subtract(other.moments)
        cubes &-= other.cubes
        if let removed = other.wideCubes, var sum = wideCubes {
            sum.subtract(removed)
            wideCubes = sum
        }
        dropEmptyCubes()
    }

    private mutating func adjustCubes(_ input: Number, isAdded: Bool) {
        let number: ExactNumber
        switch input {
        case .integer(let value): number = ExactNumber(value)
        case .real(let value) where value.isFinite: number = ExactNumber(value)
        case .real: return
        }
        if number.isNarrow {
            cubes.adjust(number, isAdded: isAdded)
            return
        }
        var sum = wideCubes ?? WideInteger(wordCount: Self.wideWordCount)
        let cube = cubed(number.magnitude)
        let position = 3 * (number.exponent - WideMoments.sumUnitExponent)
        let isNegative = number.isNegative == isAdded
        sum.add(low: cube.low, high: cube.middle, position: position, isNegative: isNegative)
        sum.add(low: cube.high, high: 0, position: position + 128, isNegative: isNegative)
        wideCubes = sum
        dropEmptyCubes()
    }

    private mutating func dropEmptyCubes() {
        if moments.wide?.finiteCount ?? 0 == 0 { wideCubes = nil }
    }

    /// 148 bytes, and 1,656 more where some values are not narrow.
    package static var traits: StateTraits { StateTraits(maximumByteCount: 1_804, isOrderSensitive: false) }

    package func lower(_ function: AggregateFunction, _: LoweringParameters) -> Lowered<Int64>? {
        precondition(function == .skewness, "\(function) is not of these moments")
        let count = moments.count
        if count < 3 { return nil }
        if let wide = moments.wide, wide.positiveInfinities != 0 || wide.negativeInfinities != 0 { return .real(.nan) }
        let sums = sums
        let width = sums.cubes.words.count + 4
        let number = WideInteger([UInt64(count)])
        let squared = sums.sum.times(sums.sum, wordCount: width)
        var deviations = number.times(sums.squares, wordCount: width)
        deviations.subtract(squared)
        if deviations.isZero { return nil }
        var third = number.times(number, wordCount: width).times(sums.cubes, wordCount: width)
        third.subtract(
            WideInteger([3 * UInt64(count)]).times(sums.sum, wordCount: width).times(sums.squares, wordCount: width))
        third.add(WideInteger([2]).times(sums.sum, wordCount: width).times(squared, wordCount: width))
        return .real(
            skewness(
                deviations.rounded(unitExponent: 2 * sums.unitExponent),
                third.rounded(unitExponent: 3 * sums.unitExponent), count: Double(count)))
    }

    /// All three sums as integers, in units of 2^u, 2^2u and 2^3u.
    private var sums: (sum: WideInteger, squares: WideInteger, cubes: WideInteger, unitExponent: Int) {
        guard let wide = moments.wide, let wideCubes else {
            return (
                WideInteger(moments.narrow.sum.words), WideInteger(moments.narrow.squares.words),
                WideInteger(cubes.words), FixedSum.unitExponent
            )
        }
        var total = wideCubes
        total.add(signed: cubes.words, position: FixedCubes.unitExponent - Self.wideUnitExponent)
        return (
            wide.totalSum(moments.narrow), wide.totalSquares(moments.narrow), total, WideMoments.sumUnitExponent
        )
    }
}

/// - Precondition: `deviations` is positive.
private func skewness(_ deviations: ScaledDouble, _ third: ScaledDouble, count: Double) -> Double {
    var significand = deviations.significand
    var exponent = deviations.exponent
    if exponent & 1 != 0 {
        significand *= 2
        exponent -= 1
    }
    let power = significand * significand.squareRoot()
    let coefficient = ScaledDouble(
        significand: third.significand / power, exponent: third.exponent - 3 * (exponent / 2))
    return coefficient.value * ((count * (count - 1)).squareRoot() / (count - 2))
}

/// An exact sum of cubes of narrow numbers: 512 bits in units of 2^-240. A cube is below 2^189, so that 2^47 of them
/// fit.
struct FixedCubes: Sendable, Equatable, BitwiseCopyable {
    static let unitExponent = 3 * FixedSum.unitExponent

    /// Least first.
    private var storage = SIMD8<UInt64>()

    init() {}

    init(words: [UInt64]) {
        for index in 0..<8 { storage[index] = words[index] }
    }

    var words: [UInt64] { (0..<8).map { storage[$0] } }

    /// - Precondition: the number is narrow.
    mutating func adjust(_ number: ExactNumber, isAdded: Bool) {
        if number.magnitude == 0 { return }
        let cube = cubed(number.magnitude)
        let position = UInt64(3 * (number.exponent - FixedSum.unitExponent))
        let shift = position & 63
        let back = 63 &- shift
        let place = Int(position &>> 6)
        var part = FixedCubes()
        part.storage[place] = cube.low &<< shift
        part.storage[place + 1] = (cube.middle &<< shift) | ((cube.low &>> 1) &>> back)
        part.storage[place + 2] = (cube.high &<< shift) | ((cube.middle &>> 1) &>> back)
        if place + 3 < 8 { part.storage[place + 3] = (cube.high &>> 1) &>> back }
        if number.isNegative == isAdded { self &-= part } else { self &+= part }
    }

    static func &+= (left: inout FixedCubes, right: FixedCubes) {
        var carry: UInt64 = 0
        for index in 0..<8 { left.storage[index] = addWithCarry(left.storage[index], right.storage[index], &carry) }
    }

    static func &-= (left: inout FixedCubes, right: FixedCubes) {
        var borrow: UInt64 = 0
        for index in 0..<8 {
            left.storage[index] = subtractWithBorrow(left.storage[index], right.storage[index], &borrow)
        }
    }
}

private func cubed(_ magnitude: UInt64) -> (low: UInt64, middle: UInt64, high: UInt64) {
    let square = magnitude.multipliedFullWidth(by: magnitude)
    let low = square.low.multipliedFullWidth(by: magnitude)
    let high = square.high.multipliedFullWidth(by: magnitude)
    let (middle, overflow) = low.high.addingReportingOverflow(high.low)
    return (low.low, middle, high.high &+ (overflow ? 1 : 0))
}
