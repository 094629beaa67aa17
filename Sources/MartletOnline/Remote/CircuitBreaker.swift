/// Whether a server that failed may be asked again. After some failures in a row nobody asks for a while, which doubles
/// with every further one; then one caller tries. Pure: time and randomness come in.
struct CircuitBreaker: Sendable {
    struct Limits: Sendable {
        /// Failures in a row after which nobody asks.
        var failures = 5
        var firstPauseMilliseconds = 100
        var longestPauseMilliseconds = 10_000
    }

    private let limits: Limits
    private var failures = 0
    /// Since when, and for how long, nobody asks; on the clock that never goes back.
    private var closedUntilNanoseconds: UInt64 = 0
    private var isTrying = false
    private(set) var openings = 0

    init(_ limits: Limits = Limits()) { self.limits = limits }

    var isOpen: Bool { failures >= limits.failures }

    /// Whether the caller may ask. Where the circuit is open and its pause is over, the first caller may and is the
    /// only one until it says how that went.
    mutating func mayTry(at nanoseconds: UInt64) -> Bool {
        guard isOpen else { return true }
        if isTrying || nanoseconds < closedUntilNanoseconds { return false }
        isTrying = true
        return true
    }

    mutating func succeeded() {
        failures = 0
        isTrying = false
    }

    /// - Parameter jitter: in `0..<1`; the pause is between half of the nominal one and the whole.
    mutating func failed(at nanoseconds: UInt64, jitter: Double) {
        failures += 1
        isTrying = false
        guard isOpen else { return }
        openings += 1
        let doublings = min(failures - limits.failures, 20)
        let nominal = min(limits.firstPauseMilliseconds << doublings, limits.longestPauseMilliseconds)
        closedUntilNanoseconds = nanoseconds &+ UInt64(Double(nominal) * (0.5 + 0.5 * jitter) * 1e6)
    }

    /// The caller that was let through gave up for reasons of its own.
    mutating func abandoned() { isTrying = false }
}
