package import MartletCore

/// Encoded records beside one another, ready to be stored.
package struct RecordChunk: Sendable {
    private(set) var bytes: [UInt8]
    private var starts: [Int]

    /// Of the view: when a store may forget the records follows from it.
    package var ttl: TimeSpan?

    package var count: Int { starts.count - 1 }

    package func withRecord<Result>(
        _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[starts[index]..<starts[index + 1]])) }
    }

    /// Records that are encoded already.
    package init(records: [[UInt8]]) {
        bytes = []
        starts = [0]
        bytes.reserveCapacity(records.reduce(0) { $0 + $1.count })
        for record in records {
            bytes.append(contentsOf: record)
            starts.append(bytes.count)
        }
    }

    /// Encodes the named rows, column by column. O(rows x features).
    package init(_ values: LatestValues, rows: ArraySlice<Int32>, mark: Int64 = 0) {
        let fixedBytes = latestSlotOffset(values.features.count) + 8 * values.features.count
        starts = recordStarts(rows, fixedBytes: fixedBytes, tailsOf: values.features)
        bytes = [UInt8](repeating: 0, count: starts[rows.count])
        let starts = starts
        bytes.withUnsafeMutableBytes { bytes in
            for (index, row) in rows.enumerated() {
                var header = RecordHeader(
                    kind: .latest, featureCount: values.features.count, eventTime: values.eventTimes[Int(row)],
                    createdTime: values.createdTimes?[Int(row)] ?? 0, position: values.positions?[Int(row)] ?? 0)
                header.mark = mark
                header.write(to: UnsafeMutableRawBufferPointer(rebasing: bytes[starts[index]..<starts[index + 1]]))
            }
            var tails = starts.dropLast().map { $0 + fixedBytes }
            for (feature, column) in values.features.enumerated() {
                writePresence(of: column, feature, rows, starts, bytes)
                writeSlots(
                    of: column, latestSlotOffset(values.features.count) + 8 * feature, rows, starts, &tails, bytes)
            }
            for index in 0..<rows.count {
                RecordHeader.writeChecksum(
                    to: UnsafeMutableRawBufferPointer(rebasing: bytes[starts[index]..<starts[index + 1]]))
            }
        }
    }

    /// Encodes the named deletions, each as a header alone.
    package init(_ deletions: Deletions, kind: RecordHeader.Kind, rows: ArraySlice<Int32>, mark: Int64 = 0) {
        starts = (0...rows.count).map { $0 * RecordHeader.byteCount }
        bytes = [UInt8](repeating: 0, count: rows.count * RecordHeader.byteCount)
        bytes.withUnsafeMutableBytes { bytes in
            for (index, row) in rows.enumerated() {
                let record = UnsafeMutableRawBufferPointer(
                    rebasing: bytes[index * RecordHeader.byteCount..<(index + 1) * RecordHeader.byteCount])
                // Tiles go by the moment up to which they are complete, which stands where a row has its position.
                let event = deletions.eventTimes[Int(row)]
                let position = kind == .latest ? deletions.positions?[Int(row)] ?? 0 : event
                var header = RecordHeader(
                    kind: kind, eventTime: event, createdTime: deletions.createdTimes?[Int(row)] ?? 0,
                    position: position)
                header.isTombstone = true
                header.mark = mark
                header.write(to: record)
                RecordHeader.writeChecksum(to: record)
            }
        }
    }

    /// Encodes the named states, each after a header.
    package init(_ states: TileStates, rows: ArraySlice<Int32>, mark: Int64 = 0) {
        var starts = [0]
        starts.reserveCapacity(rows.count + 1)
        for row in rows {
            starts.append(starts[starts.count - 1] + RecordHeader.byteCount + states.states.range(Int(row)).count)
        }
        self.starts = starts
        bytes = [UInt8](repeating: 0, count: starts[rows.count])
        bytes.withUnsafeMutableBytes { bytes in
            for (index, row) in rows.enumerated() {
                let record = UnsafeMutableRawBufferPointer(rebasing: bytes[starts[index]..<starts[index + 1]])
                var header = RecordHeader(
                    kind: .tiles, eventTime: states.eventTimes[Int(row)],
                    createdTime: states.arrivalTimes?[Int(row)] ?? 0, position: states.upTo.microseconds)
                header.mark = mark
                header.write(to: record)
                states.states.bytes.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: record[RecordHeader.byteCount...])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[states.states.range(Int(row))]))
                }
                RecordHeader.writeChecksum(to: record)
            }
        }
    }
}

private func recordStarts(_ rows: ArraySlice<Int32>, fixedBytes: Int, tailsOf columns: [Column]) -> [Int] {
    var sizes = [Int](repeating: fixedBytes, count: rows.count)
    for column in columns {
        switch column.values {
        case .string(let strings), .bytes(let strings):
            for (index, row) in rows.enumerated() where !column.isNull(Int(row)) {
                sizes[index] += strings.range(Int(row)).count
            }
        case .list, .map:
            for (index, row) in rows.enumerated() where !column.isNull(Int(row)) {
                sizes[index] += storedByteCount(of: column.values, Int(row))
            }
        default: break
        }
    }
    var starts = [0]
    starts.reserveCapacity(rows.count + 1)
    for size in sizes { starts.append(starts[starts.count - 1] + size) }
    return starts
}

private func writePresence(
    of column: Column, _ feature: Int, _ rows: ArraySlice<Int32>, _ starts: [Int],
    _ bytes: UnsafeMutableRawBufferPointer
) {
    let offset = RecordHeader.byteCount + feature / 8
    let bit = UInt8(1) << UInt8(feature % 8)
    if let validity = column.validity {
        for (index, row) in rows.enumerated() where validity[Int(row)] { bytes[starts[index] + offset] |= bit }
    } else {
        for index in 0..<rows.count { bytes[starts[index] + offset] |= bit }
    }
}

/// Null slots stay zero, whatever lies beneath the null, so that equal rows have equal bytes.
private func writeSlots(
    of column: Column, _ offset: Int, _ rows: ArraySlice<Int32>, _ starts: [Int], _ tails: inout [Int],
    _ bytes: UnsafeMutableRawBufferPointer
) {
    func write<Element>(_ array: [Element], _ bits: (Element) -> UInt64) {
        for (index, row) in rows.enumerated() where !column.isNull(Int(row)) {
            bytes.storeBytes(
                of: bits(array[Int(row)]).littleEndian, toByteOffset: starts[index] + offset, as: UInt64.self)
        }
    }
    switch column.values {
    case .bool(let array): write(array) { $0 ? 1 : 0 }
    case .int32(let array): write(array) { UInt64(bitPattern: Int64($0)) }
    case .int64(let array), .timestamp(let array): write(array) { UInt64(bitPattern: $0) }
    case .float32(let array): write(array) { UInt64($0.bitPattern) }
    case .float64(let array): write(array) { $0.bitPattern }
    case .list, .map:
        for (index, row) in rows.enumerated() where !column.isNull(Int(row)) {
            let size = storedByteCount(of: column.values, Int(row))
            let slot = UInt64(tails[index] - starts[index]) | UInt64(size) << 32
            bytes.storeBytes(of: slot.littleEndian, toByteOffset: starts[index] + offset, as: UInt64.self)
            writeStored(
                column.values, Int(row),
                to: UnsafeMutableRawBufferPointer(rebasing: bytes[tails[index]..<tails[index] + size]))
            tails[index] += size
        }
    case .string(let strings), .bytes(let strings):
        strings.bytes.withUnsafeBytes { text in
            for (index, row) in rows.enumerated() where !column.isNull(Int(row)) {
                let range = strings.range(Int(row))
                let slot = UInt64(tails[index] - starts[index]) | UInt64(range.count) << 32
                bytes.storeBytes(of: slot.littleEndian, toByteOffset: starts[index] + offset, as: UInt64.self)
                UnsafeMutableRawBufferPointer(rebasing: bytes[tails[index]..<tails[index] + range.count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: text[range]))
                tails[index] += range.count
            }
        }
    }
}
