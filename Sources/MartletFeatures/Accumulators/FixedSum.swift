/// An exact sum of narrow numbers: a two's complement integer of 192 bits in units of 2^-80.
///
/// A narrow number is below 2^63, so that 2^47 of them fit. Adding integers is associative, commutative and has an
/// inverse, which adding doubles is not (Kulisch, "Computer Arithmetic and Validity", 2008; Neal, "Fast Exact Summation
/// Using Small and Large Superaccumulators", arXiv:1505.05571).
struct FixedSum: Sendable, Equatable, BitwiseCopyable {
    static let unitExponent = -80

    var low: UInt64 = 0
    var middle: UInt64 = 0
    var high: UInt64 = 0

    init() {}

    /// From its words, least first, asked for in this order.
    @inline(__always)
    init<Failure: Error>(_ word: (Int) throws(Failure) -> UInt64) throws(Failure) {
        low = try word(0)
        middle = try word(1)
        high = try word(2)
    }

    @inline(__always)
    func forEachWord(_ body: (Int, UInt64) -> Void) {
        body(0, low)
        body(1, middle)
        body(2, high)
    }

    /// Least first.
    var words: [UInt64] { [low, middle, high] }

    /// - Precondition: the number is narrow.
    @inline(__always)
    init(_ number: ExactNumber) {
        let position = UInt64(truncatingIfNeeded: number.magnitude == 0 ? 0 : number.exponent &- Self.unitExponent)
        let shift = position & 63
        let first = number.magnitude &<< shift
        let second = (number.magnitude &>> 1) &>> (63 &- shift)
        let isLow = position < 64
        let sign: UInt64 = number.isNegative ? .max : 0
        var carry = sign & 1
        low = addWithCarry((isLow ? first : 0) ^ sign, 0, &carry)
        middle = addWithCarry((isLow ? second : first) ^ sign, 0, &carry)
        high = addWithCarry((isLow ? 0 : second) ^ sign, 0, &carry)
    }

    @inline(__always)
    static func &+= (left: inout FixedSum, right: FixedSum) {
        var carry: UInt64 = 0
        left.low = addWithCarry(left.low, right.low, &carry)
        left.middle = addWithCarry(left.middle, right.middle, &carry)
        left.high = addWithCarry(left.high, right.high, &carry)
    }

    @inline(__always)
    static func &-= (left: inout FixedSum, right: FixedSum) {
        var borrow: UInt64 = 0
        left.low = subtractWithBorrow(left.low, right.low, &borrow)
        left.middle = subtractWithBorrow(left.middle, right.middle, &borrow)
        left.high = subtractWithBorrow(left.high, right.high, &borrow)
    }

    var isNegative: Bool { Int64(bitPattern: high) < 0 }

    /// Correctly rounded.
    @inline(__always)
    var rounded: ScaledDouble {
        var words = self
        if isNegative {
            words = FixedSum()
            words &-= self
        }
        let unit = Self.unitExponent
        if words.high != 0 {
            return ScaledDouble(
                isNegative: isNegative, top: words.high, next: words.middle, hasMore: words.low != 0,
                exponent: unit + 128)
        }
        if words.middle != 0 {
            return ScaledDouble(
                isNegative: isNegative, top: words.middle, next: words.low, hasMore: false, exponent: unit + 64)
        }
        if words.low == 0 { return .zero }
        return ScaledDouble(isNegative: isNegative, top: words.low, next: 0, hasMore: false, exponent: unit)
    }
}

/// An exact sum of squares of narrow numbers: 320 bits in units of 2^-160, the square of `FixedSum`'s unit, so that no
/// bit of a square is lost and `n * squares - sum * sum` is an integer.
struct FixedSquares: Sendable, Equatable, BitwiseCopyable {
    static let unitExponent = -160

    var word0: UInt64 = 0
    var word1: UInt64 = 0
    var word2: UInt64 = 0
    var word3: UInt64 = 0
    var word4: UInt64 = 0

    init() {}

    /// From its words, least first, asked for in this order.
    @inline(__always)
    init<Failure: Error>(_ word: (Int) throws(Failure) -> UInt64) throws(Failure) {
        word0 = try word(0)
        word1 = try word(1)
        word2 = try word(2)
        word3 = try word(3)
        word4 = try word(4)
    }

    @inline(__always)
    func forEachWord(_ body: (Int, UInt64) -> Void) {
        body(0, word0)
        body(1, word1)
        body(2, word2)
        body(3, word3)
        body(4, word4)
    }

    /// Least first.
    var words: [UInt64] { [word0, word1, word2, word3, word4] }

    /// - Precondition: the number is narrow.
    @inline(__always)
    init(squareOf number: ExactNumber) {
        let square = number.magnitude.multipliedFullWidth(by: number.magnitude)
        let position = UInt64(
            truncatingIfNeeded: number.magnitude == 0 ? 0 : 2 &* number.exponent &- Self.unitExponent)
        let shift = position & 63
        let back = 63 &- shift
        let first = square.low &<< shift
        let second = (square.high &<< shift) | ((square.low &>> 1) &>> back)
        let third = (square.high &>> 1) &>> back
        let place = position &>> 6
        word0 = place == 0 ? first : 0
        word1 = place == 0 ? second : (place == 1 ? first : 0)
        word2 = place == 0 ? third : (place == 1 ? second : first)
        word3 = place == 0 ? 0 : (place == 1 ? third : second)
        word4 = place == 2 ? third : 0
    }

    @inline(__always)
    static func &+= (left: inout FixedSquares, right: FixedSquares) {
        var carry: UInt64 = 0
        left.word0 = addWithCarry(left.word0, right.word0, &carry)
        left.word1 = addWithCarry(left.word1, right.word1, &carry)
        left.word2 = addWithCarry(left.word2, right.word2, &carry)
        left.word3 = addWithCarry(left.word3, right.word3, &carry)
        left.word4 = addWithCarry(left.word4, right.word4, &carry)
    }

    @inline(__always)
    static func &-= (left: inout FixedSquares, right: FixedSquares) {
        var borrow: UInt64 = 0
        left.word0 = subtractWithBorrow(left.word0, right.word0, &borrow)
        left.word1 = subtractWithBorrow(left.word1, right.word1, &borrow)
        left.word2 = subtractWithBorrow(left.word2, right.word2, &borrow)
        left.word3 = subtractWithBorrow(left.word3, right.word3, &borrow)
        left.word4 = subtractWithBorrow(left.word4, right.word4, &borrow)
    }
}

@inline(__always)
func addWithCarry(_ left: UInt64, _ right: UInt64, _ carry: inout UInt64) -> UInt64 {
    let (partial, first) = left.addingReportingOverflow(right)
    let (sum, second) = partial.addingReportingOverflow(carry)
    carry = first || second ? 1 : 0
    return sum
}

@inline(__always)
func subtractWithBorrow(_ left: UInt64, _ right: UInt64, _ borrow: inout UInt64) -> UInt64 {
    let (partial, first) = left.subtractingReportingOverflow(right)
    let (difference, second) = partial.subtractingReportingOverflow(borrow)
    borrow = first || second ? 1 : 0
    return difference
}
