package import MartletCore

extension RowLayout {
    /// The rows of the columns as payloads.
    /// - Throws: `limitExceeded` where they have more than 2 GiB: encode fewer at once.
    /// - Precondition: the columns have the layout's types and one length.
    package func encode(_ columns: [Column]) throws(MartletError) -> ByteStrings {
        try encode(columns, rows: 0..<(columns.first?.count ?? 0))
    }

    /// Likewise some of the rows.
    package func encode(_ columns: [Column], rows: Range<Int>) throws(MartletError) -> ByteStrings {
        precondition(columns.map(\.type) == types, "columns are of the layout's types")
        precondition(columns.allSatisfy { $0.count >= rows.upperBound }, "columns have the rows")
        var sizes = [Int](repeating: fixedBytes, count: rows.count)
        for column in columns where column.type.hasTail { column.addTailBytes(of: rows, to: &sizes) }
        let total = sizes.reduce(0, +)
        guard total <= Int(Int32.max) else {
            throw MartletError(.limitExceeded, "\(rows.count) rows have \(total) bytes, more than 2 GiB")
        }
        var offsets = [Int32](repeating: 0, count: rows.count + 1)
        var end = 0
        for index in sizes.indices {
            end += sizes[index]
            offsets[index + 1] = Int32(end)
        }
        let bytes = [UInt8](count: total) { buffer in
            let out = UnsafeMutableRawBufferPointer(buffer)
            for start in stride(from: 0, to: rows.count, by: Self.blockRows) {
                let block = start..<min(rows.count, start + Self.blockRows)
                encode(columns, first: rows.lowerBound, block: block, offsets: offsets, to: out)
            }
        }
        return ByteStrings(offsets: offsets, bytes: bytes)
    }

    /// - Parameter block: rows counted from `first` of the columns.
    private func encode(
        _ columns: [Column], first: Int, block: Range<Int>, offsets: [Int32], to out: UnsafeMutableRawBufferPointer
    ) {
        var presence = [UInt64](repeating: 0, count: presenceBytes / 8)
        for (index, column) in columns.enumerated() where column.validity == nil {
            presence[index >> 6] |= 1 &<< UInt64(index & 63)
        }
        // Where the next value of each row's tail goes.
        var tails = [Int](repeating: 0, count: block.count)
        for row in block {
            let start = Int(offsets[row])
            tails[row - block.lowerBound] = start + fixedBytes
            for (word, bits) in presence.enumerated() { out.store(bits, start + 8 * word) }
        }
        for (index, column) in columns.enumerated() {
            if let validity = column.validity {
                let (word, bit) = (8 * (index >> 6), UInt64(1) &<< UInt64(index & 63))
                for row in block where validity[first + row] {
                    let place = Int(offsets[row]) + word
                    out.store(UnsafeRawBufferPointer(out).load(place, as: UInt64.self) | bit, place)
                }
            }
            let slots = SlotWriter(
                out: out, offsets: offsets, slot: slot(index), first: first, block: block, validity: column.validity)
            switch column.values {
            case .bool(let values): slots.write(values) { $0 ? 1 : 0 }
            case .int32(let values): slots.write(values) { UInt64(UInt32(bitPattern: $0)) }
            case .int64(let values), .timestamp(let values): slots.write(values) { UInt64(bitPattern: $0) }
            case .float32(let values): slots.write(values) { UInt64($0.bitPattern) }
            case .float64(let values): slots.write(values) { $0.bitPattern }
            case .string(let values), .bytes(let values): slots.write(values, tails: &tails)
            case .list, .map: slots.writeNested(column, tails: &tails)
            }
        }
    }
}

/// Writes one column's slots of a block of rows.
private struct SlotWriter {
    let out: UnsafeMutableRawBufferPointer
    let offsets: [Int32]
    let slot: Int
    let first: Int
    let block: Range<Int>
    let validity: Bitmap?

    @inline(__always)
    func write<Element>(_ values: [Element], bits: (Element) -> UInt64) {
        if let validity {
            for row in block {
                out.store(validity[first + row] ? bits(values[first + row]) : 0, Int(offsets[row]) + slot)
            }
        } else {
            for row in block { out.store(bits(values[first + row]), Int(offsets[row]) + slot) }
        }
    }

    func write(_ values: ByteStrings, tails: inout [Int]) {
        values.bytes.withUnsafeBytes { bytes in
            for row in block {
                let start = Int(offsets[row])
                guard validity?[first + row] ?? true else {
                    out.store(UInt64(0), start + slot)
                    continue
                }
                let range = values.range(first + row)
                let place = tails[row - block.lowerBound]
                out.storeSpan(place - start, range.count, start + slot)
                if let from = bytes.baseAddress, let to = out.baseAddress, !range.isEmpty {
                    (to + place).copyMemory(from: from + range.lowerBound, byteCount: range.count)
                }
                tails[row - block.lowerBound] = place + range.count
            }
        }
    }

    func writeNested(_ column: Column, tails: inout [Int]) {
        var tail: [UInt8] = []
        for row in block {
            let start = Int(offsets[row])
            guard validity?[first + row] ?? true else {
                out.store(UInt64(0), start + slot)
                continue
            }
            tail.removeAll(keepingCapacity: true)
            column.appendTail(of: first + row, to: &tail)
            let place = tails[row - block.lowerBound]
            out.storeSpan(place - start, tail.count, start + slot)
            UnsafeMutableRawBufferPointer(rebasing: out[place..<place + tail.count]).copyBytes(from: tail)
            tails[row - block.lowerBound] = place + tail.count
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// The slot of a value in the tail.
    @inline(__always)
    func storeSpan(_ place: Int, _ length: Int, _ position: Int) {
        store(UInt64(UInt32(place)) | UInt64(UInt32(length)) &<< 32, position)
    }
}

extension Column {
    /// Adds to each size what its row's value takes in the tail.
    fileprivate func addTailBytes(of rows: Range<Int>, to sizes: inout [Int]) {
        for row in rows where !isNull(row) {
            switch values {
            case .string(let strings), .bytes(let strings): sizes[row - rows.lowerBound] += strings.range(row).count
            case .list(let lists): sizes[row - rows.lowerBound] += 4 + lists.elements.elementBytes(lists.range(row))
            case .map(let maps):
                let entries = maps.range(row)
                let keys = Int(maps.keys.offsets[entries.upperBound] - maps.keys.offsets[entries.lowerBound])
                sizes[row - rows.lowerBound] += 4 + keys + 4 * entries.count + maps.values.elementBytes(entries)
            default: break
            }
        }
    }

    private func elementBytes(_ range: Range<Int>) -> Int {
        switch values {
        case .string(let strings), .bytes(let strings):
            4 * range.count + Int(strings.offsets[range.upperBound] - strings.offsets[range.lowerBound])
        default: 8 * range.count
        }
    }

    /// Appends a list or a map as it lies in the tail.
    func appendTail(of row: Int, to bytes: inout [UInt8]) {
        switch values {
        case .list(let lists):
            bytes.appendNumber(UInt32(lists.range(row).count))
            for element in lists.range(row) { lists.elements.appendElement(element, to: &bytes) }
        case .map(let maps):
            bytes.appendNumber(UInt32(maps.range(row).count))
            for entry in maps.range(row) {
                bytes.appendNumber(UInt32(maps.keys.range(entry).count))
                bytes += maps.keys.slice(entry)
                maps.values.appendElement(entry, to: &bytes)
            }
        default: preconditionFailure("only lists and maps are nested")
        }
    }

    private func appendElement(_ index: Int, to bytes: inout [UInt8]) {
        switch values {
        case .bool(let values): bytes.appendNumber(UInt64(values[index] ? 1 : 0))
        case .int32(let values): bytes.appendNumber(UInt64(UInt32(bitPattern: values[index])))
        case .int64(let values), .timestamp(let values): bytes.appendNumber(values[index])
        case .float32(let values): bytes.appendNumber(UInt64(values[index].bitPattern))
        case .float64(let values): bytes.appendNumber(values[index].bitPattern)
        case .string(let strings), .bytes(let strings):
            bytes.appendNumber(UInt32(strings.range(index).count))
            bytes += strings.slice(index)
        case .list, .map: preconditionFailure("elements are scalars")
        }
    }
}
