import MartletCore
import Testing

@Suite("A timestamp")
struct TimestampTests {
    @Test(
        "reads RFC 3339 with a zone",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01", 0), ("1969-12-31T23:59:59.999999Z", -1),
            ("2000-02-29T12:00:00+02:00", 951_818_400_000_000), ("2000-02-29 10:00:00.5z", 951_818_400_500_000),
            ("2000-02-29T10:00Z", 951_818_400_000_000), ("2000-02-29T05:30:00-0430", 951_818_400_000_000),
            ("2026-05-01T12:30:00.1234567Z", 1_777_638_600_123_456),
        ])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
    }

    @Test(
        "refuses what has no zone and what is no time",
        arguments: [
            "2026-05-01T12:30:00", "2026-13-01", "2026-02-29", "2026-05-01T24:00:00Z", "2026-05-01T12:60:00Z",
            "yesterday", "",
            "2026-05-01T12:30:00Zx", "2026-5-1", "2026-05-01T12:30:00.Z",
        ])
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test(
        "is written with 0, 3 or 6 fraction digits",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000001Z"), (1_000, "1970-01-01T00:00:00.001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ])
    func written(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }

    @Test("survives writing and reading, whatever the day")
    func roundTrip() {
        let seed: UInt64 = 11
        var random = SeededRandom(seed: seed)
        for _ in 0..<2_000 {
            let microseconds = Int64(random.next() % 8_000_000_000_000_000) - 4_000_000_000_000_000
            let timestamp = Timestamp(microseconds: microseconds)
            #expect(Timestamp(rfc3339: timestamp.description) == timestamp, "seed \(seed)")
        }
    }

    @Test(
        "rounds down to a step, before the epoch too",
        arguments: [
            (7, 5, 5), (5, 5, 5), (-1, 5, -5), (-5, 5, -5), (0, 5, 0),
        ])
    func floors(value: Int64, step: Int64, expected: Int64) {
        #expect(Timestamp(microseconds: value).floored(to: TimeSpan(microseconds: step)).microseconds == expected)
    }
}

@Suite("A time span")
struct TimeSpanTests {
    @Test(
        "reads sums of units",
        arguments: [
            ("90s", 90_000_000), ("5m", 300_000_000), ("1h30m", 5_400_000_000), ("30d", 2_592_000_000_000),
            ("2w", 1_209_600_000_000), ("1d12h", 129_600_000_000), ("250ms", 250_000), ("3us", 3),
        ])
    func reads(text: String, microseconds: Int64) {
        #expect(TimeSpan(text)?.microseconds == microseconds)
    }

    @Test("refuses anything else", arguments: ["", "5", "h", "1h1h", "30m1h", "-5m", "5 m", "1.5h", "99999999999999d"])
    func refuses(text: String) {
        #expect(TimeSpan(text) == nil)
    }

    @Test("is written as it can be read", arguments: ["1h", "7d", "1h30m", "90d", "1d12h", "250ms"])
    func written(text: String) {
        #expect(TimeSpan(text)?.description == text)
    }
}
