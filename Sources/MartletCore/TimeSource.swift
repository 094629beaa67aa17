internal import Glibc

/// Where the present comes from: a parameter everywhere, so that a test or a simulator can set it.
package protocol TimeSource: Sendable {
    func now() -> Timestamp
    /// Nanoseconds of a clock that never goes back; only differences mean anything.
    func monotonicNanoseconds() -> UInt64
}

package struct SystemTimeSource: TimeSource {
    package init() {}

    package func now() -> Timestamp {
        let time = read(CLOCK_REALTIME)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    package func monotonicNanoseconds() -> UInt64 {
        let time = read(CLOCK_MONOTONIC)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}

/// A clock that stands still at `instant`.
package struct FixedTimeSource: TimeSource {
    package let instant: Timestamp
    package init(_ instant: Timestamp) { self.instant = instant }
    package func now() -> Timestamp { instant }
    package func monotonicNanoseconds() -> UInt64 { UInt64(bitPattern: instant.microseconds &* 1_000) }
}
