internal import MartletCore

/// What a table's log knows of the values in a file (Delta protocol, "Per-file Statistics"). Minimum and maximum are
/// bounds: for texts that were cut and for times between milliseconds they lie a little outside.
struct FileStatistics: Sendable, Hashable {
    var rowCount: Int64
    var minima: [String: JSONValue] = [:]
    var maxima: [String: JSONValue] = [:]
    var nullCounts: [String: Int64] = [:]

    init(rowCount: Int64) { self.rowCount = rowCount }

    /// nil where the text holds no count of rows: such statistics say nothing.
    init?(json text: String) {
        guard let json = try? JSONValue(parsing: text), let count = json["numRecords"]?.integer else { return nil }
        rowCount = count
        minima = json["minValues"]?.object ?? [:]
        maxima = json["maxValues"]?.object ?? [:]
        nullCounts = json["nullCount"]?.object?.compactMapValues(\.integer) ?? [:]
    }

    var json: String {
        JSONValue.object([
            "numRecords": .integer(rowCount), "minValues": .object(minima), "maxValues": .object(maxima),
            "nullCount": .object(nullCounts.mapValues { .integer($0) }),
        ]).text
    }

    /// The bounds of a timestamp column in microseconds, widened by what cutting to milliseconds may have lost.
    func timeBounds(_ column: String) -> ClosedRange<Int64>? {
        guard let low = minima[column]?.string.flatMap({ Timestamp(rfc3339: $0) }),
            let high = maxima[column]?.string.flatMap({ Timestamp(rfc3339: $0) }), low <= high
        else { return nil }
        return low.microseconds...(high.microseconds + 999)
    }
}

/// How texts and times become bounds.
enum StatisticBound {
    /// Longer texts are cut to this many Unicode scalars.
    static let scalarsMax = 32

    /// A text that does not come after `text`.
    static func minimum(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(scalarsMax)))
    }

    /// A text that does not come before `text` nor before anything it begins; nil where there is none this short.
    static func maximum(_ text: String) -> String? {
        var scalars = Array(text.unicodeScalars.prefix(scalarsMax + 1))
        guard scalars.count > scalarsMax else { return text }
        scalars.removeLast()
        while let last = scalars.popLast() {
            // The scalar after the last one of the basic plane's lower part skips the surrogates.
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            if let raised = Unicode.Scalar(next) {
                var view = String.UnicodeScalarView(scalars)
                view.append(raised)
                return String(view)
            }
        }
        return nil
    }

    /// Rounded down to the millisecond.
    static func minimum(_ time: Timestamp) -> Timestamp { time.floored(to: TimeSpan(microseconds: 1_000)) }

    /// Rounded up to the millisecond: right both for readers that add what cutting lost and for those that do not.
    static func maximum(_ time: Timestamp) -> Timestamp {
        let floor = minimum(time)
        return floor == time ? time : floor + TimeSpan(microseconds: 1_000)
    }
}
