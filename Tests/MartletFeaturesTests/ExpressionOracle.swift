import Glibc
import MartletCore
import MartletDefinitions

/// What an expression says of one row, value by value and with other means than the kernels: characters instead of
/// bytes, text instead of the calendar's arithmetic, wide instead of checked integers.
struct ExpressionOracle {
    let row: [ExpressionInput: Value]

    func value(_ expression: TypedExpression) -> Value {
        switch expression {
        case .literal(let value, _): return value
        case .input(let input, _): return read(row[input] ?? .null)
        case .apply(.elementSum, let operands, .real):
            // The sum of nothing is a float64, too.
            let made = apply(.elementSum, operands.map(value))
            return made == .int64(0) ? .float64(0) : made
        case .apply(let operation, let operands, _): return apply(operation, operands.map(value))
        }
    }

    private func read(_ value: Value) -> Value {
        switch value {
        case .int32(let x): .int64(Int64(x))
        case .float32(let x): x.isNaN ? .null : .float64(Double(x))
        case .float64(let x): x.isNaN ? .null : value
        case .list(let elements): .list(elements.map(wide))
        case .map(let entries): .map(entries.mapValues(wide))
        default: value
        }
    }

    private func wide(_ value: Value) -> Value {
        switch value {
        case .int32(let x): .int64(Int64(x))
        case .float32(let x): .float64(Double(x))
        default: value
        }
    }

    /// One after another, in the order of the list or of the keys' bytes.
    private func elements(_ operation: ExpressionOperation, _ values: [Value]) -> Value {
        let list: [Value]
        switch values[0] {
        case .list(let elements): list = elements
        case .map(let entries):
            list = entries.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }.map(\.value)
            guard case .string(let key)? = values.dropFirst().first else { break }
            // Not Swift's order of characters, which sees equal what is written otherwise.
            let found = entries.first { Array($0.key.utf8) == Array(key.utf8) }?.value
            return operation == .hasKey ? .bool(found != nil) : found.map(read) ?? .null
        default: return .null
        }
        let numbers = list.compactMap(\.number).filter { !$0.isNaN }
        switch operation {
        case .elementCount: return .int64(Int64(list.count))
        case .hasElement: return .bool(list.contains { !read($0).isNull && order([$0, values[1]]) == 0 })
        case .elementAt:
            guard case .int64(let place) = values[1] else { return .null }
            let index = place > 0 ? Int128(place) - 1 : Int128(list.count) + Int128(place)
            return place == 0 || index < 0 || index >= Int128(list.count) ? .null : read(list[Int(index)])
        case .elementMean:
            let mean = numbers.reduce(0, +) / Double(numbers.count)
            return mean.isFinite ? .float64(mean) : .null
        case .elementSum:
            if case .int64? = list.first {
                var sum: Int128 = 0
                for case .int64(let x) in list {
                    sum += Int128(x)
                    if Int64(exactly: sum) == nil { return .null }
                }
                return .int64(Int64(sum))
            }
            let sum = numbers.reduce(0, +)
            // What the list holds is not known where it is empty; the caller knows.
            return list.isEmpty ? .int64(0) : sum.isFinite ? .float64(sum) : .null
        default:
            let known = list.filter { !read($0).isNull }
            guard let first = known.first else { return .null }
            return known.dropFirst().reduce(first) { best, next in
                let order = order([next, best])
                return (operation == .elementMinimum ? order < 0 : order > 0) ? next : best
            }
        }
    }

    private func apply(_ operation: ExpressionOperation, _ values: [Value]) -> Value {
        switch operation {
        case .isNull: return .bool(values[0].isNull)
        case .and: return values.contains(.bool(false)) ? .bool(false) : values.contains(.null) ? .null : .bool(true)
        case .or: return values.contains(.bool(true)) ? .bool(true) : values.contains(.null) ? .null : .bool(false)
        case .choose: return values[0] == .bool(true) ? values[1] : values[2]
        case .coalesce: return values.first { !$0.isNull } ?? .null
        default: break
        }
        if values.contains(.null) { return .null }
        switch operation {
        case .not: return .bool(values[0] == .bool(false))
        case .add, .subtract, .multiply, .divide, .remainder, .power, .negate, .absolute, .floor, .ceil, .round,
            .squareRoot, .naturalLogarithm, .exponential:
            return number(operation, values)
        case .equal: return .bool(order(values) == 0)
        case .notEqual: return .bool(order(values) != 0)
        case .less: return .bool(order(values) < 0)
        case .lessOrEqual: return .bool(order(values) <= 0)
        case .greater: return .bool(order(values) > 0)
        case .greaterOrEqual: return .bool(order(values) >= 0)
        case .minimum: return values.dropFirst().reduce(values[0]) { order([$1, $0]) < 0 ? $1 : $0 }
        case .maximum: return values.dropFirst().reduce(values[0]) { order([$1, $0]) > 0 ? $1 : $0 }
        case .toInteger, .toReal, .toText, .toTimestamp: return cast(operation, values[0])
        case .hour, .dayOfWeek, .day, .month, .year: return .int64(part(operation, values[0]))
        case .daysBetween, .secondsBetween:
            guard case (.timestamp(let from), .timestamp(let to)) = (values[0], values[1]) else { return .null }
            let (span, overflow) = to.microseconds.subtractingReportingOverflow(from.microseconds)
            return overflow ? .null : .float64(Double(span) / (operation == .daysBetween ? 86_400e6 : 1e6))
        case .elementCount, .elementSum, .elementMean, .elementMinimum, .elementMaximum, .hasElement, .elementAt,
            .hasKey,
            .valueOfKey:
            return elements(operation, values)
        default: return text(operation, values)
        }
    }

    private func number(_ operation: ExpressionOperation, _ values: [Value]) -> Value {
        if case .int64(let a) = values[0] {
            var b: Int64 = 0
            if values.count > 1, case .int64(let second) = values[1] { b = second }
            let (x, y) = (Int128(a), Int128(b))
            let wide: Int128? =
                switch operation {
                case .add: x + y
                case .subtract: x - y
                case .multiply: x * y
                case .remainder: y == 0 ? nil : x % y
                case .negate: -x
                case .absolute: x < 0 ? -x : x
                default: x
                }
            return wide.flatMap { Int64(exactly: $0) }.map { .int64($0) } ?? .null
        }
        let a = values[0].number ?? 0
        let b = values.count > 1 ? values[1].number ?? 0 : 0
        let result: Double =
            switch operation {
            case .add: a + b
            case .subtract: a - b
            case .multiply: a * b
            case .divide: b == 0 ? .nan : a / b
            case .remainder: b == 0 ? .nan : fmod(a, b)
            case .power: pow(a, b)
            case .negate: 0 - a == 0 ? -a : 0 - a
            case .absolute: fabs(a)
            case .floor: Glibc.floor(a)
            case .ceil: Glibc.ceil(a)
            case .round: Glibc.round(a)
            case .squareRoot: Glibc.sqrt(a)
            case .naturalLogarithm: log(a)
            default: exp(a)
            }
        return result.isFinite ? .float64(result) : .null
    }

    private func order(_ values: [Value]) -> Int {
        func compare<T: Comparable>(_ a: T, _ b: T) -> Int { a < b ? -1 : b < a ? 1 : 0 }
        switch (values[0], values[1]) {
        case (.bool(let a), .bool(let b)): return a == b ? 0 : 1
        case (.int64(let a), .int64(let b)): return compare(a, b)
        case (.float64(let a), .float64(let b)): return compare(a, b)
        case (.timestamp(let a), .timestamp(let b)): return compare(a, b)
        case (.string(let a), .string(let b)):
            // Code points, not Swift's order of characters, which sees equal what is written otherwise.
            let (left, right) = (a.unicodeScalars.map(\.value), b.unicodeScalars.map(\.value))
            return left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
        default: return 1
        }
    }

    private func cast(_ operation: ExpressionOperation, _ value: Value) -> Value {
        switch (operation, value) {
        case (.toInteger, .bool(let x)): return .int64(x ? 1 : 0)
        case (.toInteger, .float64(let x)): return trunc(x) >= -0x1p63 && trunc(x) < 0x1p63 ? .int64(Int64(x)) : .null
        case (.toInteger, .string(let x)): return Int64(x).map { .int64($0) } ?? .null
        case (.toReal, .bool(let x)): return .float64(x ? 1 : 0)
        case (.toReal, .int64(let x)): return .float64(Double(x))
        case (.toReal, .string(let x)):
            let isDecimal = x.unicodeScalars.allSatisfy { "0123456789+-.eE".unicodeScalars.contains($0) }
            guard isDecimal, let number = Double(x), number.isFinite else { return .null }
            return .float64(number)
        case (.toText, let x): return .string(x.description)
        case (.toTimestamp, .string(let x)): return Timestamp(rfc3339: x).map { .timestamp($0) } ?? .null
        default: return value
        }
    }

    /// From the written time; the weekday by Zeller's congruence.
    private func part(_ operation: ExpressionOperation, _ value: Value) -> Int64 {
        let text = value.description
        let isNegative = text.hasPrefix("-")
        let pieces = text.split { "-T:.Z".contains($0) }.compactMap { Int64($0) }
        let year = isNegative ? -pieces[0] : pieces[0]
        switch operation {
        case .hour: return pieces[3]
        case .day: return pieces[2]
        case .month: return pieces[1]
        case .year: return year
        default:
            let month = pieces[1] < 3 ? pieces[1] + 12 : pieces[1]
            let shifted = pieces[1] < 3 ? year - 1 : year
            func floored(_ a: Int64, _ b: Int64) -> Int64 { Int64((Double(a) / Double(b)).rounded(.down)) }
            let century = floored(shifted, 100)
            let rest = shifted - 100 * century
            let sum = pieces[2] + 13 * (month + 1) / 5 + rest + rest / 4 + floored(century, 4) - 2 * century
            // 0 is Saturday.
            let day = ((sum % 7) + 7) % 7
            return (day + 5) % 7 + 1
        }
    }

    private func text(_ operation: ExpressionOperation, _ values: [Value]) -> Value {
        let texts = values.map { value -> [Unicode.Scalar] in
            if case .string(let text) = value { Array(text.unicodeScalars) } else { [] }
        }
        func string(_ scalars: some Sequence<Unicode.Scalar>) -> Value {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            return .string(String(view))
        }
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { " \t\n\u{B}\u{C}\r".unicodeScalars.contains(scalar) }
        switch operation {
        case .length: return .int64(Int64(texts[0].count))
        case .lower: return .string(values[0].description.lowercased())
        case .upper: return .string(values[0].description.uppercased())
        case .trim:
            return string(texts[0].drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        case .concat: return string(texts.joined())
        case .startsWith: return .bool(Array(texts[0].prefix(texts[1].count)) == texts[1])
        case .endsWith: return .bool(Array(texts[0].suffix(texts[1].count)) == texts[1])
        case .contains:
            return .bool(
                (0...texts[0].count).contains { Array(texts[0].dropFirst($0).prefix(texts[1].count)) == texts[1] })
        default:
            guard case .int64(let from) = values[1] else { return .null }
            var end = Int128.max
            if values.count > 2, case .int64(let count) = values[2] {
                if count < 0 { return .null }
                end = Int128(from) + Int128(count)
            }
            return string(
                texts[0].enumerated().filter { Int128($0.offset + 1) >= Int128(from) && Int128($0.offset + 1) < end }
                    .map(\.element))
        }
    }
}
