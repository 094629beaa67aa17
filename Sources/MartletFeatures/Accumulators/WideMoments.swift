import MartletDefinitions

/// The moments of the values that are not narrow: infinities counted, finite ones as wide integers over the whole range
/// of doubles and of their squares, with 32 bits of room for carries.
struct WideMoments: Sendable, Equatable {
    /// The smallest subnormal is 2^-1074.
    static let sumUnitExponent = -1_074
    static let squaresUnitExponent = 2 * sumUnitExponent
    static let sumWordCount = 34
    static let squaresWordCount = 2 * sumWordCount

    var positiveInfinities: Int64 = 0
    var negativeInfinities: Int64 = 0
    var finiteCount: Int64 = 0
    var sum = WideInteger(wordCount: sumWordCount)
    var squares = WideInteger(wordCount: squaresWordCount)

    var isEmpty: Bool { positiveInfinities == 0 && negativeInfinities == 0 && finiteCount == 0 }

    mutating func adjust(_ number: ExactNumber, isAdded: Bool) {
        finiteCount += isAdded ? 1 : -1
        let position = number.exponent - Self.sumUnitExponent
        sum.add(low: number.magnitude, high: 0, position: position, isNegative: number.isNegative == isAdded)
        let square = number.magnitude.multipliedFullWidth(by: number.magnitude)
        squares.add(low: square.low, high: square.high, position: 2 * position, isNegative: !isAdded)
    }

    mutating func combine(_ other: WideMoments) {
        positiveInfinities &+= other.positiveInfinities
        negativeInfinities &+= other.negativeInfinities
        finiteCount &+= other.finiteCount
        sum.add(other.sum)
        squares.add(other.squares)
    }

    mutating func subtract(_ other: WideMoments) {
        positiveInfinities &-= other.positiveInfinities
        negativeInfinities &-= other.negativeInfinities
        finiteCount &-= other.finiteCount
        sum.subtract(other.sum)
        squares.subtract(other.squares)
    }

    /// The aggregate of these values and the narrow ones together.
    func lower(_ function: AggregateFunction, _ narrow: NarrowMoments) -> Double? {
        if function == .count { return Double(narrow.count) }
        if positiveInfinities != 0 || negativeInfinities != 0 { return lowerInfinite(function, count: narrow.count) }
        switch function {
        case .sum: return totalSum(narrow).rounded(unitExponent: Self.sumUnitExponent).value
        case .mean: return meanOf(totalSum(narrow).rounded(unitExponent: Self.sumUnitExponent), count: narrow.count)
        case .stddev: return narrow.count < 2 ? nil : standardDeviationOf(deviations(narrow), count: narrow.count)
        case .variance: return narrow.count < 2 ? nil : varianceOf(deviations(narrow), count: narrow.count)
        default: preconditionFailure("\(function) is not a moment")
        }
    }

    /// The sum of these finite values and the narrow ones.
    func totalSum(_ narrow: NarrowMoments) -> WideInteger {
        var total = sum
        total.add(
            signed: narrow.sum.words, position: FixedSum.unitExponent - Self.sumUnitExponent)
        return total
    }

    func totalSquares(_ narrow: NarrowMoments) -> WideInteger {
        var total = squares
        total.add(
            signed: narrow.squares.words, position: FixedSquares.unitExponent - Self.squaresUnitExponent)
        return total
    }

    private func deviations(_ narrow: NarrowMoments) -> ScaledDouble {
        totalSum(narrow).magnitude.withUnsafeBufferPointer { sum in
            totalSquares(narrow).words.withUnsafeBufferPointer { squares in
                squaredDeviations(
                    count: UInt64(narrow.count), sum: sum, squares: squares, unitExponent: Self.sumUnitExponent)
            }
        }
    }

    private func lowerInfinite(_ function: AggregateFunction, count: Int64) -> Double? {
        if function == .stddev || function == .variance { return count < 2 ? nil : .nan }
        if positiveInfinities != 0 && negativeInfinities != 0 { return .nan }
        return positiveInfinities != 0 ? .infinity : -.infinity
    }
}
