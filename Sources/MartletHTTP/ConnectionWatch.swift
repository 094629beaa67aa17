internal import Synchronization

/// What a connection does and since when, as its server's patrol sees it. The server's thread writes it, at each step
/// of a request, with plain stores.
struct ConnectionWatch: ~Copyable, Sendable {
    enum Phase: UInt64 {
        /// Between requests, or while the head of one comes in.
        case idle
        /// While a body comes in.
        case receiving
        /// Suspended, for work in the background.
        case waiting
        /// While an answer goes out.
        case sending
    }

    // The tick of the last step above the phase.
    private let step = Atomic<UInt64>(0)
    // What has come in or goes out within the phase.
    private let bytes = Atomic<Int>(0)

    func mark(_ phase: Phase, tick: UInt64, bytes count: Int = 0) {
        step.store(tick << 8 | phase.rawValue, ordering: .relaxed)
        if count > 0 || phase == .receiving { bytes.store(count, ordering: .relaxed) }
    }

    func received(bytes count: Int) { bytes.store(count, ordering: .relaxed) }

    /// Whether a request is being received or answered.
    var isBusy: Bool { step.load(ordering: .relaxed) & 0xFF != Phase.idle.rawValue }

    /// For how many ticks it is between requests; nil where it is not.
    func idleTicks(at tick: UInt64) -> Int? {
        let step = step.load(ordering: .relaxed)
        guard step & 0xFF == Phase.idle.rawValue else { return nil }
        return Int(tick &- step >> 8)
    }

    /// Whether its client takes longer over a request or an answer than it may.
    func isTooSlow(at tick: UInt64, _ settings: HTTPServerSettings) -> Bool {
        let step = step.load(ordering: .relaxed)
        let ticks = Int(tick &- step >> 8)
        switch Phase(rawValue: step & 0xFF) {
        // One that says nothing is closed by the library: one that lives longer sends its head byte by byte.
        case .idle: return ticks > settings.idleTimeoutSeconds + settings.requestSeconds
        case .receiving, .sending:
            let earned = bytes.load(ordering: .relaxed) / settings.slowestBytesPerSecond
            return ticks > settings.requestSeconds + earned
        case .waiting, nil: return false
        }
    }
}
