import MartletCore
import MartletDefinitions

@testable import MartletFeatures

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
            case .list(let values): self = .other(.string("\(values.map { Cell($0).description })"))
            case .map(let values):
                let entries = values.sorted { $0.key < $1.key }.map { "\($0.key)=\(Cell($0.value).description)" }
                self = .other(.string("\(entries)"))
            default: self = .other(value)
            }
        }

        var description: String {
            switch self {
            case .null: "null"
            case .real(let bits): "\(Double(bitPattern: bits)) \(bits)"
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
            return newest.map { Cell(.float64(Double(time - $0) / 86_400e6)) } ?? .null
        case .distinct: return .other(.int64(Int64(Set(rows.map { counted(input[$0]) }).count)))
        case .approxDistinct:
            var registers = Registers()
            for value in Set(rows.map { counted(input[$0]) }) { registers.add(hash(value)) }
            return .other(.int64(registers.estimate))
        case .topK:
            let counts = Dictionary(rows.map { (counted(input[$0]), 1) }, uniquingKeysWith: +)
            let sorted = counts.sorted { $0.value != $1.value ? $0.value > $1.value : isLess($0.key, $1.key) }
            return Cell(.list(sorted.prefix(parameters.length ?? 0).map(\.key)))
        case .histogram:
            return Cell(
                .map(Dictionary(rows.map { (input[$0].description, 1) }, uniquingKeysWith: +).mapValues(Value.int64)))
        case .quantile:
            let sorted = rows.compactMap { input[$0].number }.sorted()
            if sorted.isEmpty { return .null }
            let rank = Int(((parameters.quantile ?? 0) * Double(sorted.count - 1)).rounded(.down))
            return Cell(.float64(MartletFeatures.value(ofBucket: bucket(of: sorted[rank]))))
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
        return Cell(
            .map(
                groups.mapValues { rows -> Value in
                    guard let column, aggregate.function != .count else { return .int64(Int64(rows.count)) }
                    let moments = exactMoments(events.inputs[column], rows)
                    return .float64(aggregate.function == .sum ? moments.sum : moments.mean ?? .nan)
                }))
    }

    /// Straight from the definition of `DecayedSums`, in exact arithmetic.
    private func decayed(_ aggregate: WindowAggregate, _ input: Column, _ rows: [Int], _ time: Int64) -> Cell {
        let halfLife = aggregate.parameters.halfLife?.microseconds ?? 1
        let step = decayStep(halfLife: halfLife)
        var landmarks: [Int64: [(term: Double, weight: Double)]] = [:]
        for row in rows {
            var past = events.eventTimes[row] % step
            if past < 0 { past += step }
            let landmark = events.eventTimes[row] - past + step
            let weight = decayFactor(landmark - events.eventTimes[row], halfLife: halfLife)
            landmarks[landmark, default: []].append(((input[row].number ?? 0) * weight, weight))
        }
        func total(_ time: Int64, _ part: ((term: Double, weight: Double)) -> Double) -> Double {
            let sums = landmarks.map { landmark, terms in
                let sum = ExactMoments(terms.map(part)).sum
                return sum.isFinite ? sum * decayFactor(time - landmark, halfLife: halfLife) : sum
            }
            return sums.contains { $0.isNaN } ? .nan : ExactMoments(sums).sum
        }
        if aggregate.function == .decayedSum { return Cell(.float64(canonical(total(time) { $0.term }))) }
        guard let newest = landmarks.keys.max() else { return .null }
        return Cell(.float64(canonical(total(newest) { $0.term } / total(newest) { $0.weight })))
    }

    private func canonical(_ value: Double) -> Double { value.isNaN ? .nan : value }

    /// Both zeros are one value.
    private func counted(_ value: Value) -> Value {
        switch value {
        case .float64(let value) where value == 0: .float64(0)
        case .float32(let value) where value == 0: .float32(0)
        default: value
        }
    }

    private func hash(_ value: Value) -> UInt64 {
        switch value {
        case .bool(let value): sketchHash(value ? 1 : 0)
        case .int32(let value): sketchHash(Int64(value))
        case .int64(let value): sketchHash(value)
        case .timestamp(let value): sketchHash(value.microseconds)
        case .float32(let value): sketchHash(orderedBits(Double(value)))
        case .float64(let value): sketchHash(orderedBits(value))
        case .string(let value): Array(value.utf8).withUnsafeBytes { sketchHash($0) }
        case .bytes(let value): value.withUnsafeBytes { sketchHash($0) }
        case .null, .list, .map: preconditionFailure("not a counted value")
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
