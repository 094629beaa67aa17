/// Exact sums in SQL. A double is cut into whole numbers of 32 bits, its limbs, each the nearest to what is left of it;
/// limbs are summed as 64-bit integers, which no order of rows changes, and rounding is left to the end. Every step is
/// exact: scaling by a power of two, rounding to a whole number, and subtracting numbers so near to one another.
enum SparkLimbs {
    /// The lowest limb of a sum counts units of 2^-80, as `FixedSum` does; the highest reaches 2^63 with its carries.
    static let sumPositions = [-80, -48, -16, 16, 48]
    /// Of a square: units of 2^-160 up to 2^126.
    static let squarePositions = [-160, -128, -96, -64, -32, 0, 32, 64, 96]

    /// Limb `index` of the number that `value` names, as a BIGINT expression.
    static func limb(_ index: Int, of value: String, _ positions: [Int]) -> String {
        let here = "rint(\(value) * \(powerLiteral(-positions[index])))"
        if index + 1 == positions.count { return here }
        return "\(here) - 4294967296D * rint(\(value) * \(powerLiteral(-positions[index + 1])))"
    }

    /// Whether the double that `value` names has no bit below 2^-80 and is less than 2^63: others are listed apart.
    static func isNarrow(_ value: String) -> String {
        let scaled = "\(value) * \(powerLiteral(80))"
        return "abs(\(value)) < \(powerLiteral(63)) AND rint(\(scaled)) = \(scaled)"
    }

    /// The upper 26 bits of a double (Veltkamp): with the lower ones, `value - high`, the square is the sum of three
    /// exact products.
    static func high(of value: String) -> String {
        "(134217729D * \(value)) - ((134217729D * \(value)) - \(value))"
    }

    /// 2^exponent, in the shortest text that reads back as it.
    private static func powerLiteral(_ exponent: Int) -> String { "\(powerOfTwo(exponent))D" }
}
