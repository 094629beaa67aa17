package import MartletCore
internal import MartletDefinitions

extension ExpressionProgram {
    /// So many rows are computed at a time: what a step makes is still in the cache when the next one reads it. A
    /// multiple of 64, so that bitmaps are cut word by word.
    private static let chunkCount = 4_096

    /// The results of every row, column by column; the same code for one request and for a million training rows. A row
    /// depends on nothing but itself.
    ///
    /// - Parameters:
    ///   - columns: one for each of `inputs`.
    ///   - count: the number of rows, which the columns have, too.
    /// - Throws: `typeMismatch` for a column of another type than was compiled for, `limitExceeded` where a column of
    ///   texts grows beyond 2 GiB.
    package func evaluate(_ columns: [Column], count: Int) throws(MartletError) -> [Column] {
        precondition(columns.count == inputs.count, "one column for each input")
        precondition(columns.allSatisfy { $0.count == count }, "one value a row in each input")
        for case .input(let index, let type) in steps where ExpressionType(columns[index].type) != type {
            throw MartletError(
                .typeMismatch, "\(inputs[index]) is of type \(columns[index].type), not \(type.dataType)")
        }
        var joined = results.map { _ in JoinedColumn() }
        var constants = Constants()
        var start = 0
        repeat {
            let rows = start..<min(count, start + Self.chunkCount)
            var made: [Column] = []
            made.reserveCapacity(steps.count)
            for step in steps {
                switch step {
                case .input(let index, _): made.append(widened(columns[index], rows))
                case .constant(let value, let type): made.append(constants.column(value, type, rows.count))
                case .apply(let operation, let operands):
                    made.append(applying(operation, to: operands.map { made[$0] }, count: rows.count))
                }
            }
            for (index, step) in results.enumerated() { try joined[index].append(made[step]) }
            start = rows.upperBound
        } while start < count
        var columns: [Column] = []
        for column in joined { columns.append(try .joining(column.chunks)) }
        return columns
    }
}

/// Columns of one value; a constant that occurs twice is one step.
private struct Constants {
    private var columns: [ExpressionProgram.Step: Column] = [:]
    private var count = -1

    mutating func column(_ value: Value, _ type: ExpressionType, _ count: Int) -> Column {
        if count != self.count { columns.removeAll(keepingCapacity: true) }
        self.count = count
        let key = ExpressionProgram.Step.constant(value, type)
        if let known = columns[key] { return known }
        let column = repeated(value, type, count)
        columns[key] = column
        return column
    }
}

private func repeated(_ value: Value, _ type: ExpressionType, _ count: Int) -> Column {
    switch value {
    case .bool(let x): return Column(.bool(Array(repeating: x, count: count)))
    case .int64(let x): return Column(.int64(Array(repeating: x, count: count)))
    case .float64(let x): return Column(.float64(Array(repeating: x, count: count)))
    case .string(let x): return Column(.string(ByteStrings(repeatElement(x, count: count))))
    case .timestamp(let x): return Column(.timestamp(Array(repeating: x.microseconds, count: count)))
    default: return Column.nulls(type.dataType, count: count)
    }
}

/// Some rows of an input in the type that expressions compute with. NaN is no value: it is read as null.
private func widened(_ column: Column, _ rows: Range<Int>) -> Column {
    let validity = column.validity.flatMap { sliced($0, rows) }
    switch column.values {
    case .bool(let array): return Column(.bool(Array(array[rows])), validity: validity)
    case .int32(let array): return Column(.int64(array[rows].map(Int64.init)), validity: validity)
    case .int64(let array): return Column(.int64(Array(array[rows])), validity: validity)
    case .timestamp(let array): return Column(.timestamp(Array(array[rows])), validity: validity)
    case .float32(let array): return withoutNaN(array[rows].map(Double.init), validity)
    case .float64(let array): return withoutNaN(Array(array[rows]), validity)
    case .string(let strings): return Column(.string(sliced(strings, rows)), validity: validity)
    case .bytes(let strings): return Column(.bytes(sliced(strings, rows)), validity: validity)
    case .list(let lists):
        let (offsets, elements) = sliced(lists.offsets, rows)
        return Column(
            .list(ListValues(offsets: offsets, elements: widenedElements(lists.elements, elements))),
            validity: validity)
    case .map(let maps):
        let (offsets, entries) = sliced(maps.offsets, rows)
        return Column(
            .map(
                MapValues(
                    offsets: offsets, keys: sliced(maps.keys, entries),
                    values: widenedElements(maps.values, entries))), validity: validity)
    }
}

/// The elements of some rows; a NaN among them stays: an element is not null, and the kernels pass it over.
private func widenedElements(_ column: Column, _ range: Range<Int>) -> Column {
    switch column.values {
    case .bool(let array): Column(.bool(Array(array[range])))
    case .int32(let array): Column(.int64(array[range].map(Int64.init)))
    case .int64(let array): Column(.int64(Array(array[range])))
    case .timestamp(let array): Column(.timestamp(Array(array[range])))
    case .float32(let array): Column(.float64(array[range].map(Double.init)))
    case .float64(let array): Column(.float64(Array(array[range])))
    case .string(let strings): Column(.string(sliced(strings, range)))
    case .bytes(let strings): Column(.bytes(sliced(strings, range)))
    case .list, .map: preconditionFailure("elements are scalars")
    }
}

/// The offsets of some rows from the first of them on, and the elements that these have.
private func sliced(_ offsets: [Int32], _ rows: Range<Int>) -> (offsets: [Int32], elements: Range<Int>) {
    let first = offsets[rows.lowerBound]
    return (
        offsets[rows.lowerBound...rows.upperBound].map { $0 - first }, Int(first)..<Int(offsets[rows.upperBound])
    )
}

private func withoutNaN(_ array: [Double], _ validity: Bitmap?) -> Column {
    let missing = array.indices.filter { array[$0].isNaN }
    if missing.isEmpty { return Column(.float64(array), validity: validity) }
    var array = array
    for row in missing { array[row] = 0 }
    return Column(.float64(array), validity: clearing(missing, in: validity, count: array.count))
}

/// - Precondition: `rows` begins at a multiple of 64.
private func sliced(_ bitmap: Bitmap, _ rows: Range<Int>) -> Bitmap? {
    let first = rows.lowerBound >> 6
    return Bitmap(words: Array(bitmap.words[first..<first + (rows.count + 63) >> 6]), count: rows.count)
}

private func sliced(_ strings: ByteStrings, _ rows: Range<Int>) -> ByteStrings {
    if rows == 0..<strings.count { return strings }
    let first = strings.offsets[rows.lowerBound]
    return ByteStrings(
        offsets: strings.offsets[rows.lowerBound...rows.upperBound].map { $0 - first },
        bytes: Array(strings.bytes[Int(first)..<Int(strings.offsets[rows.upperBound])]))
}

/// The chunks of one result.
private struct JoinedColumn {
    private(set) var chunks: [Column] = []
    private var byteCount = 0

    mutating func append(_ column: Column) throws(MartletError) {
        switch column.values {
        case .string(let strings), .bytes(let strings): byteCount += strings.bytes.count
        default: break
        }
        guard byteCount <= Int(Int32.max) else {
            throw MartletError(
                .limitExceeded, "a derived feature has more than \(Int32.max) bytes of text in one batch",
                fix: "ask for fewer rows at a time")
        }
        chunks.append(zeroingNulls(column))
    }
}

/// What lies beneath a null is 0 or empty, so that equal results have equal bytes; no bitmap where nothing is null.
private func zeroingNulls(_ column: Column) -> Column {
    guard let validity = column.validity else { return column }
    if validity.allSet { return Column(column.values) }
    let count = column.count
    func zeroed<Element>(_ array: [Element], _ zero: Element) -> [Element] {
        var array = array
        for row in 0..<count where !validity[row] { array[row] = zero }
        return array
    }
    func emptied(_ strings: ByteStrings) -> ByteStrings {
        var result = ByteStrings()
        for row in 0..<count { result.append(contentsOf: validity[row] ? strings.slice(row) : []) }
        return result
    }
    let values: Column.Values
    switch column.values {
    case .bool(let array): values = .bool(zeroed(array, false))
    case .int32(let array): values = .int32(zeroed(array, 0))
    case .int64(let array): values = .int64(zeroed(array, 0))
    case .timestamp(let array): values = .timestamp(zeroed(array, 0))
    case .float32(let array): values = .float32(zeroed(array, 0))
    case .float64(let array): values = .float64(zeroed(array, 0))
    case .string(let strings): values = .string(emptied(strings))
    case .bytes(let strings): values = .bytes(emptied(strings))
    case .list, .map: preconditionFailure("expressions make scalars")
    }
    return Column(values, validity: validity)
}
