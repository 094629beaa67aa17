package import MartletDefinitions

/// Count, sum and sum of squares of numbers, exactly: the state of `count`, `sum`, `mean`, `variance` and `stddev` of a
/// column.
///
/// Each result is rounded from exact integers, so that it is the same for any order of the values:
/// - `sum` is the correctly rounded sum (0 for no values, infinite where it leaves the range of a double);
/// - `mean` is that sum divided by the count, null for no values;
/// - `variance` is of the sample, `D / (n * (n - 1))` with `D = n * squares - sum * sum` rounded once, and `stddev` its
///   root; both null below two values. The relative error is at most 4 * 2^-53.
///
/// An infinity in the window makes the sum and the mean infinite (NaN where both signs occur) and the others NaN.
package struct Moments: InvertibleAccumulator {
    var narrow = NarrowMoments()
    /// Of the values that are not narrow; nil when there are none, so that equal contents are equal states.
    var wide: WideMoments?

    package init() {}

    init(narrow: NarrowMoments, wide: WideMoments?) {
        self.narrow = narrow
        self.wide = wide
    }

    package static var zero: Moments { Moments() }

    package static func lift(_ input: Number) -> Moments {
        var moments = Moments()
        moments.add(input)
        return moments
    }

    package var count: Int64 { narrow.count }

    package mutating func add(_ input: Number) {
        switch input {
        case .integer(let value): add(ExactNumber(value))
        case .real(let value) where value.isFinite: add(ExactNumber(value))
        case .real(let value): adjustInfinities(value, by: 1)
        }
    }

    package mutating func remove(_ input: Number) {
        switch input {
        case .integer(let value): remove(ExactNumber(value))
        case .real(let value) where value.isFinite: remove(ExactNumber(value))
        case .real(let value): adjustInfinities(value, by: -1)
        }
    }

    @inline(__always)
    mutating func add(_ number: ExactNumber) {
        if number.isNarrow { narrow.add(number) } else { adjustWide(number, isAdded: true) }
    }

    @inline(__always)
    mutating func remove(_ number: ExactNumber) {
        if number.isNarrow { narrow.remove(number) } else { adjustWide(number, isAdded: false) }
    }

    @inline(never)
    private mutating func adjustWide(_ number: ExactNumber, isAdded: Bool) {
        narrow.count += isAdded ? 1 : -1
        var moments = wide ?? WideMoments()
        moments.adjust(number, isAdded: isAdded)
        wide = moments.isEmpty ? nil : moments
    }

    @inline(never)
    private mutating func adjustInfinities(_ value: Double, by amount: Int64) {
        narrow.count += amount
        var moments = wide ?? WideMoments()
        if value > 0 { moments.positiveInfinities += amount } else { moments.negativeInfinities += amount }
        wide = moments.isEmpty ? nil : moments
    }

    package mutating func combine(_ other: Moments) {
        narrow &+= other.narrow
        if let added = other.wide {
            var moments = wide ?? WideMoments()
            moments.combine(added)
            wide = moments.isEmpty ? nil : moments
        }
    }

    package mutating func subtract(_ other: Moments) {
        narrow &-= other.narrow
        if let removed = other.wide {
            var moments = wide ?? WideMoments()
            moments.subtract(removed)
            wide = moments.isEmpty ? nil : moments
        }
    }

    /// 72 bytes, and 840 where some values are not narrow.
    package static var traits: StateTraits { StateTraits(maximumByteCount: 912, isOrderSensitive: false) }

    package func lower(_ function: AggregateFunction, _: LoweringParameters) -> Double? {
        if let wide { return wide.lower(function, narrow) }
        return switch function {
        case .count: Double(narrow.count)
        case .sum: narrow.sum.rounded.value
        case .mean: narrow.count == 0 ? nil : narrow.mean
        case .stddev: narrow.count < 2 ? nil : standardDeviationOf(narrow.deviations, count: narrow.count)
        case .variance: narrow.count < 2 ? nil : varianceOf(narrow.deviations, count: narrow.count)
        default: preconditionFailure("\(function) is not a moment")
        }
    }
}

/// The moments of narrow numbers. `count` counts all values, those beside this state too.
struct NarrowMoments: Sendable, Equatable, BitwiseCopyable {
    var count: Int64 = 0
    var sum = FixedSum()
    var squares = FixedSquares()

    @inline(__always)
    mutating func add(_ number: ExactNumber) {
        count &+= 1
        sum &+= FixedSum(number)
        squares &+= FixedSquares(squareOf: number)
    }

    @inline(__always)
    mutating func remove(_ number: ExactNumber) {
        count &-= 1
        sum &-= FixedSum(number)
        squares &-= FixedSquares(squareOf: number)
    }

    @inline(__always)
    static func &+= (left: inout NarrowMoments, right: NarrowMoments) {
        left.count &+= right.count
        left.sum &+= right.sum
        left.squares &+= right.squares
    }

    @inline(__always)
    static func &-= (left: inout NarrowMoments, right: NarrowMoments) {
        left.count &-= right.count
        left.sum &-= right.sum
        left.squares &-= right.squares
    }

    /// - Precondition: there is a value, and all are narrow.
    @inline(__always)
    var mean: Double { meanOf(sum.rounded, count: count) }

    /// `n` times the sum of squared deviations, rounded once.
    /// - Precondition: all values are narrow.
    var deviations: ScaledDouble {
        var magnitude = sum
        if sum.isNegative {
            magnitude = FixedSum()
            magnitude &-= sum
        }
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 8) { words in
            magnitude.forEachWord { words[$0] = $1 }
            squares.forEachWord { words[3 + $0] = $1 }
            return squaredDeviations(
                count: UInt64(count), sum: UnsafeBufferPointer(rebasing: words[0..<3]),
                squares: UnsafeBufferPointer(rebasing: words[3..<8]), unitExponent: FixedSum.unitExponent)
        }
    }
}

@inline(__always)
func meanOf(_ sum: ScaledDouble, count: Int64) -> Double {
    ScaledDouble(significand: sum.significand / Double(count), exponent: sum.exponent).value
}

/// - Parameter deviations: `n` times the sum of squared deviations.
func varianceOf(_ deviations: ScaledDouble, count: Int64) -> Double {
    let pairs = Double(count) * Double(count - 1)
    return ScaledDouble(significand: deviations.significand / pairs, exponent: deviations.exponent).value
}

/// - Parameter deviations: `n` times the sum of squared deviations.
func standardDeviationOf(_ deviations: ScaledDouble, count: Int64) -> Double {
    var variance = deviations.significand / (Double(count) * Double(count - 1))
    var exponent = deviations.exponent
    if exponent & 1 != 0 {
        variance *= 2
        exponent -= 1
    }
    return ScaledDouble(significand: variance.squareRoot(), exponent: exponent / 2).value
}
