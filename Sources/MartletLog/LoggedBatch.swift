internal import MartletCore

/// Events as they stand in the log.
package struct LoggedBatch: Sendable, Hashable {
    package var events: EventBatch
    /// The offset of each event; they ascend, and are dense but where compaction took events out.
    package var offsets: [Int64]
    /// Behind the last event: where reading goes on.
    package var endOffset: Int64
    /// When the log wrote it, microseconds by its own clock, which never falls within a log.
    package var appendTime: Int64
}

extension FrameHeader {
    /// Whether the records in the bytes of the frame are as they were written.
    func isWhole(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if kind == .positions { return positions(bytes) != nil }
        var place = headerBytes
        var least = 0
        for _ in 0..<count {
            guard let record = RecordView(UnsafeRawBufferPointer(rebasing: bytes[place..<frameBytes])),
                record.delta >= least, record.delta < span, EventOperation(rawValue: record.operation) != nil
            else { return false }
            least = record.delta + 1
            place += record.bytes.count
        }
        return true
    }

    /// The events from an offset on.
    /// - Returns: nil where the bytes are damaged.
    func batch(_ bytes: UnsafeRawBufferPointer, from first: Int64) -> LoggedBatch? {
        var events = EventBatch(source: source, schemaVersion: schemaVersion)
        events.position = position
        events.traceID = traceID
        var offsets: [Int64] = []
        events.eventTimes.reserveCapacity(count)
        events.arrivalTimes.reserveCapacity(count)
        events.operations.reserveCapacity(count)
        offsets.reserveCapacity(count)
        events.payloads.reserveCapacity(count, bytes: frameBytes - headerBytes - count * RecordLayout.fixedBytes)
        var place = headerBytes
        var least = 0
        for _ in 0..<count {
            guard let record = RecordView(UnsafeRawBufferPointer(rebasing: bytes[place..<frameBytes])),
                record.delta >= least, record.delta < span,
                let operation = EventOperation(rawValue: record.operation)
            else { return nil }
            least = record.delta + 1
            place += record.bytes.count
            if baseOffset + Int64(record.delta) < first { continue }
            offsets.append(baseOffset + Int64(record.delta))
            events.eventTimes.append(record.eventTime)
            events.arrivalTimes.append(record.arrivalTime)
            events.operations.append(operation)
            events.ids.append(record.id)
            events.payloads.append(record.payload)
        }
        return LoggedBatch(events: events, offsets: offsets, endOffset: endOffset, appendTime: appendTime)
    }

    /// What a frame of positions holds.
    /// - Returns: nil where the bytes are damaged.
    func positions(_ bytes: UnsafeRawBufferPointer) -> [SourcePosition]? {
        guard frameBytes >= headerBytes + 16 else { return nil }
        let length = bytes.load(headerBytes, as: UInt64.self)
        guard length <= UInt64(frameBytes - headerBytes - 16) else { return nil }
        let start = headerBytes + 16
        let body = UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(length)])
        guard UInt64(checksum(body)) == bytes.load(headerBytes + 8, as: UInt64.self) else { return nil }
        var positions: [SourcePosition] = []
        var place = 0
        while place < body.count {
            guard place + 8 <= body.count else { return nil }
            let name = Int(body.load(place, as: UInt32.self))
            let end = place + 8 + name + Int(body.load(place + 4, as: UInt32.self))
            guard end <= body.count else { return nil }
            positions.append(
                SourcePosition(
                    stream: String(decoding: body[place + 8..<place + 8 + name], as: UTF8.self),
                    bytes: Array(body[place + 8 + name..<end])))
            place = end
        }
        return positions
    }
}
