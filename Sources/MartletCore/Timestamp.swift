/// An instant: microseconds since 1970-01-01T00:00:00Z, UTC, in the proleptic Gregorian calendar without leap seconds.
package struct Timestamp: Sendable, Hashable, Comparable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, microsecond: Int = 0)
    {
        let days = Int64(daysFromCivil(year: year, month: month, day: day))
        let seconds = days * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
        microseconds = seconds * 1_000_000 + Int64(microsecond)
    }

    package static let epoch = Timestamp(microseconds: 0)

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    package static func + (left: Timestamp, right: TimeSpan) -> Timestamp {
        Timestamp(microseconds: left.microseconds + right.microseconds)
    }

    package static func - (left: Timestamp, right: TimeSpan) -> Timestamp {
        Timestamp(microseconds: left.microseconds - right.microseconds)
    }

    package static func - (left: Timestamp, right: Timestamp) -> TimeSpan {
        TimeSpan(microseconds: left.microseconds - right.microseconds)
    }

    /// Rounded down to a multiple of `step` since the epoch, also before it.
    package func floored(to step: TimeSpan) -> Timestamp {
        Timestamp(microseconds: flooredToMultiple(microseconds, of: step.microseconds))
    }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with 0, 3 or 6 fraction digits: `2026-05-01T12:30:00Z`.
    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(27)
        appendRFC3339(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    package func appendRFC3339(to bytes: inout [UInt8]) {
        let days = flooredDivision(microseconds, by: 86_400_000_000)
        // Not by multiplication, which the least time would overflow.
        let remainder = microseconds % 86_400_000_000
        let rest = remainder < 0 ? remainder + 86_400_000_000 : remainder
        let (year, month, day) = civilFromDays(Int(days))
        appendPadded(year, 4, &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendPadded(month, 2, &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendPadded(day, 2, &bytes)
        bytes.append(UInt8(ascii: "T"))
        let seconds = Int(rest / 1_000_000)
        appendPadded(seconds / 3_600, 2, &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendPadded(seconds / 60 % 60, 2, &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendPadded(seconds % 60, 2, &bytes)
        let fraction = Int(rest % 1_000_000)
        if fraction != 0 {
            bytes.append(UInt8(ascii: "."))
            if fraction % 1_000 == 0 {
                appendPadded(fraction / 1_000, 3, &bytes)
            } else {
                appendPadded(fraction, 6, &bytes)
            }
        }
        bytes.append(UInt8(ascii: "Z"))
    }
}

extension Timestamp {
    /// Reads RFC 3339 with a mandatory zone (`2026-05-01T12:30:00Z`, `2026-05-01 14:30:00.5+02:00`) and the bare date
    /// `2026-05-01`, which is midnight UTC. Fractions beyond the microsecond are cut off.
    /// - Returns: nil for anything else, a date-time without a zone included.
    package init?(rfc3339 text: some StringProtocol) {
        let found = Array(text.utf8).withUnsafeBytes { Timestamp(rfc3339: $0) }
        guard let found else { return nil }
        self = found
    }

    /// - Parameter isLocal: whether a date-time without a zone is one in UTC.
    package init?(rfc3339 bytes: UnsafeRawBufferPointer, zoneIsOptional isLocal: Bool = false) {
        var parser = TimestampParser(bytes, zoneIsOptional: isLocal)
        guard let microseconds = parser.parse() else { return nil }
        self.microseconds = microseconds
    }
}

private struct TimestampParser {
    private let bytes: UnsafeRawBufferPointer
    private let zoneIsOptional: Bool
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, zoneIsOptional: Bool) {
        self.bytes = bytes
        self.zoneIsOptional = zoneIsOptional
    }

    mutating func parse() -> Int64? {
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2),
            (1...12).contains(month), (1...daysIn(month: month, year: year)).contains(day)
        else { return nil }
        let midnight = Timestamp(year: year, month: month, day: day).microseconds
        if position == bytes.count { return midnight }
        guard take("T") || take("t") || take(" "), let hour = number(2), take(":"), let minute = number(2),
            hour < 24, minute < 60
        else { return nil }
        var microseconds = Int64(hour * 60 + minute) * 60_000_000
        if take(":") {
            guard let second = number(2), second < 60 else { return nil }
            microseconds += Int64(second) * 1_000_000
            if take(".") {
                guard let fraction = fraction() else { return nil }
                microseconds += fraction
            }
        }
        guard let offset = zoneOffsetMinutes(), position == bytes.count else { return nil }
        return midnight + microseconds - Int64(offset) * 60_000_000
    }

    private mutating func zoneOffsetMinutes() -> Int? {
        if take("Z") || take("z") || (zoneIsOptional && position == bytes.count) { return 0 }
        let sign: Int
        if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
        guard let hours = number(2), hours < 24 else { return nil }
        if position == bytes.count { return sign * hours * 60 }
        _ = take(":")
        guard let minutes = number(2), minutes < 60 else { return nil }
        return sign * (hours * 60 + minutes)
    }

    private mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var digits = 0
        while position < bytes.count, (48...57).contains(bytes[position]) {
            if digits < 6 { value = value * 10 + Int64(bytes[position] - 48) }
            digits += 1
            position += 1
        }
        guard digits > 0 else { return nil }
        for _ in min(digits, 6)..<6 { value *= 10 }
        return value
    }

    private mutating func number(_ digits: Int) -> Int? {
        guard position + digits <= bytes.count else { return nil }
        var value = 0
        for place in position..<position + digits {
            let byte = bytes[place]
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        position += digits
        return value
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }
}

// The algorithms of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms" (2013).

/// Days since 1970-01-01.
package func daysFromCivil(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}

package func civilFromDays(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
}

package func daysIn(month: Int, year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// Rounded towards minus infinity.
package func flooredDivision(_ value: Int64, by divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}

/// Rounded down to a multiple of `step`, also below zero. Wraps around within `step` of the smallest number.
@inlinable
package func flooredToMultiple(_ value: Int64, of step: Int64) -> Int64 {
    if step == 1 { return value }
    let remainder = value % step
    return value &- (remainder < 0 ? remainder &+ step : remainder)
}

private func appendPadded(_ value: Int, _ width: Int, _ bytes: inout [UInt8]) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let digits = Array(value.magnitude.description.utf8)
    for _ in 0..<max(0, width - digits.count) { bytes.append(UInt8(ascii: "0")) }
    bytes.append(contentsOf: digits)
}
