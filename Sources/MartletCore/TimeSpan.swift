/// A length of time in microseconds, as windows, ttls and ages are written: `90s`, `5m`, `12h`, `30d`, `2w`, or a sum
/// such as `1h30m`. A day is 24 hours.
package struct TimeSpan: Sendable, Hashable, Comparable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func seconds(_ count: Int64) -> TimeSpan { TimeSpan(microseconds: count * 1_000_000) }
    package static func minutes(_ count: Int64) -> TimeSpan { seconds(count * 60) }
    package static func hours(_ count: Int64) -> TimeSpan { seconds(count * 3_600) }
    package static func days(_ count: Int64) -> TimeSpan { seconds(count * 86_400) }

    package static let zero = TimeSpan(microseconds: 0)

    package static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.microseconds < right.microseconds }

    /// - Returns: nil where the text is not a sum of whole numbers with units `w d h m s ms us`, each at most once, or
    ///   does not fit into 63 bits.
    package init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        var total: Int64 = 0
        var last = Int64.max
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let count = Int64(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let scale = units.first(where: { $0.name == unit })?.microseconds, scale < last else { return nil }
            last = scale
            let (product, overflow) = count.multipliedReportingOverflow(by: scale)
            let (sum, carry) = total.addingReportingOverflow(product)
            guard !overflow, !carry else { return nil }
            total = sum
        }
        microseconds = total
    }
}

private let units: [(name: String, microseconds: Int64)] = [
    ("w", 604_800_000_000), ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000),
    ("ms", 1_000), ("us", 1),
]

extension TimeSpan: CustomStringConvertible {
    /// As it is written, in the largest units that are exact; weeks are written as days: `30d`, `1h30m`, `0s`.
    package var description: String {
        if microseconds == 0 { return "0s" }
        var rest = microseconds.magnitude
        var text = microseconds < 0 ? "-" : ""
        for (name, size) in units.dropFirst() where rest >= UInt64(size) {
            text += "\(rest / UInt64(size))\(name)"
            rest %= UInt64(size)
        }
        return text
    }
}
