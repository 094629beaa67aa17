package import MartletCore

extension PaymentSummary {
    /// `rows, fraud_rate, fraud_rows, fraud_kinds {kind: rows}, decline_rate, refund_rate, late_rate, duplicate_rate,
    /// approved_amount, hour_seasonality [24], weekday_seasonality [7, from Monday], pay_day_uplift`.
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("rows", rows)
            json.member("fraud_rows", fraudRows)
            json.member("fraud_rate", fraudRate)
            json.key("fraud_kinds")
            json.object { json in
                for kind in FraudKind.allCases where kind != .none {
                    json.member(kind.name, rowsByFraudKind[Int(kind.rawValue)])
                }
            }
            json.member("decline_rate", declineRate)
            json.member("refund_rate", refundRate)
            json.member("late_rate", lateRate)
            json.member("duplicate_rate", duplicateRate)
            json.member("approved_amount", approvedAmount)
            json.key("hour_seasonality")
            json.array { json in for value in hourSeasonality { json.value(value) } }
            json.key("weekday_seasonality")
            json.array { json in for value in weekdaySeasonality { json.value(value) } }
            json.member("pay_day_uplift", payDayUplift)
        }
    }

    /// The same for a person, in lines of less than 80 characters.
    package var text: String {
        var lines = [
            "payments     \(rows)",
            "fraud        \(fraudRows) (\(percent(fraudRate)))",
        ]
        for kind in FraudKind.allCases where kind != .none {
            let name = padded(kind.name, to: 22)
            lines.append("  \(name)\(rowsByFraudKind[Int(kind.rawValue)])")
        }
        lines.append("declined     \(percent(declineRate))")
        lines.append("refunds      \(percent(refundRate))")
        lines.append("late         \(percent(lateRate))")
        lines.append("duplicates   \(percent(duplicateRate))")
        lines.append("pay-day      \(hundredths(payDayUplift))x the other days (25th to 28th)")
        lines.append("hour (UTC)   \(bars(hourSeasonality))  00 to 23, \(span(hourSeasonality))")
        lines.append("weekday      \(bars(weekdaySeasonality))  Mon to Sun, \(span(weekdaySeasonality))")
        return lines.joined(separator: "\n")
    }
}

private func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

private func percent(_ fraction: Double) -> String { "\(hundredths(fraction * 100)) %" }

private func hundredths(_ value: Double) -> String {
    let rounded = Int((value * 100).rounded())
    let digits = "\(rounded % 100)"
    return "\(rounded / 100).\(digits.count == 1 ? "0" : "")\(digits)"
}

private func span(_ values: [Double]) -> String {
    "\(hundredths(values.min() ?? 0))x to \(hundredths(values.max() ?? 0))x the average"
}

/// One block a value, as high as it is against the highest.
private func bars(_ values: [Double]) -> String {
    let blocks = Array("▁▂▃▄▅▆▇█")
    let highest = values.max() ?? 0
    guard highest > 0 else { return "" }
    return String(values.map { blocks[min(7, Int($0 / highest * 8))] })
}
