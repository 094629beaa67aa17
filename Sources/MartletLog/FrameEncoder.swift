internal import MartletCore

/// A batch as bytes of a frame whose place in the log is not known yet: made on the thread of whoever appends.
struct EncodedFrame: Sendable {
    var header: FrameHeader
    var bytes: [UInt8]
    /// For each record what makes it the same event; `none` for events without an id. Empty where no event has one.
    var marks: [EventMark] = []

    /// - Precondition: the batch was checked by `AppendCheck`.
    init(_ batch: EventBatch, key: MarkKey, idempotencyKey: String = "") {
        header = FrameHeader()
        header.count = batch.count
        header.span = batch.count
        header.schemaVersion = batch.schemaVersion
        header.source = batch.source
        header.traceID = batch.traceID
        header.idempotencyKey = idempotencyKey
        header.position = batch.position
        if batch.position != nil { header.flags.insert(.hasPosition) }
        for time in batch.eventTimes {
            header.leastEventTime = min(header.leastEventTime, time)
            header.greatestEventTime = max(header.greatestEventTime, time)
        }
        header.headerBytes = FrameHeader.bytes(
            batch.source.utf8.count, batch.traceID.utf8.count, idempotencyKey.utf8.count,
            batch.position?.stream.utf8.count ?? 0, batch.position?.bytes.count ?? 0)
        let records = batch.count * RecordLayout.fixedBytes + batch.ids.bytes.count + batch.payloads.bytes.count
        header.frameBytes = (header.headerBytes + records + 7) & ~7
        let header = header
        bytes = [UInt8](unsafeUninitializedCapacity: header.frameBytes) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            header.write(to: bytes)
            let end = writeRecords(batch, to: bytes, at: header.headerBytes)
            for index in end..<header.frameBytes { bytes[index] = 0 }
            count = header.frameBytes
        }
        if !batch.ids.bytes.isEmpty { marks = key.marks(of: batch) }
    }

    /// A frame without records: the positions of streams, as the payloads would be.
    init(positions: [SourcePosition]) {
        header = FrameHeader()
        header.kind = .positions
        header.headerBytes = FrameHeader.bytes()
        var body: [UInt8] = []
        for position in positions {
            body.appendNumber(UInt32(position.stream.utf8.count))
            body.appendNumber(UInt32(position.bytes.count))
            body += Array(position.stream.utf8) + position.bytes
        }
        let padded = (body.count + 16 + 7) & ~7
        header.frameBytes = header.headerBytes + padded
        bytes = [UInt8](repeating: 0, count: header.headerBytes)
        bytes.withUnsafeMutableBytes { header.write(to: $0) }
        bytes.appendNumber(UInt64(body.count))
        bytes.appendNumber(UInt64(body.withUnsafeBytes { checksum($0) }))
        bytes += body
        bytes += [UInt8](repeating: 0, count: header.frameBytes - bytes.count)
    }

    /// Gives the frame its place.
    mutating func place(offset: Int64, syncedPosition: Int, time: Int64, continues: Bool, salt: UInt32) {
        header.baseOffset = offset
        header.syncedPosition = syncedPosition
        header.appendTime = time
        if continues { header.flags.insert(.continues) } else { header.flags.remove(.continues) }
        let header = header
        bytes.withUnsafeMutableBytes { header.rewritePlace($0, salt: salt) }
    }

    /// Takes out the records that `isKept` does not name; those that stay are numbered anew without gaps.
    mutating func keepRecords(_ isKept: [Bool]) {
        var records: [UInt8] = []
        records.reserveCapacity(bytes.count)
        var kept = 0
        header.leastEventTime = .max
        header.greatestEventTime = .min
        var marksKept: [EventMark] = []
        bytes.withUnsafeBytes { bytes in
            var place = header.headerBytes
            for record in 0..<header.count {
                let length = Int(bytes.load(place + RecordLayout.length, as: UInt32.self))
                let range = place..<place + length
                place += length
                guard isKept[record] else { continue }
                let start = records.count
                records.append(contentsOf: bytes[range])
                records.withUnsafeMutableBytes { records in
                    let record = UnsafeMutableRawBufferPointer(rebasing: records[start...])
                    record.store(UInt32(kept), RecordLayout.delta)
                    sealRecord(record)
                }
                let time = bytes.load(range.lowerBound + RecordLayout.eventTime, as: Int64.self)
                header.leastEventTime = min(header.leastEventTime, time)
                header.greatestEventTime = max(header.greatestEventTime, time)
                if !marks.isEmpty { marksKept.append(marks[record]) }
                kept += 1
            }
        }
        marks = marksKept
        setRecords(records, count: kept, span: kept)
    }

    /// Puts other records in the place of those there are.
    mutating func setRecords(_ records: [UInt8], count: Int, span: Int) {
        header.count = count
        header.span = span
        header.frameBytes = (header.headerBytes + records.count + 7) & ~7
        bytes.removeLast(bytes.count - header.headerBytes)
        bytes += records
        bytes += [UInt8](repeating: 0, count: header.frameBytes - bytes.count)
        let header = header
        bytes.withUnsafeMutableBytes { header.write(to: $0) }
    }
}

/// - Returns: the position behind the last record.
private func writeRecords(_ batch: EventBatch, to bytes: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
    var place = start
    batch.ids.bytes.withUnsafeBytes { ids in
        batch.payloads.bytes.withUnsafeBytes { payloads in
            for row in 0..<batch.count {
                let id = batch.ids.count == 0 ? 0..<0 : batch.ids.range(row)
                let payload = batch.payloads.range(row)
                let length = RecordLayout.fixedBytes + id.count + payload.count
                let record = UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + length])
                record.store(UInt32(length), RecordLayout.length)
                record.store(batch.eventTimes[row], RecordLayout.eventTime)
                record.store(batch.arrivalTimes[row], RecordLayout.arrivalTime)
                record.store(UInt16(batch.operations[row].rawValue), RecordLayout.operation)
                record.store(UInt16(id.count), RecordLayout.idLength)
                record.store(UInt32(row), RecordLayout.delta)
                copy(ids, id, to: record, at: RecordLayout.fixedBytes)
                copy(payloads, payload, to: record, at: RecordLayout.fixedBytes + id.count)
                sealRecord(record)
                place += length
            }
        }
    }
    return place
}

@inline(__always)
private func copy(
    _ source: UnsafeRawBufferPointer, _ range: Range<Int>, to target: UnsafeMutableRawBufferPointer, at place: Int
) {
    guard let from = source.baseAddress, let to = target.baseAddress, !range.isEmpty else { return }
    (to + place).copyMemory(from: from + range.lowerBound, byteCount: range.count)
}

@inline(__always)
private func sealRecord(_ record: UnsafeMutableRawBufferPointer) {
    record.store(
        checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(record)[RecordLayout.length...])),
        RecordLayout.checksum)
}
