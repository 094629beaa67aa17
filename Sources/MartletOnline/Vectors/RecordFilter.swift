package import MartletCore

/// Which entities a search may find: comparisons of their features and join keys, as Feast's clients write them. A null
/// is equal to nothing and unequal to nothing.
package indirect enum RecordFilter: Sendable, Hashable {
    case comparison(Operand, Comparison, [Value])
    case all([RecordFilter])
    case any([RecordFilter])

    package enum Operand: Sendable, Hashable {
        /// Index into the view's features.
        case feature(Int, DataType)
        /// Index into its join keys.
        case key(Int)
    }

    package enum Comparison: String, Sendable, Hashable, CaseIterable {
        case equal = "eq"
        case notEqual = "ne"
        case greater = "gt"
        case greaterOrEqual = "gte"
        case less = "lt"
        case lessOrEqual = "lte"
        case among = "in"
        case notAmong = "nin"
    }

    /// - Parameter keys: the values of the entity's join keys; asked for where one is compared.
    func holds(_ row: LatestRow, keys: () throws -> [Value]) throws -> Bool {
        switch self {
        case .all(let filters): return try filters.allSatisfy { try $0.holds(row, keys: keys) }
        case .any(let filters): return try filters.contains { try $0.holds(row, keys: keys) }
        case .comparison(let operand, let comparison, let wanted):
            let value: Value
            switch operand {
            case .key(let index): value = try keys()[index]
            case .feature(let index, let type):
                guard row.isPresent(index) else { return false }
                value = try row.value(index, type)
            }
            return comparison.holds(value, wanted)
        }
    }
}

extension RecordFilter.Comparison {
    fileprivate func holds(_ value: Value, _ wanted: [Value]) -> Bool {
        switch self {
        case .among: return wanted.contains { order(value, $0) == 0 }
        case .notAmong: return !value.isNull && !wanted.contains { order(value, $0) == 0 }
        default: break
        }
        guard let first = wanted.first, let order = order(value, first) else { return false }
        switch self {
        case .equal: return order == 0
        case .notEqual: return order != 0
        case .greater: return order > 0
        case .greaterOrEqual: return order >= 0
        case .less: return order < 0
        case .lessOrEqual: return order <= 0
        case .among, .notAmong: return false
        }
    }
}

/// Negative, 0 or positive; nil where the two do not compare.
private func order(_ left: Value, _ right: Value) -> Int? {
    func compare<Element: Comparable>(_ a: Element, _ b: Element) -> Int { a < b ? -1 : a == b ? 0 : 1 }
    switch (left, right) {
    case (.bool(let a), .bool(let b)): return compare(a ? 1 : 0, b ? 1 : 0)
    case (.int32(let a), .int64(let b)): return compare(Int64(a), b)
    case (.int64(let a), .int64(let b)): return compare(a, b)
    // As the column holds it: 0.1 is another number in single precision.
    case (.float32(let a), .float64(let b)): return a.isNaN || b.isNaN ? nil : compare(a, Float(b))
    case (.float32(let a), .int64(let b)): return a.isNaN ? nil : compare(Double(a), Double(b))
    case (.timestamp(let a), .timestamp(let b)): return compare(a, b)
    case (.string(var a), .string(var b)):
        return a.withUTF8 { a in b.withUTF8 { compareBytes(UnsafeRawBufferPointer(a), UnsafeRawBufferPointer($0)) } }
    default:
        guard let a = left.number, let b = right.number, !a.isNaN, !b.isNaN else { return nil }
        if case .bool = left { return nil }
        if case .bool = right { return nil }
        return compare(a, b)
    }
}
