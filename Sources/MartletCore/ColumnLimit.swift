/// The most bytes of text, and the most elements of lists or maps, that one column holds: offsets are 32 bits wide.
package let columnLimit = Int(Int32.max)

/// - Parameters:
///   - name: of the column, nil where nobody knows it.
///   - count: of the bytes or elements that the column would hold.
///   - limit: smaller than `columnLimit` in tests.
/// - Throws: `limitExceeded` with the column's name.
package func checkColumn(_ name: String?, holds count: Int, limit: Int = columnLimit) throws(MartletError) {
    guard count > limit else { return }
    throw MartletError(
        .limitExceeded,
        (name.map { "column \($0)" } ?? "a column")
            + " has more than \(limit) bytes of text or elements, which is what one column holds",
        fix: "select fewer rows at a time, or lower limits.memory, so that they are read in parts")
}

extension Column {
    /// What counts towards `columnLimit`: the bytes of its texts, or the elements of its lists or maps, or the bytes of
    /// the texts in these, whichever is most.
    package var largestPart: Int {
        switch values {
        case .string(let strings), .bytes(let strings): strings.bytes.count
        case .list(let lists): max(lists.elements.count, lists.elements.largestPart)
        case .map(let maps): max(maps.keys.bytes.count, maps.values.count, maps.values.largestPart)
        default: 0
        }
    }

    /// `largestPart` of these rows; a negative row has nothing.
    func largestPart(of rows: [Int32]) -> Int {
        switch values {
        case .string(let strings), .bytes(let strings): return strings.byteCount(of: rows)
        case .list(let lists):
            let count = rows.reduce(0) { $1 < 0 ? $0 : $0 + lists.range(Int($1)).count }
            return max(count, lists.elements.textBytes(within: rows) { lists.range($0) })
        case .map(let maps):
            let count = rows.reduce(0) { $1 < 0 ? $0 : $0 + maps.range(Int($1)).count }
            let keyBytes = Column(.string(maps.keys)).textBytes(within: rows) { maps.range($0) }
            return max(count, keyBytes, maps.values.textBytes(within: rows) { maps.range($0) })
        default: return 0
        }
    }

    /// The bytes of the texts in these rows; 0 for columns of another type.
    package func textBytes(of rows: some Sequence<Int32>) -> Int {
        switch values {
        case .string(let strings), .bytes(let strings): strings.byteCount(of: rows)
        default: 0
        }
    }

    /// The bytes of the texts in the ranges that stand for some rows.
    private func textBytes(within rows: [Int32], _ range: (Int) -> Range<Int>) -> Int {
        switch values {
        case .string(let strings), .bytes(let strings):
            rows.reduce(0) { total, row in
                if row < 0 { return total }
                let range = range(Int(row))
                return total + Int(strings.offsets[range.upperBound] - strings.offsets[range.lowerBound])
            }
        default: 0
        }
    }
}

extension ByteStrings {
    fileprivate func byteCount(of rows: some Sequence<Int32>) -> Int {
        rows.reduce(0) { $1 < 0 ? $0 : $0 + Int(offsets[Int($1) + 1] - offsets[Int($1)]) }
    }
}
