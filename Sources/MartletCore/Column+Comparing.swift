extension Column {
    /// The rows whose values differ, in their order. Equal are two nulls, two NaN, and values of the same bits; the
    /// zeros of both signs differ.
    /// - Precondition: columns of one type and length.
    package func rowsThatDiffer(from other: Column) -> [Int32] {
        precondition(type == other.type && count == other.count, "columns of one type and length are compared")
        var rows: [Int32] = []
        func compare(_ isEqual: (Int) -> Bool) {
            for row in 0..<count {
                let (here, there) = (isNull(row), other.isNull(row))
                if here != there || (!here && !isEqual(row)) { rows.append(Int32(row)) }
            }
        }
        switch (values, other.values) {
        case (.bool(let a), .bool(let b)): compare { a[$0] == b[$0] }
        case (.int32(let a), .int32(let b)): compare { a[$0] == b[$0] }
        case (.int64(let a), .int64(let b)), (.timestamp(let a), .timestamp(let b)): compare { a[$0] == b[$0] }
        case (.float32(let a), .float32(let b)):
            compare { a[$0].bitPattern == b[$0].bitPattern || (a[$0].isNaN && b[$0].isNaN) }
        case (.float64(let a), .float64(let b)):
            compare { a[$0].bitPattern == b[$0].bitPattern || (a[$0].isNaN && b[$0].isNaN) }
        case (.string(let a), .string(let b)), (.bytes(let a), .bytes(let b)):
            compare { a.slice($0).elementsEqual(b.slice($0)) }
        default: compare { self[$0].hasSameBits(as: other[$0]) }
        }
        return rows
    }
}
