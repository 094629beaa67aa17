/// The most bytes of text, and the most elements of lists or maps, that one column holds: offsets are 32 bits wide.
package let columnLimit = Int(Int32.max)

/// - Parameters:
///   - count: of the bytes or elements that the column would hold.
///   - limit: smaller than `columnLimit` in tests.
/// - Throws: `limitExceeded` with the column's name.
package func checkColumn(_ name: String, holds count: Int, limit: Int = columnLimit) throws(MartletError) {
    guard count > limit else { return }
    throw MartletError(
        .limitExceeded,
        "column \(name) has more than \(limit) bytes of text or elements, which is what one column holds",
        fix: "select fewer rows at a time, or lower limits.memory, so that they are read in parts")
}

extension Column {
    /// The rows named by `rows`, in that order; a negative row gives a null. O(rows).
    /// - Parameters:
    ///   - name: of the column, for the message.
    ///   - limit: see `checkColumn`.
    /// - Throws: `limitExceeded` where the texts of those rows are more than one column holds.
    package func gathering(
        _ rows: [Int32], named name: String, limit: Int = columnLimit
    ) throws(MartletError) -> Column {
        try checkColumn(name, holds: textBytes(of: rows), limit: limit)
        return gathering(rows)
    }

    /// The bytes of the texts in these rows; 0 for columns of another type.
    package func textBytes(of rows: some Sequence<Int32>) -> Int {
        guard case .string(let strings) = values else {
            guard case .bytes(let strings) = values else { return 0 }
            return strings.byteCount(of: rows)
        }
        return strings.byteCount(of: rows)
    }
}

extension ByteStrings {
    fileprivate func byteCount(of rows: some Sequence<Int32>) -> Int {
        rows.reduce(0) { $1 < 0 ? $0 : $0 + Int(offsets[Int($1) + 1] - offsets[Int($1)]) }
    }
}
