/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): the same numbers
/// for the same seed on every machine. Not for secrets.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// An independent stream for part `index` of the work, so that the result does not depend on the number of threads.
    package init(seed: UInt64, stream: UInt64) {
        state = mixed(seed &+ mixed(stream &* 0x9E37_79B9_7F4A_7C15 &+ 0x632B_E59B_D9B4_E019))
    }

    @inlinable
    package mutating func next() -> UInt64 { advance() }

    @usableFromInline
    package mutating func advance() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mixed(state)
    }

    /// Uniform in `0..<1` with 53 bits.
    package mutating func uniform() -> Double { Double(advance() >> 11) * 0x1p-53 }
}

private func mixed(_ input: UInt64) -> UInt64 {
    var z = input
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
}
