package import MartletCore
internal import Synchronization

/// A clock that stands until it is moved, forwards or back.
package final class SimulatedClock: TimeSource, Sendable {
    private let instant: Mutex<Int64>

    package init(_ start: Timestamp) { instant = Mutex(start.microseconds) }

    package func advance(by span: TimeSpan) { instant.withLock { $0 += span.microseconds } }
    package func now() -> Timestamp { Timestamp(microseconds: instant.withLock { $0 }) }
    package func monotonicNanoseconds() -> UInt64 { UInt64(bitPattern: instant.withLock { $0 } &* 1_000) }
}
