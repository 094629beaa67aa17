package import MartletCore

/// What a file of payments turned out to hold: counted from the batches, not taken from the settings. Summaries of
/// different batches of the same file may be made on different threads and merged.
package struct PaymentSummary: Sendable, Hashable {
    package private(set) var rows = 0
    package private(set) var fraudRows = 0
    /// By `FraudKind.rawValue`.
    package private(set) var rowsByFraudKind = [Int](repeating: 0, count: FraudKind.allCases.count)
    /// Event times, UTC.
    package private(set) var rowsByHour = [Int](repeating: 0, count: 24)
    package private(set) var fraudByHour = [Int](repeating: 0, count: 24)
    /// Days since the epoch, by event time.
    package private(set) var rowsByDay: [Int: Int] = [:]
    package private(set) var declinedRows = 0
    package private(set) var refundRows = 0
    /// Rows that are no duplicates and arrived more than a minute after their event.
    package private(set) var lateRows = 0
    /// Rows that repeat the id of an earlier row.
    package private(set) var duplicateRows = 0
    /// Of approved payments, in units of their currencies.
    package private(set) var approvedAmount = 0.0

    package static let lateAfter = TimeSpan.minutes(1)

    package init() {}

    /// - Parameters:
    ///   - batch: as `PaymentGenerator.batch` makes it.
    ///   - firstRow: the row of the file that the batch starts with.
    package mutating func add(_ batch: RecordBatch, firstRow: Int) {
        guard case .string(let ids)? = batch["payment_id"]?.values, case .bool(let frauds)? = batch["is_fraud"]?.values,
            case .string(let kinds)? = batch["fraud_kind"]?.values,
            case .timestamp(let events)? = batch["event_time"]?.values,
            case .timestamp(let arrivals)? = batch["arrival_time"]?.values,
            case .string(let statuses)? = batch["status"]?.values, case .float64(let amounts)? = batch["amount"]?.values
        else { preconditionFailure("a summary is made of payments") }
        var counts = HourCounts()
        var approved = 0.0
        var (late, duplicates, declined, refunds) = (0, 0, 0, 0)
        for row in 0..<batch.rowCount {
            counts.add(events[row])
            if frauds[row] {
                fraudByHour[counts.hourOfDay] += 1
                let kind = FraudKind.names.firstIndex { kinds.slice(row).elementsEqual($0.utf8) }
                rowsByFraudKind[kind ?? 0] += 1
            }
            if number(ids.bytes, ids.range(row)) <= firstRow + row {
                duplicates += 1
            } else if arrivals[row] - events[row] > Self.lateAfter.microseconds {
                late += 1
            }
            switch statuses.bytes[Int(statuses.offsets[row])] {
            case UInt8(ascii: "d"): declined += 1
            case UInt8(ascii: "r"): refunds += 1
            default: approved += amounts[row]
            }
        }
        counts.finish()
        rows += batch.rowCount
        fraudRows += frauds.count { $0 }
        rowsByFraudKind[0] = rows - fraudRows
        for (hour, count) in counts.rows {
            let day = Int(flooredDivision(hour, by: 24))
            rowsByHour[Int(hour) - day * 24] += count
            rowsByDay[day, default: 0] += count
        }
        lateRows += late
        duplicateRows += duplicates
        declinedRows += declined
        refundRows += refunds
        approvedAmount += approved
    }

    package mutating func merge(_ other: PaymentSummary) {
        rows += other.rows
        fraudRows += other.fraudRows
        rowsByFraudKind = zip(rowsByFraudKind, other.rowsByFraudKind).map(+)
        rowsByHour = zip(rowsByHour, other.rowsByHour).map(+)
        fraudByHour = zip(fraudByHour, other.fraudByHour).map(+)
        rowsByDay.merge(other.rowsByDay) { $0 + $1 }
        declinedRows += other.declinedRows
        refundRows += other.refundRows
        lateRows += other.lateRows
        duplicateRows += other.duplicateRows
        approvedAmount += other.approvedAmount
    }
}

/// The number of an id: `p` and digits.
@inline(__always)
private func number(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
    var number = 0
    for index in (range.lowerBound + 1)..<range.upperBound { number = number &* 10 &+ Int(bytes[index] &- 48) }
    return number
}

/// Rows by hour since the epoch. Most rows are of the same hour as the row before, so the dictionary is seldom asked.
private struct HourCounts {
    private static let length: Int64 = 3_600_000_000
    private(set) var rows: [Int64: Int] = [:]
    private var hour: Int64 = 0
    private var start: Int64 = 0
    private var count = 0
    /// Of the row added last.
    private(set) var hourOfDay = 0

    @inline(__always)
    mutating func add(_ time: Int64) {
        if time < start || time >= start &+ Self.length { move(to: time) }
        count += 1
    }

    private mutating func move(to time: Int64) {
        finish()
        hour = flooredDivision(time, by: Self.length)
        start = hour * Self.length
        hourOfDay = Int(hour - flooredDivision(hour, by: 24) * 24)
    }

    mutating func finish() {
        if count > 0 { rows[hour, default: 0] += count }
        count = 0
    }
}

extension PaymentSummary {
    package var fraudRate: Double { fraction(fraudRows) }
    package var declineRate: Double { fraction(declinedRows) }
    package var refundRate: Double { fraction(refundRows) }
    package var lateRate: Double { fraction(lateRows) }
    package var duplicateRate: Double { fraction(duplicateRows) }

    private func fraction(_ count: Int) -> Double { rows == 0 ? 0 : Double(count) / Double(rows) }

    /// Rows a day for each weekday from Monday, against the average day; 1 everywhere without a season.
    package var weekdaySeasonality: [Double] {
        var days = [Int](repeating: 0, count: 7)
        var sums = [Int](repeating: 0, count: 7)
        for (day, count) in rowsByDay {
            days[weekday(ofDay: day)] += 1
            sums[weekday(ofDay: day)] += count
        }
        return (0..<7).map { days[$0] == 0 ? 0 : Double(sums[$0]) / Double(days[$0]) / rowsADay }
    }

    /// Rows an hour for each hour of the day, against the average hour.
    package var hourSeasonality: [Double] { rowsByHour.map { fraction($0) * 24 } }

    /// Rows a day on the days after pay-day (the 25th to the 28th), against the average of all other days; 0 where
    /// the period has none of one or the other.
    package var payDayUplift: Double {
        var paid = (days: 0, rows: 0)
        var other = (days: 0, rows: 0)
        for (day, count) in rowsByDay {
            if (25...28).contains(civilFromDays(day).day) {
                paid = (paid.days + 1, paid.rows + count)
            } else {
                other = (other.days + 1, other.rows + count)
            }
        }
        guard paid.days > 0, other.days > 0, other.rows > 0 else { return 0 }
        return Double(paid.rows) / Double(paid.days) / (Double(other.rows) / Double(other.days))
    }

    private var rowsADay: Double { Double(rows) / Double(max(1, rowsByDay.count)) }
}
