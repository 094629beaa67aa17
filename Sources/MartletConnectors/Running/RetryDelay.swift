internal import MartletCore

/// Pauses between attempts: doubled up to a limit, and each a random part of it, so that many clients of a server that
/// comes back do not come at once ("full jitter").
struct RetryDelay {
    private let limits: ConnectorLimits
    private var random: SeededRandom
    private var attempts = 0

    init(_ limits: ConnectorLimits, seed: UInt64) {
        self.limits = limits
        random = SeededRandom(seed: seed)
    }

    mutating func next() -> Int32 {
        let ceiling = min(
            limits.longestPause.microseconds, limits.firstPause.microseconds << Int64(min(attempts, 20)))
        attempts += 1
        // Never none at all: a server that refuses at once would be asked in a loop.
        return Int32(max(10, Double(ceiling) / 1_000 * random.uniform()))
    }

    mutating func reset() { attempts = 0 }
}
