import Glibc
import MartletCore
import MartletDefinitions
import MartletFeatures

/// Features straight from DESIGN section 4: filter all events, sort, fold. It shares no arithmetic with the kernels:
/// the import is not `@testable`, sums are of `ExactArithmetic`, sketches of `NaiveHyperLogLog`, and what is given
/// within a bound (quantiles, decay) is compared to the exact value within that bound.
struct NaiveOracle {
    static let differentValuesMaximum = 1_024

    let events: EventColumns

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
                && isThere(row, at: time, asKnown: asKnown)
        }
        return rows.max { isBefore($0, $1) }.map(Int32.init) ?? -1
    }

    /// Whether the event counts: as known from its arrival until it is taken back, as true if it never is.
    private func isThere(_ row: Int, at time: Int64, asKnown: Bool) -> Bool {
        let removal = events.removalTimes?[row] ?? .max
        if !asKnown { return removal == .max }
        return (events.arrivalTimes?[row] ?? 0) <= time && time < removal
    }

    func window(
        _ aggregate: WindowAggregate, _ window: TimeSpan, column: Int?, id: Int32, at time: Int64, asKnown: Bool
    ) -> Cell {
        var rows = (0..<events.count).filter { row in
            events.ids[row] == id && id >= 0 && isThere(row, at: time, asKnown: asKnown)
        }
        let range = range(aggregate, window, rows.map { events.eventTimes[$0] }, at: time)
        let moment = time - aggregate.lag.microseconds
        rows = rows.filter { range.contains(events.eventTimes[$0]) }
        if let category = aggregate.parameters.category {
            return split(aggregate, rows, column, RandomEvents.columnNames.firstIndex(of: category) ?? 0)
        }
        if let column { rows = rows.filter { isValue(events.inputs[column][$0]) } }
        rows.sort { isBefore($0, $1) }
        switch aggregate.function {
        case .count: return .other(.int64(Int64(rows.count)))
        case .timeSinceLast:
            return rows.last.map { Cell(.float64(Double(moment - events.eventTimes[$0]) / 1e6)) } ?? .null
        case .sessionCount:
            let gap = aggregate.parameters.gap?.microseconds ?? 0
            let breaks = zip(rows, rows.dropFirst()).filter { events.eventTimes[$1] - events.eventTimes[$0] > gap }
            return .other(.int64(rows.isEmpty ? 0 : Int64(breaks.count) + 1))
        default: break
        }
        guard let column else { preconditionFailure("\(aggregate.function) has a column") }
        return value(aggregate, events.inputs[column], rows, moment)
    }

    private func isValue(_ value: Value) -> Bool { !value.isNull && !(value.number?.isNaN ?? false) }

    /// - Parameter rows: in order, none without a value.
    private func value(_ aggregate: WindowAggregate, _ input: Column, _ rows: [Int], _ time: Int64) -> Cell {
        let parameters = aggregate.parameters
        switch aggregate.function {
        case .first: return rows.first.map { Cell(input[$0]) } ?? .null
        case .last: return rows.last.map { Cell(input[$0]) } ?? .null
        case .firstN: return Cell(.list(rows.prefix(parameters.length ?? 0).map { input[$0] }))
        case .lastN: return Cell(.list(rows.suffix(parameters.length ?? 0).map { input[$0] }))
        case .min: return rows.min { isLess(input[$0], input[$1]) }.map { Cell(input[$0]) } ?? .null
        case .max: return rows.max { isLess(input[$0], input[$1]) }.map { Cell(input[$0]) } ?? .null
        case .daysSince:
            let newest = rows.map { row -> Int64 in
                guard case .timestamp(let value) = input[row] else { preconditionFailure("a timestamp column") }
                return value.microseconds
            }.max()
            guard let newest else { return .null }
            let (distance, isBeyond) = time.subtractingReportingOverflow(newest)
            return isBeyond ? .null : Cell(.float64(Double(distance) / 86_400e6))
        case .distinct:
            let values = Set(rows.map { counted(input[$0]) })
            if values.count <= Self.differentValuesMaximum { return .other(.int64(Int64(values.count))) }
            return estimate(max(NaiveHyperLogLog(values).estimate, Double(Self.differentValuesMaximum + 1)))
        case .approxDistinct: return estimate(NaiveHyperLogLog(Set(rows.map { counted(input[$0]) })).estimate)
        case .topK:
            let counts = Dictionary(rows.map { (counted(input[$0]), 1) }, uniquingKeysWith: +)
            if counts.count > Self.differentValuesMaximum { return .null }
            let sorted = counts.sorted { $0.value != $1.value ? $0.value > $1.value : isLess($0.key, $1.key) }
            return Cell(.list(sorted.prefix(parameters.length ?? 0).map(\.key)))
        case .histogram:
            let counts = Dictionary(rows.map { (input[$0].description, Int64(1)) }, uniquingKeysWith: +)
            return counts.count > Self.differentValuesMaximum ? .null : Cell(.map(counts.mapValues(Value.int64)))
        case .quantile:
            let sorted = rows.compactMap { input[$0].number }.sorted()
            if sorted.isEmpty { return .null }
            let rank = Int(((parameters.quantile ?? 0) * Double(sorted.count - 1)).rounded(.down))
            let exact = sorted[rank]
            if exact.isInfinite { return Cell(.float64(exact)) }
            return .near(exact, within: abs(exact) / 129 * (1 + 1e-12) + 0x1p-1028)
        case .decayedSum, .decayedMean: return decayed(aggregate, input, rows, time)
        case .sum, .mean, .stddev, .variance, .skewness:
            let moments = exactMoments(input, rows)
            if aggregate.function == .sum { return Cell(.float64(moments.sum)) }
            let value =
                switch aggregate.function {
                case .mean: moments.mean
                case .variance: moments.variance
                case .skewness: moments.skewness
                default: moments.standardDeviation
                }
            return value.map { Cell(.float64($0)) } ?? .null
        case .count, .timeSinceLast, .sessionCount, .ratio: preconditionFailure("not of a column alone")
        }
    }

    /// count, sum or mean for each category.
    private func split(_ aggregate: WindowAggregate, _ rows: [Int], _ column: Int?, _ category: Int) -> Cell {
        let rows = rows.filter { row in
            isValue(events.inputs[category][row]) && (column.map { isValue(events.inputs[$0][row]) } ?? true)
        }
        let groups = Dictionary(grouping: rows) { events.inputs[category][$0].description }
        if groups.count > Self.differentValuesMaximum { return .null }
        return Cell(
            .map(
                groups.mapValues { rows -> Value in
                    guard let column, aggregate.function != .count else { return .int64(Int64(rows.count)) }
                    let moments = exactMoments(events.inputs[column], rows)
                    return .float64(aggregate.function == .sum ? moments.sum : moments.mean ?? .nan)
                }))
    }

    /// Each value weighted by its age, as if there were no landmarks: at the time of reading for a sum, at the newest
    /// event for a mean, which does not fade.
    private func decayed(_ aggregate: WindowAggregate, _ input: Column, _ rows: [Int], _ time: Int64) -> Cell {
        let values = rows.map { input[$0].number ?? 0 }
        let isSum = aggregate.function == .decayedSum
        guard let newest = rows.map({ events.eventTimes[$0] }).max() else { return isSum ? Cell(.float64(0)) : .null }
        if let infinity = values.first(where: \.isInfinite) {
            return Cell(.float64(values.contains(-infinity) ? .nan : infinity))
        }
        let halfLife = aggregate.parameters.halfLife?.microseconds ?? 1
        let weights = rows.map { row -> Double in
            let age = (isSum ? time : newest) - events.eventTimes[row]
            // Whole halvings are exact, so that only the rest is rounded.
            return scalbn(exp2(-Double(age % halfLife) / Double(halfLife)), -Int(age / halfLife))
        }
        let sum = ExactMoments(zip(values, weights).map { $0 * $1 }).sum
        let magnitude = zip(values, weights).reduce(0) { $0 + abs($1.0) * $1.1 }
        // What is promised, what the weights here are rounded by, and what is lost below the smallest double.
        let rounding = 0x1p-53 * magnitude
        let underflow = 0x1p-1073 * values.reduce(Double(values.count)) { $0 + abs($1) }
        if isSum { return .near(sum, within: 20 * rounding + underflow) }
        let total = weights.reduce(0, +)
        return .near(sum / total, within: 40 * rounding / total + underflow)
    }

    /// The nearest integer to an estimate; either one half-way.
    private func estimate(_ value: Double) -> Cell { .near(value, within: 0.5 + 1e-9 * value) }

    /// Both zeros are one value.
    private func counted(_ value: Value) -> Value {
        switch value {
        case .float64(let value) where value == 0: .float64(0)
        case .float32(let value) where value == 0: .float32(0)
        default: value
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
