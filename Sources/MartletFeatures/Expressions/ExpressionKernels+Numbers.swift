internal import Glibc
internal import MartletCore
internal import MartletDefinitions

func arithmetic(_ operation: ExpressionOperation, _ left: Column, _ right: Column) -> Column {
    let validity = both(left.validity, right.validity)
    func wholes(_ body: (Int64, Int64) -> (partialValue: Int64, overflow: Bool)) -> Column {
        let made = mapping(left.wholes, right.wholes, validity, zero: 0) { a, b -> Int64? in
            let (value, overflow) = body(a, b)
            return overflow ? nil : value
        }
        return Column(.int64(made.values), validity: made.validity)
    }
    func doubles(_ body: (Double, Double) -> Double) -> Column {
        let made = mapping(left.doubles, right.doubles, validity, zero: 0) { a, b -> Double? in
            let value = body(a, b)
            return value.isFinite ? value : nil
        }
        return Column(.float64(made.values), validity: made.validity)
    }
    let isWhole = left.type == .int64
    switch operation {
    case .add: return isWhole ? wholes { $0.addingReportingOverflow($1) } : doubles { $0 + $1 }
    case .subtract: return isWhole ? wholes { $0.subtractingReportingOverflow($1) } : doubles { $0 - $1 }
    case .multiply: return isWhole ? wholes { $0.multipliedReportingOverflow(by: $1) } : doubles { $0 * $1 }
    // By zero it is infinite or NaN, and so null.
    case .divide: return doubles { $0 / $1 }
    case .remainder:
        // The least number by -1 is said to overflow, but its remainder is 0 like that of every other.
        return isWhole
            ? wholes { $1 == -1 ? (0, false) : $0.remainderReportingOverflow(dividingBy: $1) }
            : doubles { $0.truncatingRemainder(dividingBy: $1) }
    case .power: return doubles { pow($0, $1) }
    default: preconditionFailure("not arithmetic of two numbers")
    }
}

func arithmetic(_ operation: ExpressionOperation, _ operand: Column) -> Column {
    if operand.type == .int64 {
        switch operation {
        case .floor, .ceil, .round: return operand
        default: break
        }
        let made = mapping(operand.wholes, operand.validity, zero: 0) { value -> Int64? in
            if operation == .absolute, value >= 0 { return value }
            let (negated, overflow) = (0 as Int64).subtractingReportingOverflow(value)
            return overflow ? nil : negated
        }
        return Column(.int64(made.values), validity: made.validity)
    }
    func doubles(_ body: (Double) -> Double) -> Column {
        let made = mapping(operand.doubles, operand.validity, zero: 0) { value -> Double? in
            let result = body(value)
            return result.isFinite ? result : nil
        }
        return Column(.float64(made.values), validity: made.validity)
    }
    switch operation {
    case .negate: return doubles { -$0 }
    case .absolute: return doubles { $0.magnitude }
    case .floor: return doubles { $0.rounded(.down) }
    case .ceil: return doubles { $0.rounded(.up) }
    case .round: return doubles { $0.rounded(.toNearestOrAwayFromZero) }
    case .squareRoot: return doubles { $0.squareRoot() }
    case .naturalLogarithm: return doubles { log($0) }
    case .exponential: return doubles { exp($0) }
    default: preconditionFailure("not arithmetic of one number")
    }
}

/// The smaller or the greater of two; the first of equal ones.
func extreme(_ left: Column, _ right: Column, isMaximum: Bool) -> Column {
    let validity = both(left.validity, right.validity)
    func pick<Element: Comparable>(_ a: [Element], _ b: [Element]) -> [Element] {
        a.indices.map { isMaximum ? (a[$0] < b[$0] ? b[$0] : a[$0]) : (b[$0] < a[$0] ? b[$0] : a[$0]) }
    }
    switch left.values {
    case .int64: return Column(.int64(pick(left.wholes, right.wholes)), validity: validity)
    case .timestamp: return Column(.timestamp(pick(left.wholes, right.wholes)), validity: validity)
    default: return Column(.float64(pick(left.doubles, right.doubles)), validity: validity)
    }
}

func integers(_ operand: Column) -> Column {
    let made: (values: [Int64], validity: Bitmap?)
    switch operand.values {
    case .bool(let array): made = (array.map { $0 ? 1 : 0 }, operand.validity)
    case .float64(let array):
        made = mapping(array, operand.validity, zero: 0) { Int64(exactly: $0.rounded(.towardZero)) }
    default:
        let texts = operand.texts
        made = mapping(Array(0..<texts.count), operand.validity, zero: 0) { Int64(texts[$0]) }
    }
    return Column(.int64(made.values), validity: made.validity)
}

func reals(_ operand: Column) -> Column {
    let made: (values: [Double], validity: Bitmap?)
    switch operand.values {
    case .bool(let array): made = (array.map { $0 ? 1 : 0 }, operand.validity)
    case .int64(let array): made = (array.map(Double.init), operand.validity)
    default:
        let texts = operand.texts
        made = mapping(Array(0..<texts.count), operand.validity, zero: 0) { row in
            // Names of no numbers, and hexadecimal ones, are left out.
            guard texts.slice(row).allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }) else {
                return nil
            }
            return Double(texts[row]).flatMap { $0.isFinite ? $0 : nil }
        }
    }
    return Column(.float64(made.values), validity: made.validity)
}
