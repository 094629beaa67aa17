internal import MartletCore

/// A moment by which something must be done, on the clock that never goes back.
struct Deadline: Sendable {
    private let endNanoseconds: UInt64

    init(milliseconds: Int) {
        endNanoseconds = SystemTimeSource().monotonicNanoseconds() &+ UInt64(max(0, milliseconds)) &* 1_000_000
    }

    /// Rounded up, so that who waits so long has reached the end.
    var remainingMilliseconds: Int {
        let now = SystemTimeSource().monotonicNanoseconds()
        return now >= endNanoseconds ? 0 : Int((endNanoseconds - now + 999_999) / 1_000_000)
    }

    var isOver: Bool { SystemTimeSource().monotonicNanoseconds() >= endNanoseconds }

    /// The earlier of this and so many milliseconds from now.
    func limited(milliseconds: Int) -> Deadline {
        let other = Deadline(milliseconds: milliseconds)
        return other.endNanoseconds < endNanoseconds ? other : self
    }
}
