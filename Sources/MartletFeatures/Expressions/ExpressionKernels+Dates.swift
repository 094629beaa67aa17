internal import MartletCore
internal import MartletDefinitions

private let dayMicroseconds: Int64 = 86_400_000_000

func datePart(_ operation: ExpressionOperation, _ operand: Column) -> Column {
    let values = operand.wholes.map { time -> Int64 in
        let days = flooredDivision(time, by: dayMicroseconds)
        switch operation {
        case .hour:
            let rest = time % dayMicroseconds
            return (rest < 0 ? rest + dayMicroseconds : rest) / 3_600_000_000
        // 1970-01-01 was a Thursday; Monday is 1.
        case .dayOfWeek: return days + 3 - flooredToMultiple(days + 3, of: 7) + 1
        case .day: return Int64(civilFromDays(Int(days)).day)
        case .month: return Int64(civilFromDays(Int(days)).month)
        default: return Int64(civilFromDays(Int(days)).year)
        }
    }
    return Column(.int64(values), validity: operand.validity)
}

/// From the first time to the second.
func spans(_ from: Column, _ to: Column, unitMicroseconds: Double) -> Column {
    let validity = both(from.validity, to.validity)
    let made = mapping(from.wholes, to.wholes, validity, zero: 0) { start, end -> Double? in
        let (span, overflow) = end.subtractingReportingOverflow(start)
        return overflow ? nil : Double(span) / unitMicroseconds
    }
    return Column(.float64(made.values), validity: made.validity)
}

func timestamps(_ operand: Column) -> Column {
    let texts = operand.texts
    let made = mapping(Array(0..<texts.count), operand.validity, zero: 0) { row in
        Timestamp(rfc3339: texts[row])?.microseconds
    }
    return Column(.timestamp(made.values), validity: made.validity)
}
