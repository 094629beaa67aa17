/// A finite number as an integer times a power of two, which every int64 and every finite double is:
/// `±magnitude * 2^exponent`.
struct ExactNumber: Sendable, Equatable {
    var isNegative: Bool
    var magnitude: UInt64
    var exponent: Int

    @inline(__always)
    init(_ value: Int64) {
        isNegative = value < 0
        magnitude = value.magnitude
        exponent = 0
    }

    /// - Precondition: `value` is finite.
    @inline(__always)
    init(_ value: Double) {
        let bits = value.bitPattern
        let biased = Int(truncatingIfNeeded: bits &>> 52) & 0x7FF
        let fraction = bits & 0xF_FFFF_FFFF_FFFF
        isNegative = bits &>> 63 != 0
        // A subnormal has no hidden bit and the exponent of the smallest normal.
        magnitude = biased == 0 ? fraction : fraction | 0x10_0000_0000_0000
        exponent = biased == 0 ? -1_074 : biased &- 1_075
    }

    /// Whether the number fits `FixedSum` and its square `FixedSquares`: no bit below 2^-80 and less than 2^63, that
    /// is, doubles between 3.7e-9 and 9.2e18, zero, and every int64 but the smallest. All others take the wide way.
    @inline(__always)
    var isNarrow: Bool {
        magnitude == 0 || (exponent >= -80 && exponent &- magnitude.leadingZeroBitCount <= -1)
    }
}

/// One number of a column.
package enum Number: Sendable, Equatable {
    case integer(Int64)
    /// Not NaN; may be infinite.
    case real(Double)
}

/// A double before its exponent is applied: `significand * 2^exponent`, so that a mean or a root can be taken where the
/// value itself would overflow.
struct ScaledDouble: Sendable, Equatable {
    /// Zero, or of magnitude 1 up to 2.
    var significand: Double
    var exponent: Int

    static let zero = ScaledDouble(significand: 0, exponent: 0)

    init(significand: Double, exponent: Int) {
        self.significand = significand
        self.exponent = exponent
    }

    /// Rounds a magnitude to 53 bits, to nearest, ties to even.
    /// - Parameters:
    ///   - top: the highest word that is not zero.
    ///   - next: the word below it.
    ///   - hasMore: whether anything is set below `next`.
    ///   - exponent: the weight of the lowest bit of `top`.
    @inline(__always)
    init(isNegative: Bool, top: UInt64, next: UInt64, hasMore: Bool, exponent: Int) {
        let shift = UInt64(truncatingIfNeeded: top.leadingZeroBitCount)
        let window = (top &<< shift) | ((next &>> 1) &>> (63 &- shift))
        let isInexact = hasMore || (next &<< shift) != 0
        var kept = window &>> 11
        let cut = window & 0x7FF
        if cut > 0x400 || (cut == 0x400 && (isInexact || kept & 1 == 1)) { kept &+= 1 }
        var power = exponent &+ 63 &- Int(truncatingIfNeeded: shift)
        if kept == 1 &<< 53 {
            kept = 1 &<< 52
            power &+= 1
        }
        let magnitude = Double(bitPattern: (1_023 &<< 52) | (kept & 0xF_FFFF_FFFF_FFFF))
        significand = isNegative ? -magnitude : magnitude
        self.exponent = power
    }

    /// The double itself: infinite beyond its range, rounded once more where it is subnormal.
    @inline(__always)
    var value: Double {
        if exponent >= -1_022 && exponent <= 1_023 { return significand * powerOfTwo(exponent) }
        return valueBeyondNormalRange
    }

    @inline(never)
    private var valueBeyondNormalRange: Double {
        if significand == 0 { return 0 }
        if exponent > 1_023 {
            // A quotient may lie just below 1 with an exponent one too large.
            return exponent > 1_100 ? significand * .infinity : significand * 0x1p1023 * powerOfTwo(exponent - 1_023)
        }
        return exponent < -1_200 ? 0 : significand * 0x1p-1022 * powerOfTwo(exponent + 1_022)
    }
}

/// - Precondition: `exponent` is that of a normal double.
@inline(__always)
func powerOfTwo(_ exponent: Int) -> Double {
    Double(bitPattern: UInt64(truncatingIfNeeded: exponent &+ 1_023) &<< 52)
}
