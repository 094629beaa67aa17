internal import MartletCore
internal import MartletDefinitions

func comparison(_ operation: ExpressionOperation, _ left: Column, _ right: Column) -> Column {
    let validity = both(left.validity, right.validity)
    func made<Element: Comparable>(_ a: [Element], _ b: [Element]) -> Column {
        @inline(__always)
        func compared(_ test: (Element, Element) -> Bool) -> Column {
            Column(.bool(a.indices.map { test(a[$0], b[$0]) }), validity: validity)
        }
        switch operation {
        case .equal: return compared { $0 == $1 }
        case .notEqual: return compared { $0 != $1 }
        case .less: return compared { $0 < $1 }
        case .lessOrEqual: return compared { $0 <= $1 }
        case .greater: return compared { $0 > $1 }
        default: return compared { $0 >= $1 }
        }
    }
    switch left.values {
    case .bool(let array): return made(array.map { $0 ? 1 : 0 }, right.bools.map { $0 ? 1 : 0 })
    case .int64, .timestamp: return made(left.wholes, right.wholes)
    case .float64: return made(left.doubles, right.doubles)
    default:
        // Texts by their bytes, which in UTF-8 is the order of code points.
        let (a, b) = (left.texts, right.texts)
        let orders = a.bytes.withUnsafeBytes { bytes in
            b.bytes.withUnsafeBytes { others in
                (0..<a.count).map { row in
                    compareBytes(
                        UnsafeRawBufferPointer(rebasing: bytes[a.range(row)]),
                        UnsafeRawBufferPointer(rebasing: others[b.range(row)]))
                }
            }
        }
        return made(orders, Array(repeating: 0, count: orders.count))
    }
}

/// Three-valued: what the unknown value cannot change is known.
func logic(_ operation: ExpressionOperation, _ left: Column, _ right: Column) -> Column {
    // The value that decides whatever the other is.
    let decisive = operation == .or
    let (a, b) = (left.bools, right.bools)
    guard left.validity != nil || right.validity != nil else {
        return Column(.bool(a.indices.map { decisive ? a[$0] || b[$0] : a[$0] && b[$0] }))
    }
    var values = [Bool](repeating: !decisive, count: a.count)
    var missing: [Int] = []
    for row in a.indices {
        let (hasLeft, hasRight) = (!left.isNull(row), !right.isNull(row))
        if (hasLeft && a[row] == decisive) || (hasRight && b[row] == decisive) {
            values[row] = decisive
        } else if !hasLeft || !hasRight {
            missing.append(row)
        }
    }
    return Column(.bool(values), validity: clearing(missing, in: nil, count: a.count))
}

/// For each row the first column's value or the second's.
func chosen(_ first: Column, _ second: Column, _ isFirst: (Int) -> Bool) -> Column {
    let count = first.count
    let choices = (0..<count).map(isFirst)
    func pick<Element>(_ a: [Element], _ b: [Element]) -> [Element] {
        choices.indices.map { choices[$0] ? a[$0] : b[$0] }
    }
    var validity: Bitmap?
    if first.validity != nil || second.validity != nil {
        validity = Bitmap(choices.enumerated().map { !($1 ? first : second).isNull($0) })
    }
    switch first.values {
    case .bool: return Column(.bool(pick(first.bools, second.bools)), validity: validity)
    case .timestamp: return Column(.timestamp(pick(first.wholes, second.wholes)), validity: validity)
    case .int64: return Column(.int64(pick(first.wholes, second.wholes)), validity: validity)
    case .float64: return Column(.float64(pick(first.doubles, second.doubles)), validity: validity)
    default:
        let (a, b) = (first.texts, second.texts)
        var texts = ByteStrings()
        texts.reserveCapacity(count, bytes: 0)
        for (row, isFirst) in choices.enumerated() {
            texts.append(contentsOf: isFirst ? a.slice(row) : b.slice(row))
        }
        return first.type == .string
            ? Column(.string(texts), validity: validity) : Column(.bytes(texts), validity: validity)
    }
}
