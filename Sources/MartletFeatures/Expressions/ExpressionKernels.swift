internal import MartletCore
internal import MartletDefinitions

/// One step: the operation on columns of the types that it takes. What has no value is null: an overflow, a division by
/// zero, a number that is not finite, a text that is no number.
func applying(_ operation: ExpressionOperation, to operands: [Column], count: Int) -> Column {
    switch operation {
    case .add, .subtract, .multiply, .divide, .remainder, .power:
        return arithmetic(operation, operands[0], operands[1])
    case .negate, .absolute, .floor, .ceil, .round, .squareRoot, .naturalLogarithm, .exponential:
        return arithmetic(operation, operands[0])
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
        return comparison(operation, operands[0], operands[1])
    case .and, .or: return logic(operation, operands[0], operands[1])
    case .not:
        return Column(.bool(operands[0].bools.map { !$0 }), validity: operands[0].validity)
    case .isNull:
        return Column(.bool((0..<count).map { operands[0].isNull($0) }))
    case .choose:
        let conditions = operands[0].bools
        return chosen(operands[1], operands[2]) { conditions[$0] && !operands[0].isNull($0) }
    case .coalesce:
        return operands.dropFirst().reduce(operands[0]) { first, second in
            first.validity == nil ? first : chosen(first, second) { !first.isNull($0) }
        }
    case .minimum, .maximum:
        return operands.dropFirst().reduce(operands[0]) { extreme($0, $1, isMaximum: operation == .maximum) }
    case .lower, .upper, .trim: return texts(operation, operands[0])
    case .length: return Column(.int64(lengths(operands[0].texts)), validity: operands[0].validity)
    case .concat: return concatenated(operands, count)
    case .contains, .startsWith, .endsWith: return containment(operation, operands[0], operands[1])
    case .substring: return substrings(operands, count)
    case .hour, .dayOfWeek, .day, .month, .year: return datePart(operation, operands[0])
    case .daysBetween: return spans(operands[0], operands[1], unitMicroseconds: 86_400_000_000)
    case .secondsBetween: return spans(operands[0], operands[1], unitMicroseconds: 1_000_000)
    case .toInteger: return integers(operands[0])
    case .toReal: return reals(operands[0])
    case .toText: return texts(of: operands[0])
    case .toTimestamp: return timestamps(operands[0])
    case .elementCount, .elementSum, .elementMean, .elementMinimum, .elementMaximum:
        return elements(operation, of: operands[0])
    case .hasElement, .elementAt, .hasKey, .valueOfKey: return elements(operation, of: operands[0], operands[1])
    }
}

// The checker has seen to the types: another one is a broken invariant.

extension Column {
    var bools: [Bool] {
        guard case .bool(let array) = values else { preconditionFailure("a bool column") }
        return array
    }

    /// Whole numbers, or the microseconds of timestamps.
    var wholes: [Int64] {
        switch values {
        case .int64(let array), .timestamp(let array): return array
        default: preconditionFailure("an int64 or timestamp column")
        }
    }

    var doubles: [Double] {
        guard case .float64(let array) = values else { preconditionFailure("a float64 column") }
        return array
    }

    var texts: ByteStrings {
        switch values {
        case .string(let strings), .bytes(let strings): return strings
        default: preconditionFailure("a column of texts")
        }
    }
}

/// Present where both are.
func both(_ left: Bitmap?, _ right: Bitmap?) -> Bitmap? {
    guard let left else { return right }
    guard let right else { return left }
    return Bitmap(words: zip(left.words, right.words).map { $0 & $1 }, count: left.count)
}

/// Without the rows.
func clearing(_ rows: [Int], in validity: Bitmap?, count: Int) -> Bitmap? {
    if rows.isEmpty { return validity }
    var result = validity ?? Bitmap(repeating: true, count: count)
    for row in rows { result[row] = false }
    return result
}

/// Applies a function of one value, which may have none.
@inline(__always)
func mapping<Element, Result>(
    _ array: [Element], _ validity: Bitmap?, zero: Result, _ body: (Element) -> Result?
) -> (values: [Result], validity: Bitmap?) {
    var missing: [Int] = []
    var results: [Result] = []
    results.reserveCapacity(array.count)
    for (row, element) in array.enumerated() {
        if let result = body(element) {
            results.append(result)
        } else {
            results.append(zero)
            missing.append(row)
        }
    }
    return (results, clearing(missing, in: validity, count: array.count))
}

/// Applies a function of two values, which may have none.
@inline(__always)
func mapping<Left, Right, Result>(
    _ left: [Left], _ right: [Right], _ validity: Bitmap?, zero: Result, _ body: (Left, Right) -> Result?
) -> (values: [Result], validity: Bitmap?) {
    var missing: [Int] = []
    var results: [Result] = []
    results.reserveCapacity(left.count)
    for row in left.indices {
        if let result = body(left[row], right[row]) {
            results.append(result)
        } else {
            results.append(zero)
            missing.append(row)
        }
    }
    return (results, clearing(missing, in: validity, count: left.count))
}
