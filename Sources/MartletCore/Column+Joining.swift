/// Some rows of a column, one after the other.
package struct ColumnSlice: Sendable {
    package let column: Column
    package let rows: Range<Int>

    package init(_ column: Column, _ rows: Range<Int>) {
        self.column = column
        self.rows = rows
    }
}

extension Column {
    /// The rows of all columns, one column after the other. O(rows).
    /// - Parameters:
    ///   - name: of the column, for the message.
    ///   - limit: smaller than `columnLimit` in tests.
    /// - Precondition: there is a column, and all are of one type.
    /// - Throws: `limitExceeded` where they have more text, or more elements, than one column holds.
    package static func joining(
        _ columns: [Column], named name: String? = nil, limit: Int = columnLimit
    ) throws(MartletError) -> Column {
        if columns.count == 1 { return columns[0] }
        return try joining(columns.map { ColumnSlice($0, 0..<$0.count) }, named: name, limit: limit)
    }

    /// The rows of all slices, one slice after the other. O(rows).
    /// - Parameters:
    ///   - name: of the column, for the message.
    ///   - threads: how many copy values of a fixed size and text.
    ///   - limit: smaller than `columnLimit` in tests.
    /// - Precondition: there is a slice, and all are of one type.
    /// - Throws: `limitExceeded` where they have more text, or more elements, than one column holds.
    package static func joining(
        _ slices: [ColumnSlice], named name: String? = nil, threads: Int = 1, limit: Int = columnLimit
    ) throws(MartletError) -> Column {
        // Each part for itself: what is most in one slice need not be in another, so that this is never too little.
        try checkColumn(name, holds: slices.reduce(0) { $0 + $1.largestPart }, limit: limit)
        return joining(fitting: slices, threads: threads)
    }

    /// As `joining`, of columns that are known to fit.
    /// - Precondition: they have no more text and no more elements than one column holds, because somebody has counted.
    package static func joining(fitting columns: [Column]) -> Column {
        columns.count == 1 ? columns[0] : joining(fitting: columns.map { ColumnSlice($0, 0..<$0.count) })
    }

    /// As `joining`, of slices that are known to fit.
    static func joining(fitting slices: [ColumnSlice], threads: Int = 1) -> Column {
        let join = SliceJoin(starts: runningTotals(slices.map(\.rows.count)), slices: slices, threads: threads)
        return Column(join.values, validity: join.validity)
    }
}

extension RecordBatch {
    /// The rows of all batches, one after the other. O(rows).
    /// - Precondition: there is a batch, and all have one schema.
    /// - Throws: `limitExceeded` where a column would hold more text or elements than one does.
    package static func joining(_ batches: [RecordBatch]) throws(MartletError) -> RecordBatch {
        var columns: [Column] = []
        for (index, field) in batches[0].schema.fields.enumerated() {
            columns.append(try .joining(batches.map { $0.columns[index] }, named: field.name))
        }
        return RecordBatch(schema: batches[0].schema, columns: columns)
    }
}

private struct SliceJoin {
    /// Where each slice begins in the result, and behind the last the number of rows.
    let starts: [Int]
    let slices: [ColumnSlice]
    let threads: Int

    var count: Int { starts[starts.count - 1] }

    var values: Column.Values {
        switch slices[0].column.values {
        case .bool: .bool(fixed { if case .bool(let array) = $0 { array } else { nil } })
        case .int32: .int32(fixed { if case .int32(let array) = $0 { array } else { nil } })
        case .int64: .int64(fixed { if case .int64(let array) = $0 { array } else { nil } })
        case .timestamp: .timestamp(fixed { if case .timestamp(let array) = $0 { array } else { nil } })
        case .float32: .float32(fixed { if case .float32(let array) = $0 { array } else { nil } })
        case .float64: .float64(fixed { if case .float64(let array) = $0 { array } else { nil } })
        case .string: .string(texts)
        case .bytes: .bytes(texts)
        case .list:
            .list(
                ListValues(
                    offsets: nestedOffsets.map { Int32($0) },
                    elements: .joining(
                        fitting: nested { if case .list(let lists) = $0 { lists.elements } else { nil } })))
        case .map:
            .map(
                MapValues(
                    offsets: nestedOffsets.map { Int32($0) },
                    keys: strings(
                        .joining(
                            fitting: nested { if case .map(let maps) = $0 { Column(.string(maps.keys)) } else { nil } })
                    ),
                    values: .joining(fitting: nested { if case .map(let maps) = $0 { maps.values } else { nil } })))
        }
    }

    var validity: Bitmap? {
        guard slices.contains(where: { $0.column.validity != nil }) else { return nil }
        var validity = Bitmap(repeating: true, count: 0)
        for slice in slices {
            if let bits = slice.column.validity {
                validity.append(bits, slice.rows)
            } else {
                validity.append(repeating: true, count: slice.rows.count)
            }
        }
        return validity
    }

    private func fixed<T: BitwiseCopyable>(_ array: @Sendable (Column.Values) -> [T]?) -> [T] {
        [T](count: count) { target in
            copySlices(to: target, starts: starts) { index, place in
                guard let source = array(slices[index].column.values) else { differ() }
                copy(source, slices[index].rows, to: place)
            }
        }
    }

    private var texts: ByteStrings {
        let sources = slices.map { strings($0.column) }
        let byteStarts = runningTotals(zip(sources, slices).map { $0.byteRange($1.rows).count })
        let byteCount = byteStarts[slices.count]
        precondition(byteCount <= Int(Int32.max), "a column holds at most 2^31 - 1 bytes of text")
        let bytes = [UInt8](count: byteCount) { target in
            copySlices(to: target, starts: byteStarts) { index, place in
                copy(sources[index].bytes, sources[index].byteRange(slices[index].rows), to: place)
            }
        }
        let offsets = [Int32](count: count + 1) { target in
            target[0] = 0
            copySlices(to: UnsafeMutableBufferPointer(rebasing: target[1...]), starts: starts) { index, place in
                let rows = slices[index].rows
                let shift = byteStarts[index] - sources[index].byteRange(rows).lowerBound
                for (number, row) in rows.enumerated() {
                    place[number] = Int32(Int(sources[index].offsets[row + 1]) + shift)
                }
            }
        }
        return ByteStrings(offsets: offsets, bytes: bytes)
    }

    /// `body` for each slice with the place of its first row or byte in the target.
    private func copySlices<T>(
        to target: UnsafeMutableBufferPointer<T>, starts: [Int],
        _ body: @Sendable (Int, UnsafeMutablePointer<T>) -> Void
    ) {
        guard let base = target.baseAddress else { return }
        // Each slice has a range of its own to write.
        nonisolated(unsafe) let shared = base
        parallelFor(slices.count, threads: count > 100_000 ? threads : 1) { body($0, shared + starts[$0]) }
    }

    /// The offsets of lists or maps, of all slices.
    private var nestedOffsets: [Int] {
        var offsets = [0]
        for slice in slices {
            for row in slice.rows { offsets.append(offsets[offsets.count - 1] + slice.column.elementRange(row).count) }
        }
        return offsets
    }

    /// What the lists or maps of each slice hold.
    private func nested(_ elements: (Column.Values) -> Column?) -> [ColumnSlice] {
        slices.map { slice in
            guard let column = elements(slice.column.values) else { differ() }
            guard let first = slice.rows.first, let last = slice.rows.last else { return ColumnSlice(column, 0..<0) }
            let range = slice.column.elementRange(first).lowerBound..<slice.column.elementRange(last).upperBound
            return ColumnSlice(column, range)
        }
    }
}

extension ByteStrings {
    /// Where the bytes of these strings are.
    fileprivate func byteRange(_ rows: Range<Int>) -> Range<Int> {
        Int(offsets[rows.lowerBound])..<Int(offsets[rows.upperBound])
    }
}

extension ColumnSlice {
    /// `Column.largestPart` of these rows, without a look at each.
    fileprivate var largestPart: Int {
        switch column.values {
        case .string(let strings), .bytes(let strings): return strings.byteRange(rows).count
        case .list(let lists):
            return ColumnSlice(lists.elements, elementRange).largestElementPart
        case .map(let maps):
            let range = elementRange
            return max(maps.keys.byteRange(range).count, ColumnSlice(maps.values, range).largestElementPart)
        default: return 0
        }
    }

    private var largestElementPart: Int { max(rows.count, largestPart) }

    private var elementRange: Range<Int> {
        guard let first = rows.first, let last = rows.last else { return 0..<0 }
        return column.elementRange(first).lowerBound..<column.elementRange(last).upperBound
    }
}

extension Column {
    /// Where the elements of a list or a map are.
    fileprivate func elementRange(_ row: Int) -> Range<Int> {
        switch values {
        case .list(let lists): lists.range(row)
        case .map(let maps): maps.range(row)
        default: preconditionFailure("lists and maps have elements")
        }
    }
}

/// What stands before each, and behind the last all of it.
private func runningTotals(_ counts: [Int]) -> [Int] {
    var totals = [0]
    totals.reserveCapacity(counts.count + 1)
    for count in counts { totals.append(totals[totals.count - 1] + count) }
    return totals
}

private func strings(_ column: Column) -> ByteStrings {
    switch column.values {
    case .string(let strings), .bytes(let strings): strings
    default: differ()
    }
}

private func differ() -> Never { preconditionFailure("columns of one type are joined") }

private func copy<T: BitwiseCopyable>(_ source: [T], _ range: Range<Int>, to place: UnsafeMutablePointer<T>) {
    source.withUnsafeBufferPointer { source in
        guard let base = source.baseAddress else { return }
        place.initialize(from: base + range.lowerBound, count: range.count)
    }
}
