/// A two's complement integer of many words, least first, in units of a power of two: the rare, exact home of what does
/// not fit `FixedSum` (a dense super-accumulator after Kulisch).
struct WideInteger: Sendable, Equatable {
    var words: [UInt64]

    init(wordCount: Int) { words = [UInt64](repeating: 0, count: wordCount) }

    /// - Precondition: there is a word.
    init(_ words: [UInt64]) { self.words = words }

    var isZero: Bool { words.allSatisfy { $0 == 0 } }
    var isNegative: Bool { words[words.count - 1] &>> 63 != 0 }

    /// Adds `±(high * 2^64 + low) * 2^position`. What it carries out of the highest word is lost: the widths leave no
    /// such room.
    mutating func add(low: UInt64, high: UInt64, position: Int, isNegative: Bool) {
        let shift = UInt64(position & 63)
        let back = 63 &- shift
        let parts = (
            low &<< shift, (high &<< shift) | ((low &>> 1) &>> back), (high &>> 1) &>> back
        )
        var index = position >> 6
        var carry: UInt64 = 0
        for part in [parts.0, parts.1, parts.2] where index < words.count {
            words[index] =
                isNegative ? subtractWithBorrow(words[index], part, &carry) : addWithCarry(words[index], part, &carry)
            index += 1
        }
        while carry != 0 && index < words.count {
            words[index] =
                isNegative ? subtractWithBorrow(words[index], 0, &carry) : addWithCarry(words[index], 0, &carry)
            index += 1
        }
    }

    /// Adds a two's complement integer of fewer words, `position` bits up.
    mutating func add(signed other: [UInt64], position: Int) {
        let isNegative = (other.last ?? 0) &>> 63 != 0
        let magnitude = isNegative ? negated(other) : other
        for (index, word) in magnitude.enumerated() where word != 0 {
            add(low: word, high: 0, position: position + 64 * index, isNegative: isNegative)
        }
    }

    mutating func add(_ other: WideInteger) {
        var carry: UInt64 = 0
        for index in words.indices { words[index] = addWithCarry(words[index], other.words[index], &carry) }
    }

    mutating func subtract(_ other: WideInteger) {
        var borrow: UInt64 = 0
        for index in words.indices { words[index] = subtractWithBorrow(words[index], other.words[index], &borrow) }
    }

    /// The product; what does not fit is lost.
    func times(_ other: WideInteger, wordCount: Int) -> WideInteger {
        let (left, right) = (magnitude, other.magnitude)
        var product = [UInt64](repeating: 0, count: wordCount)
        for row in left.indices where left[row] != 0 {
            var carry: UInt64 = 0
            for column in right.indices where row + column < wordCount {
                let partial = left[row].multipliedFullWidth(by: right[column])
                let (low, first) = partial.low.addingReportingOverflow(carry)
                let (sum, second) = product[row + column].addingReportingOverflow(low)
                product[row + column] = sum
                carry = partial.high &+ (first ? 1 : 0) &+ (second ? 1 : 0)
            }
            if row + right.count < wordCount { product[row + right.count] = carry }
        }
        return WideInteger(isNegative == other.isNegative ? product : negated(product))
    }

    var magnitude: [UInt64] { isNegative ? negated(words) : words }

    func rounded(unitExponent: Int) -> ScaledDouble {
        magnitude.withUnsafeBufferPointer {
            roundedMagnitude($0, isNegative: isNegative, unitExponent: unitExponent)
        }
    }
}

private func negated(_ words: [UInt64]) -> [UInt64] {
    var borrow: UInt64 = 0
    return words.map { subtractWithBorrow(0, $0, &borrow) }
}

/// The magnitude times 2^unitExponent, correctly rounded.
func roundedMagnitude(_ words: UnsafeBufferPointer<UInt64>, isNegative: Bool, unitExponent: Int) -> ScaledDouble {
    var top = words.count - 1
    while top >= 0 && words[top] == 0 { top -= 1 }
    if top < 0 { return .zero }
    var hasMore = false
    var index = top - 2
    while index >= 0 && !hasMore {
        hasMore = words[index] != 0
        index -= 1
    }
    return ScaledDouble(
        isNegative: isNegative, top: words[top], next: top > 0 ? words[top - 1] : 0, hasMore: hasMore,
        exponent: unitExponent + 64 * top)
}

/// `count * squares - sum * sum`, exactly, correctly rounded: `n` times the sum of squared deviations, with no
/// cancellation.
/// - Parameters:
///   - sum: the magnitude of the sum, in units of 2^u.
///   - squares: the sum of squares in units of 2^2u; at most twice as many words.
func squaredDeviations(
    count: UInt64, sum: UnsafeBufferPointer<UInt64>, squares: UnsafeBufferPointer<UInt64>, unitExponent: Int
) -> ScaledDouble {
    let width = 2 * sum.count
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: width) { result in
        var carry: UInt64 = 0
        for index in 0..<width {
            let word = index < squares.count ? squares[index] : 0
            let product = word.multipliedFullWidth(by: count)
            let (low, overflow) = product.low.addingReportingOverflow(carry)
            result[index] = low
            carry = product.high &+ (overflow ? 1 : 0)
        }
        for row in 0..<sum.count where sum[row] != 0 {
            var borrow: UInt64 = 0
            var upper: UInt64 = 0
            for column in 0..<sum.count {
                let product = sum[row].multipliedFullWidth(by: sum[column])
                let (low, overflow) = product.low.addingReportingOverflow(upper)
                upper = product.high &+ (overflow ? 1 : 0)
                result[row + column] = subtractWithBorrow(result[row + column], low, &borrow)
            }
            var index = row + sum.count
            if index < width { result[index] = subtractWithBorrow(result[index], upper, &borrow) }
            index += 1
            while borrow != 0 && index < width {
                result[index] = subtractWithBorrow(result[index], 0, &borrow)
                index += 1
            }
        }
        return roundedMagnitude(UnsafeBufferPointer(result), isNegative: false, unitExponent: 2 * unitExponent)
    }
}
