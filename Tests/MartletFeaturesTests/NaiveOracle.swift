import MartletCore
import MartletDefinitions
import MartletFeatures

/// Features straight from DESIGN section 4: filter all events, sort, fold. Independent of the kernels in every step.
struct NaiveOracle {
    let events: EventColumns

    /// One cell: `value` holds the bits of doubles, so that NaN and -0 compare.
    enum Cell: Equatable, CustomStringConvertible {
        case null
        case real(UInt64)
        case other(Value)

        init(_ value: Value) {
            switch value {
            case .null: self = .null
            case .float64(let double): self = .real(double.bitPattern)
            case .float32(let float): self = .real(Double(float).bitPattern)
            default: self = .other(value)
            }
        }

        var description: String {
            switch self {
            case .null: "null"
            case .real(let bits): "\(Double(bitPattern: bits))"
            case .other(let value): value.description
            }
        }
    }

    /// The times that a window holds, given those of the events before `time`.
    func range(_ aggregate: WindowAggregate, _ window: TimeSpan, _ times: [Int64], at time: Int64) -> Range<Int64> {
        func floored(_ time: Int64, _ step: Int64) -> Int64 {
            var quotient = time / step
            if quotient * step > time { quotient -= 1 }
            return quotient * step
        }
        let hour: Int64 = 3_600_000_000
        let span = window.microseconds
        let hop = aggregate.isExact ? 1 : span >= 12 * 24 * hour ? 24 * hour : span >= 12 * hour ? hour : hour / 12
        let moment = time - aggregate.lag.microseconds
        let newestFirst = times.filter { $0 >= time - span && $0 < time }.sorted(by: >)
        switch aggregate.shape {
        case .sliding:
            let right = aggregate.lag == .zero ? time : floored(moment, hop)
            return min(right, floored(moment - span, hop))..<right
        case .tumbling:
            let right = floored(moment, span)
            return right - span..<right
        case .newest(let count):
            return (newestFirst.count < count ? time - span : newestFirst[count - 1])..<time
        case .session(let gap):
            var first = time
            for event in newestFirst {
                guard first - event <= gap.microseconds else { break }
                first = event
            }
            return first..<time
        }
    }

    func latest(id: Int32, at time: Int64, ttl: TimeSpan?, asKnown: Bool) -> Int32 {
        let rows = (0..<events.count).filter { row in
            events.ids[row] == id && id >= 0 && events.eventTimes[row] <= time
                && (ttl.map { events.eventTimes[row] >= time - $0.microseconds } ?? true)
                && (!asKnown || (events.arrivalTimes?[row] ?? 0) <= time)
        }
        return rows.max { isBefore($0, $1) }.map(Int32.init) ?? -1
    }

    func window(
        _ aggregate: WindowAggregate, _ window: TimeSpan, column: Int?, id: Int32, at time: Int64, asKnown: Bool
    ) -> Cell {
        var rows = (0..<events.count).filter { row in
            events.ids[row] == id && id >= 0 && (!asKnown || (events.arrivalTimes?[row] ?? 0) <= time)
        }
        let range = range(aggregate, window, rows.map { events.eventTimes[$0] }, at: time)
        rows = rows.filter { range.contains(events.eventTimes[$0]) }
        guard let column else { return .other(.int64(Int64(rows.count))) }
        let input = events.inputs[column]
        rows = rows.filter { row in
            let value = input[row]
            return !value.isNull && !(value.number?.isNaN ?? false)
        }
        if aggregate.function == .first || aggregate.function == .last { rows.sort { isBefore($0, $1) } }
        switch aggregate.function {
        case .count: return .other(.int64(Int64(rows.count)))
        case .first: return rows.first.map { Cell(input[$0]) } ?? .null
        case .last: return rows.last.map { Cell(input[$0]) } ?? .null
        case .min: return rows.min { isLess(input[$0], input[$1]) }.map { Cell(input[$0]) } ?? .null
        case .max: return rows.max { isLess(input[$0], input[$1]) }.map { Cell(input[$0]) } ?? .null
        case .daysSince:
            let newest = rows.map { row -> Int64 in
                guard case .timestamp(let value) = input[row] else { preconditionFailure("a timestamp column") }
                return value.microseconds
            }.max()
            return newest.map { Cell(.float64(Double(time - aggregate.lag.microseconds - $0) / 86_400e6)) } ?? .null
        case .distinct:
            let values = rows.map { row -> Value in
                let value = input[row]
                return value.number == 0 && input.type != .bool ? .int32(0) : value
            }
            return .other(.int64(Int64(Set(values).count)))
        case .sum, .mean, .stddev:
            let moments = exactMoments(input, rows)
            if aggregate.function == .sum { return Cell(.float64(moments.sum)) }
            let value = aggregate.function == .mean ? moments.mean : moments.standardDeviation
            return value.map { Cell(.float64($0)) } ?? .null
        }
    }

    private func exactMoments(_ input: Column, _ rows: [Int]) -> ExactMoments {
        if case .int64(let array) = input.values { return ExactMoments(integers: rows.map { array[$0] }) }
        return ExactMoments(rows.compactMap { input[$0].number })
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        func key(_ row: Int) -> (Int64, Int64, Int64) {
            (events.eventTimes[row], events.arrivalTimes?[row] ?? 0, events.positions?[row] ?? Int64(row))
        }
        return key(left) < key(right)
    }

    private func isLess(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.bool(let a), .bool(let b)): return !a && b
        case (.int32(let a), .int32(let b)): return a < b
        case (.int64(let a), .int64(let b)): return a < b
        case (.timestamp(let a), .timestamp(let b)): return a < b
        case (.float32(let a), .float32(let b)): return a < b || (a == b && a.sign == .minus && b.sign == .plus)
        case (.float64(let a), .float64(let b)): return a < b || (a == b && a.sign == .minus && b.sign == .plus)
        case (.string(let a), .string(let b)): return Array(a.utf8).lexicographicallyPrecedes(Array(b.utf8))
        case (.bytes(let a), .bytes(let b)): return a.lexicographicallyPrecedes(b)
        default: return false
        }
    }
}

/// The cells of a column.
func cells(_ column: Column) -> [NaiveOracle.Cell] { (0..<column.count).map { NaiveOracle.Cell(column[$0]) } }

/// Whether two lists of columns agree to the last bit.
func isSame(_ left: [Column], _ right: [Column]) -> Bool {
    left.map(\.type) == right.map(\.type) && left.map(cells) == right.map(cells)
}
