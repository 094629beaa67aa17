/// A place in PostgreSQL's change log, written as two hexadecimal halves such as `16/B374D848`.
package struct LogSequenceNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var value: UInt64

    package init(_ value: UInt64) { self.value = value }

    package init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let high = UInt32(halves[0], radix: 16), let low = UInt32(halves[1], radix: 16)
        else { return nil }
        value = UInt64(high) << 32 | UInt64(low)
    }

    package var description: String {
        (String(value >> 32, radix: 16) + "/" + String(value & 0xFFFF_FFFF, radix: 16)).uppercased()
    }

    package static func < (one: Self, other: Self) -> Bool { one.value < other.value }
}
