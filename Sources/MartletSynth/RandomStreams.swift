internal import MartletCore

/// Independent streams of random numbers for one purpose: stream `index` is the same whoever asks and when.
struct RandomStreams: Sendable {
    enum Purpose: UInt64, Sendable {
        case customers = 1, cards, merchants, terminals, popularity, rows, arrivals, favourites, trips, devices,
            episodes
    }

    private let seed: UInt64

    init(seed: UInt64, _ purpose: Purpose) {
        var mixer = SeededRandom(seed: seed, stream: purpose.rawValue)
        self.seed = mixer.next()
    }

    @inline(__always)
    func stream(_ index: Int) -> SeededRandom { SeededRandom(seed: seed, stream: UInt64(bitPattern: Int64(index))) }

    /// 64 bits that belong to `index`.
    @inline(__always)
    func bits(_ index: Int) -> UInt64 {
        var random = stream(index)
        return random.next()
    }
}

extension SeededRandom {
    /// Uniform in `0..<bound`, by multiplication (a bias below `bound / 2^32`).
    @inline(__always)
    mutating func index(below bound: Int) -> Int { Int(((next() >> 32) &* UInt64(bound)) >> 32) }

    @inline(__always)
    mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// Uniform between two bounds.
    mutating func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }
}
