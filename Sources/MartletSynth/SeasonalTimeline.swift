import MartletCore

/// How payments spread over the period: an intensity for each hour of it, and the way between a fraction of all
/// payments and the moment by which that fraction has arrived.
struct SeasonalTimeline: Sendable {
    private static let hour: Int64 = 3_600_000_000

    let start: Int64
    let end: Int64
    /// The fraction of payments before each hour of the period; the last element is 1.
    private let cumulative: [Double]

    /// - Parameter isSeasonal: false spreads payments evenly.
    init(start: Timestamp, end: Timestamp, isSeasonal: Bool) {
        self.start = start.microseconds
        self.end = end.microseconds
        let cells = Int((self.end - self.start + Self.hour - 1) / Self.hour)
        var sums = [0.0]
        sums.reserveCapacity(cells + 1)
        var total = 0.0
        for cell in 0..<cells {
            let cellStart = self.start + Int64(cell) * Self.hour
            let length = Double(min(self.end - cellStart, Self.hour)) / Double(Self.hour)
            total += length * (isSeasonal ? Self.intensity(cellStart) : 1)
            sums.append(total)
        }
        cumulative = sums.map { $0 / total }
    }

    /// Payments an hour against the average hour of the average day, all in UTC.
    static func intensity(_ microseconds: Int64) -> Double {
        let hours = flooredDivision(microseconds, by: hour)
        let days = Int(flooredDivision(hours, by: 24))
        let hourOfDay = Int(hours) - days * 24
        let (_, _, dayOfMonth) = civilFromDays(days)
        return hourWeights[hourOfDay] * weekdayWeights[weekday(ofDay: days)] * payDayWeight(dayOfMonth: dayOfMonth)
    }

    /// Spending rises when salaries arrive (from the 25th), a little with the new month, and falls in the days before.
    static func payDayWeight(dayOfMonth: Int) -> Double {
        switch dayOfMonth {
        case 25...28: 1.35
        case 1...2: 1.15
        case 18...24: 0.85
        default: 1
        }
    }

    /// The moment by which the fraction has arrived; strictly rising as far as microseconds allow.
    /// - Parameter cell: where the last search ended: near it the search is O(1), elsewhere O(log hours).
    @inline(__always)
    func time(at fraction: Double, near cell: inout Int) -> Int64 {
        if cumulative[cell] > fraction { cell = search(fraction) }
        var steps = 0
        while cumulative[cell + 1] <= fraction, cell + 2 < cumulative.count {
            cell += 1
            steps += 1
            if steps == 8 { cell = search(fraction) }
        }
        let cellStart = start + Int64(cell) * Self.hour
        let length = Double(min(end - cellStart, Self.hour))
        let share = (fraction - cumulative[cell]) / (cumulative[cell + 1] - cumulative[cell])
        return min(cellStart + Int64(share * length), end - 1)
    }

    func time(at fraction: Double) -> Int64 {
        var cell = 0
        return time(at: fraction, near: &cell)
    }

    /// The fraction that has arrived before the moment; 0 before the period, 1 after it.
    func fraction(at time: Int64) -> Double {
        if time <= start { return 0 }
        if time >= end { return 1 }
        let cell = Int((time - start) / Self.hour)
        let cellStart = start + Int64(cell) * Self.hour
        let share = Double(time - cellStart) / Double(min(end - cellStart, Self.hour))
        return cumulative[cell] + share * (cumulative[cell + 1] - cumulative[cell])
    }

    /// The last cell that starts at or before the fraction.
    private func search(_ fraction: Double) -> Int {
        var low = 0
        var high = cumulative.count - 2
        while low < high {
            let middle = (low + high + 1) / 2
            if cumulative[middle] <= fraction { low = middle } else { high = middle - 1 }
        }
        return low
    }
}

/// 0 is Monday.
func weekday(ofDay day: Int) -> Int {
    let shifted = (day + 3) % 7
    return shifted < 0 ? shifted + 7 : shifted
}

private let hourWeights = [
    0.18, 0.10, 0.07, 0.05, 0.06, 0.15, 0.40, 0.80, 1.10, 1.20, 1.30, 1.50,
    1.85, 1.70, 1.35, 1.30, 1.50, 1.85, 2.00, 1.75, 1.40, 1.10, 0.75, 0.40,
]
private let weekdayWeights = [0.90, 0.92, 0.95, 1.00, 1.20, 1.25, 0.78]
