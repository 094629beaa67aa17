internal import Glibc
import MartletCore

/// How long a payment is under way: mostly less than four seconds, for the late ones five minutes to three days.
struct ArrivalDelay: Sendable {
    static let shortest: Int64 = 40_000
    static let shortSpread = 3_500_000.0
    static let lateShortest = 300_000_000.0
    static let lateLongest = 259_200_000_000.0

    private let lateLimit: Double
    private let lateSpan: Double

    init(lateFraction: Double) {
        lateLimit = lateFraction
        lateSpan = log(Self.lateLongest / Self.lateShortest)
    }

    /// In microseconds.
    @inline(__always)
    func draw(_ random: inout SeededRandom) -> Int64 {
        let bits = random.next()
        let share = Double(bits & 0xFFFF_FFFF) * 0x1p-32
        if Double(bits >> 32) * 0x1p-32 < lateLimit { return Int64(Self.lateShortest * exp(share * lateSpan)) }
        return Self.shortest + Int64(share * share * Self.shortSpread)
    }

    /// The event of a row that arrives now; never before the period.
    @inline(__always)
    func event(before arrival: Int64, start: Int64, _ random: inout SeededRandom) -> Int64 {
        max(start, arrival - draw(&random))
    }
}
