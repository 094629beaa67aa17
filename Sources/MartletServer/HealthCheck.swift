internal import MartletCore
internal import Synchronization

/// Remembers for a second whether the process's dependencies can be read: a probe must cost nothing to whoever asks
/// often.
final class HealthCheck: Sendable {
    private static let validNanoseconds: UInt64 = 1_000_000_000

    private let time: any TimeSource
    private let check: @Sendable () -> Bool
    private let last = Mutex<(isHealthy: Bool, nanoseconds: UInt64)?>(nil)

    init(_ time: any TimeSource, _ check: @escaping @Sendable () -> Bool) {
        self.time = time
        self.check = check
    }

    var isHealthy: Bool {
        let now = time.monotonicNanoseconds()
        if let last = last.withLock({ $0 }), now &- last.nanoseconds < Self.validNanoseconds { return last.isHealthy }
        let isHealthy = check()
        last.withLock { $0 = (isHealthy, now) }
        return isHealthy
    }
}
