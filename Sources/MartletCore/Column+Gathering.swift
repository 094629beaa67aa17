extension Column {
    /// The rows named by `rows`, in that order; a negative row gives a null. O(rows).
    /// - Parameters:
    ///   - name: of the column, for the message.
    ///   - threads: how many read values of a fixed size.
    ///   - limit: smaller than `columnLimit` in tests.
    /// - Throws: `limitExceeded` where those rows have more text, or more elements, than one column holds.
    package func gathering(
        _ rows: [Int32], named name: String? = nil, threads: Int = 1, limit: Int = columnLimit
    ) throws(MartletError) -> Column {
        try checkColumn(name, holds: largestPart(of: rows), limit: limit)
        return gathering(fitting: rows, threads: threads)
    }

    /// As `gathering`, of rows that are known to fit.
    /// - Precondition: the rows have no more text and no more elements than one column holds, as where no row is named
    ///   twice, or where somebody has counted.
    package func gathering(fitting rows: [Int32], threads: Int = 1) -> Column {
        func take<T: BitwiseCopyable & Sendable>(_ array: [T], _ filler: T) -> [T] {
            [T](count: rows.count) { result in
                // Each thread writes a range of its own.
                nonisolated(unsafe) let result = result
                parallelRanges(of: rows.count, threads: threads) { range in
                    array.withUnsafeBufferPointer { array in
                        for index in range {
                            let row = Int(rows[index])
                            result[index] = row < 0 ? filler : array[row]
                        }
                    }
                }
            }
        }
        func take(_ strings: ByteStrings) -> ByteStrings {
            var byteCount = 0
            let offsets = [Int32](count: rows.count + 1) { offsets in
                offsets[0] = 0
                for (index, row) in rows.enumerated() {
                    if row >= 0 { byteCount += strings.range(Int(row)).count }
                    offsets[index + 1] = Int32(truncatingIfNeeded: byteCount)
                }
            }
            precondition(byteCount <= Int(Int32.max), "a column holds at most 2^31 - 1 bytes of text")
            let bytes = [UInt8](count: byteCount) { bytes in
                guard let base = bytes.baseAddress else { return }
                // Each thread writes the bytes of rows of its own.
                nonisolated(unsafe) let target = base
                parallelRanges(of: rows.count, threads: threads) { range in
                    strings.bytes.withUnsafeBufferPointer { source in
                        guard let source = source.baseAddress else { return }
                        for index in range where rows[index] >= 0 {
                            let bytes = strings.range(Int(rows[index]))
                            (target + Int(offsets[index])).update(from: source + bytes.lowerBound, count: bytes.count)
                        }
                    }
                }
            }
            return ByteStrings(offsets: offsets, bytes: bytes)
        }
        let gathered: Values
        switch values {
        case .bool(let array): gathered = .bool(take(array, false))
        case .int32(let array): gathered = .int32(take(array, 0))
        case .int64(let array): gathered = .int64(take(array, 0))
        case .timestamp(let array): gathered = .timestamp(take(array, 0))
        case .float32(let array): gathered = .float32(take(array, 0))
        case .float64(let array): gathered = .float64(take(array, 0))
        case .string(let strings): gathered = .string(take(strings))
        case .bytes(let strings): gathered = .bytes(take(strings))
        case .list(let lists): gathered = .list(lists.gathering(fitting: rows))
        case .map(let maps): gathered = .map(maps.gathering(fitting: rows))
        }
        return Column(gathered, validity: gatheredValidity(rows))
    }

    /// nil where every row is present.
    private func gatheredValidity(_ rows: [Int32]) -> Bitmap? {
        if validity == nil && rows.allSatisfy({ $0 >= 0 }) { return nil }
        var words: [UInt64] = []
        words.reserveCapacity((rows.count + 63) >> 6)
        for start in stride(from: 0, to: rows.count, by: 64) {
            var word: UInt64 = 0
            for index in start..<min(start + 64, rows.count) {
                let row = Int(rows[index])
                let isPresent = row >= 0 && (validity?[row] ?? true)
                word |= (isPresent ? 1 : 0) &<< UInt64(index & 63)
            }
            words.append(word)
        }
        let present = Bitmap(words: words, count: rows.count)
        return present.allSet ? nil : present
    }
}
