import MartletCore
import MartletDefinitions

/// Random typed expressions, and values to run them on: ordinary ones and the awkward ones.
struct RandomExpressions {
    var random: SeededRandom

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(random.next() % UInt64(elements.count))]
    }

    private static let types: [ExpressionType] = [.bool, .integer, .real, .text, .timestamp]

    mutating func expression() -> TypedExpression { expression(pick(Self.types), depth: 4) }

    private mutating func expression(_ type: ExpressionType, depth: Int) -> TypedExpression {
        if depth == 0 || random.next() % 5 == 0 { return leaf(type) }
        let any = pick(Self.types)
        func make(_ operation: ExpressionOperation, _ types: ExpressionType...) -> TypedExpression {
            .apply(operation, types.map { expression($0, depth: depth - 1) }, type)
        }
        switch random.next() % 4 {
        case 0: return make(.choose, .bool, type, type)
        case 1: return make(.coalesce, type, type)
        default: break
        }
        if random.next() % 6 == 0, let made = ofElements(type, depth: depth) { return made }
        switch type {
        case .bool:
            switch random.next() % 4 {
            case 0: return make(pick([.and, .or]), .bool, .bool)
            case 1: return random.next() % 2 == 0 ? make(.not, .bool) : make(.isNull, any)
            case 2: return make(pick([.contains, .startsWith, .endsWith]), .text, .text)
            default:
                let operations: [ExpressionOperation] =
                    any == .bool
                    ? [.equal, .notEqual] : [.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]
                return make(pick(operations), any, any)
            }
        case .integer:
            switch random.next() % 5 {
            case 0: return make(pick([.negate, .absolute, .floor, .ceil, .round]), .integer)
            case 1: return make(.toInteger, pick([.bool, .real, .text]))
            case 2: return make(pick([.hour, .dayOfWeek, .day, .month, .year]), .timestamp)
            case 3: return make(.length, .text)
            default:
                return make(pick([.add, .subtract, .multiply, .remainder, .minimum, .maximum]), .integer, .integer)
            }
        case .real:
            switch random.next() % 4 {
            case 0:
                return make(
                    pick([.negate, .absolute, .floor, .ceil, .round, .squareRoot, .naturalLogarithm, .exponential]),
                    .real)
            case 1: return make(.toReal, pick([.bool, .integer, .text]))
            case 2: return make(pick([.daysBetween, .secondsBetween]), .timestamp, .timestamp)
            default:
                return make(
                    pick([.add, .subtract, .multiply, .divide, .remainder, .power, .minimum, .maximum]), .real, .real)
            }
        case .text:
            switch random.next() % 4 {
            case 0: return make(pick([.lower, .upper, .trim]), .text)
            case 1: return make(.concat, .text, .text, .text)
            case 2: return make(.toText, pick([.bool, .integer, .real, .timestamp]))
            default: return make(.substring, .text, .integer, .integer)
            }
        case .timestamp:
            return random.next() % 3 == 0
                ? make(.toTimestamp, .text) : make(pick([.minimum, .maximum]), .timestamp, .timestamp)
        case .bytes, .list, .map: return leaf(type)
        }
    }

    /// An operation on a list or a map that makes the type.
    private mutating func ofElements(_ type: ExpressionType, depth: Int) -> TypedExpression? {
        func make(_ operation: ExpressionOperation, _ whole: ExpressionType, _ other: ExpressionType?)
            -> TypedExpression
        {
            let operands = [leaf(whole)] + (other.map { [expression($0, depth: depth - 1)] } ?? [])
            return .apply(operation, operands, type)
        }
        let lists: [ExpressionType] = [.bool, .integer, .real, .text, .timestamp].map { .list($0) }
        let maps: [ExpressionType] = [.integer, .real, .text].map { .map($0) }
        switch (type, random.next() % 3) {
        case (.bool, 0): return make(.hasKey, pick(maps), .text)
        case (.bool, _):
            let list = pick(lists)
            return make(.hasElement, list, list.element)
        case (.integer, 0): return make(.elementCount, pick(lists + maps), nil)
        case (.integer, 1), (.real, 1):
            return make(pick([.elementSum, .elementMinimum, .elementMaximum]), pick([.list(type), .map(type)]), nil)
        case (.real, 0): return make(.elementMean, pick([.list(.integer), .list(.real), .map(.real)]), nil)
        case (.timestamp, 0): return make(pick([.elementMinimum, .elementMaximum]), .list(.timestamp), nil)
        case (_, 2) where maps.contains(.map(type)): return make(.valueOfKey, .map(type), .text)
        default: return make(.elementAt, .list(type), .integer)
        }
    }

    private mutating func leaf(_ type: ExpressionType) -> TypedExpression {
        if type.element == nil, random.next() % 4 == 0 {
            var value = value(type.dataType)
            if case .float64(let x) = value, !x.isFinite { value = .null }
            return .literal(value, type)
        }
        let names = ExpressionBench.inputs.filter { ExpressionType($0.type) == type }
        return .input(.request(pick(names).name), type)
    }

    mutating func value(_ type: DataType) -> Value {
        if random.next() % 6 == 0 { return .null }
        switch type {
        case .bool: return .bool(random.next() % 2 == 0)
        case .int32: return .int32(pick([0, 1, -1, 7, .max, .min]))
        case .int64:
            return .int64(pick([0, 1, -1, 2, 3, 10, 1 << 53 + 1, .max, .min, Int64(bitPattern: random.next())]))
        case .float32: return .float32(pick([0, -0.0, 1, 0.1, .nan, .infinity, .greatestFiniteMagnitude]))
        case .float64:
            return .float64(
                pick([
                    0, -0.0, 1, -1, 0.5, 2.5, -2.5, 1e300, .leastNonzeroMagnitude, .nan, .infinity, -.infinity, 1e19,
                    Double(Int32(truncatingIfNeeded: random.next())) / 64,
                ]))
        case .string:
            return .string(
                pick([
                    "", "a", "abc", "ab", " x ", "\t", "12", "-3.5", "1e5", "nan", "É", "e\u{301}", "straße", "İ",
                    "日本語",
                    "👩‍👩‍👧", "2024-02-29T23:59:59Z", "2023-02-29", "b",
                ]))
        case .timestamp:
            return .timestamp(
                pick([
                    .epoch, Timestamp(microseconds: -1), Timestamp(year: 2024, month: 2, day: 29, hour: 23),
                    Timestamp(year: 1900, month: 2, day: 28), Timestamp(year: 2000, month: 12, day: 31, hour: 12),
                    Timestamp(year: 1, month: 1, day: 1), Timestamp(microseconds: .max), Timestamp(microseconds: .min),
                    Timestamp(microseconds: Int64(bitPattern: random.next()) / 1_000),
                ]))
        case .list(let element):
            return .list((0..<random.next() % 5).map { _ in value(element.type) }.filter { !$0.isNull })
        case .map(let element):
            let names = ["", "a", "abc", "12", "日本語"].filter { _ in random.next() % 2 == 0 }
            let entries = names.map { ($0, value(element.type)) }.filter { !$0.1.isNull }
            return .map(Dictionary(uniqueKeysWithValues: entries))
        default: return .bytes([UInt8(truncatingIfNeeded: random.next())])
        }
    }

    mutating func column(_ type: DataType, _ count: Int) -> Column {
        var builder = ColumnBuilder(type)
        for _ in 0..<count { builder.append(value(type)) }
        return builder.finish()
    }
}
