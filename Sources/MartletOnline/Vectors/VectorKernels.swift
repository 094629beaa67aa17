internal import MartletCore

/// Eight floats at a time into four sums: a row is read as fast as memory gives it. The order of the additions is that
/// of the places alone, so the result is the same on every machine and in every thread.
/// - Parameter count: a multiple of `vectorLaneCount`.
@inline(__always)
func innerProduct(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int) -> Float {
    vectorSum(left, right, count) { $0 * $1 }
}

@inline(__always)
func squaredDistance(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int) -> Float {
    vectorSum(left, right, count) { a, b in
        let difference = a - b
        return difference * difference
    }
}

/// Rows are padded with zeros to a multiple of this: they change neither an inner product nor a distance.
let vectorLaneCount = 8

@inline(__always)
private func vectorSum(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ count: Int,
    _ term: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) -> Float {
    let (left, right) = (UnsafeRawPointer(left), UnsafeRawPointer(right))
    @inline(__always)
    func at(_ place: Int) -> SIMD8<Float> {
        term(
            left.loadUnaligned(fromByteOffset: place &* 4, as: SIMD8<Float>.self),
            right.loadUnaligned(fromByteOffset: place &* 4, as: SIMD8<Float>.self))
    }
    var (first, second, third, fourth) =
        (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
    var place = 0
    while place &+ 32 <= count {
        first += at(place)
        second += at(place &+ 8)
        third += at(place &+ 16)
        fourth += at(place &+ 24)
        place &+= 32
    }
    while place < count {
        first += at(place)
        place &+= 8
    }
    return ((first + second) + (third + fourth)).sum()
}

/// The distance of an embedding as it is stored, in double precision: what is answered.
/// - Returns: nil where it has none: a vector of length 0 has no angle, one that is not finite no place.
func exactDistance(_ query: [Float], _ bytes: UnsafeRawBufferPointer, _ metric: VectorMetric) -> Double? {
    var (product, left, right, squares) = (0.0, 0.0, 0.0, 0.0)
    for (place, part) in query.enumerated() {
        let a = Double(part)
        let bits = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 &* place, as: UInt32.self))
        let b = Double(Float(bitPattern: bits))
        product += a * b
        left += a * a
        right += b * b
        squares += (a - b) * (a - b)
    }
    let distance =
        switch metric {
        case .cosine: 1 - min(1, max(-1, product / (left.squareRoot() * right.squareRoot())))
        case .l2: squares.squareRoot()
        case .innerProduct: -product
        }
    // The comparisons of `min` and `max` hide a NaN.
    return distance.isFinite && (metric != .cosine || left > 0 && right > 0 && right.isFinite) ? distance : nil
}
