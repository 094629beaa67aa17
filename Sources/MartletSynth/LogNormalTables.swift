internal import Glibc

/// Log-normal distributions by table: the quantile function of each at equal steps of probability, read with linear
/// interpolation. The outermost 1/2048 on both sides is cut off. One array for all, so that a draw touches no other
/// object.
struct LogNormalTables: Sendable {
    private static let steps = 1_024
    private let quantiles: [Float]

    /// - Parameter laws: mean and deviation of the natural logarithm, one for each table.
    init(_ laws: [(mean: Double, deviation: Double)]) {
        let normal = (0...Self.steps).map { normalQuantile((Double($0) + 0.5) / Double(Self.steps + 1)) }
        quantiles = laws.flatMap { law in normal.map { Float(exp(law.mean + law.deviation * $0)) } }
    }

    @inline(__always)
    func draw(_ table: Int, _ bits: UInt64) -> Float {
        let position = Float(bits >> 40) * (Float(Self.steps) * 0x1p-24)
        let step = min(Int(position), Self.steps - 1)
        let index = table &* (Self.steps + 1) &+ step
        let low = quantiles[index]
        return low + (quantiles[index &+ 1] - low) * (position - Float(step))
    }
}

func logarithm(_ value: Double) -> Double { log(value) }

func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// The inverse of the standard normal distribution function, by bisection of `erfc`: for tables, not for loops.
/// - Precondition: `0 < probability < 1`.
func normalQuantile(_ probability: Double) -> Double {
    var low = -9.0
    var high = 9.0
    for _ in 0..<60 {
        let middle = (low + high) / 2
        if 0.5 * erfc(-middle / 2.0.squareRoot()) < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
}

/// Kilometres along the great circle (haversine, mean radius of the Earth), from degrees.
func distanceKilometres(
    _ latitude: Double, _ longitude: Double, _ otherLatitude: Double, _ otherLongitude: Double
) -> Double {
    let radians = Double.pi / 180
    let a = sin((otherLatitude - latitude) * radians / 2)
    let b = sin((otherLongitude - longitude) * radians / 2)
    let chord = a * a + cos(latitude * radians) * cos(otherLatitude * radians) * b * b
    return 2 * 6_371 * asin(min(1, chord.squareRoot()))
}
