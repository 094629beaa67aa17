import MartletCore

/// A column as plain pointers, for loops that gather it row by row.
///
/// `@unchecked Sendable` because it is only read, and only within `withColumnViews`, which outlives every thread it
/// starts.
struct ColumnView: @unchecked Sendable {
    enum Kind {
        case bool, int32, int64, float32, float64, text
    }

    let kind: Kind
    let values: UnsafeRawPointer
    /// Of a text column: `count + 1` offsets into `values`.
    let offsets: UnsafePointer<Int32>?
    let validity: UnsafePointer<UInt64>?

    @inline(__always)
    func isValid(_ row: Int) -> Bool {
        guard let validity else { return true }
        return validity[row &>> 6] & (1 &<< UInt64(row & 63)) != 0
    }

    /// - Precondition: the column is text.
    @inline(__always)
    func text(_ row: Int) -> UnsafeRawBufferPointer {
        guard let offsets else { preconditionFailure("not a text column") }
        let start = Int(offsets[row])
        return UnsafeRawBufferPointer(start: values + start, count: Int(offsets[row + 1]) - start)
    }

    /// Writes the ordered bits of the rows and whether each is present; a NaN is not. The bits of an absent value and
    /// of text are 0.
    func gather(
        _ rows: UnsafePointer<Int32>, _ count: Int, into bits: UnsafeMutablePointer<Int64>,
        _ present: UnsafeMutablePointer<UInt8>
    ) {
        switch kind {
        case .int64: gather(rows, count, bits, present, Int64.self) { $0 }
        case .int32: gather(rows, count, bits, present, Int32.self) { Int64($0) }
        case .bool: gather(rows, count, bits, present, Bool.self) { $0 ? 1 : 0 }
        case .float64: gatherReal(rows, count, bits, present, Double.self) { $0 }
        case .float32: gatherReal(rows, count, bits, present, Float.self) { Double($0) }
        case .text:
            bits.update(repeating: 0, count: count)
            gatherPresence(rows, count, present)
        }
    }

    @inline(__always)
    private func gather<Element>(
        _ rows: UnsafePointer<Int32>, _ count: Int, _ bits: UnsafeMutablePointer<Int64>,
        _ present: UnsafeMutablePointer<UInt8>, _: Element.Type, _ ordered: (Element) -> Int64
    ) {
        let array = values.assumingMemoryBound(to: Element.self)
        for index in 0..<count { bits[index] = ordered(array[Int(rows[index])]) }
        gatherPresence(rows, count, present)
    }

    private func gatherPresence(
        _ rows: UnsafePointer<Int32>, _ count: Int, _ present: UnsafeMutablePointer<UInt8>
    ) {
        if validity == nil {
            present.update(repeating: 1, count: count)
        } else {
            for index in 0..<count { present[index] = isValid(Int(rows[index])) ? 1 : 0 }
        }
    }

    @inline(__always)
    private func gatherReal<Element>(
        _ rows: UnsafePointer<Int32>, _ count: Int, _ bits: UnsafeMutablePointer<Int64>,
        _ present: UnsafeMutablePointer<UInt8>, _: Element.Type, _ real: (Element) -> Double
    ) {
        let array = values.assumingMemoryBound(to: Element.self)
        for index in 0..<count {
            let row = Int(rows[index])
            let value = real(array[row])
            bits[index] = orderedBits(value)
            present[index] = !value.isNaN && isValid(row) ? 1 : 0
        }
    }
}

/// Pins all columns at once; the views are valid within `body` only.
func withColumnViews<Result>(_ columns: [Column], _ body: ([ColumnView]) throws -> Result) rethrows -> Result {
    var views: [ColumnView] = []
    views.reserveCapacity(columns.count)
    return try withColumnViews(columns[...], &views, body)
}

private func withColumnViews<Result>(
    _ rest: ArraySlice<Column>, _ views: inout [ColumnView], _ body: ([ColumnView]) throws -> Result
) rethrows -> Result {
    guard let column = rest.first else { return try body(views) }
    return try withView(column) { view in
        views.append(view)
        return try withColumnViews(rest.dropFirst(), &views, body)
    }
}

private func withView<Result>(_ column: Column, _ body: (ColumnView) throws -> Result) rethrows -> Result {
    func view<Element>(
        _ kind: ColumnView.Kind, _ array: [Element], _ offsets: UnsafePointer<Int32>?,
        _ validity: UnsafePointer<UInt64>?
    ) throws -> Result {
        try array.withUnsafeBytes { bytes in
            // An empty column has no address; none of its rows is ever read.
            let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
            return try body(ColumnView(kind: kind, values: start, offsets: offsets, validity: validity))
        }
    }
    func pin(_ validity: UnsafePointer<UInt64>?) throws -> Result {
        switch column.values {
        case .bool(let array): try view(.bool, array, nil, validity)
        case .int32(let array): try view(.int32, array, nil, validity)
        case .int64(let array), .timestamp(let array): try view(.int64, array, nil, validity)
        case .float32(let array): try view(.float32, array, nil, validity)
        case .float64(let array): try view(.float64, array, nil, validity)
        case .string(let strings), .bytes(let strings):
            try strings.offsets.withUnsafeBufferPointer { offsets in
                try view(.text, strings.bytes, offsets.baseAddress, validity)
            }
        case .list, .map: preconditionFailure("a plan reads no lists and maps")
        }
    }
    guard let words = column.validity?.words else { return try pin(nil) }
    return try words.withUnsafeBufferPointer { try pin($0.baseAddress) }
}
