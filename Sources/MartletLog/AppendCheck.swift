internal import MartletCore

extension LogSettings {
    /// What an append takes in the queue.
    /// - Throws: `limitExceeded`; `invalidInput` where the columns of a batch do not fit one another.
    func checkedBytes(_ batches: [EventBatch], idempotencyKey: String) throws(MartletError) -> Int {
        var events = 0
        var bytes = 0
        for batch in batches {
            try check(batch)
            events += batch.count
            bytes +=
                FrameHeader.fixedBytes + batch.count * RecordLayout.fixedBytes + batch.ids.bytes.count
                + batch.payloads.bytes.count + (batch.position?.bytes.count ?? 0)
        }
        guard idempotencyKey.utf8.count <= longestText else {
            throw MartletError(.limitExceeded, "an idempotency key has more than \(longestText) bytes")
        }
        guard events <= appendEvents, bytes <= appendBytes else {
            throw MartletError(
                .limitExceeded,
                "an append of \(events) events and \(bytes) bytes: at most \(appendEvents) and \(appendBytes)",
                fix: "append less at once")
        }
        return bytes
    }

    private func check(_ batch: EventBatch) throws(MartletError) {
        let count = batch.count
        guard batch.arrivalTimes.count == count, batch.operations.count == count, batch.payloads.count == count,
            batch.ids.count == count || batch.ids.count == 0
        else { throw MartletError(.invalidInput, "the columns of a batch of \(batch.source) differ in length") }
        for text in [batch.source, batch.traceID, batch.position?.stream ?? ""] where text.utf8.count > longestText {
            throw MartletError(.limitExceeded, "a name in a batch has more than \(longestText) bytes")
        }
        guard (batch.position?.bytes.count ?? 0) <= longestPosition else {
            throw MartletError(.limitExceeded, "a position has more than \(longestPosition) bytes")
        }
        for row in 0..<batch.ids.count where batch.ids.range(row).count > RecordLayout.longestID {
            throw MartletError(.limitExceeded, "an id has more than \(RecordLayout.longestID) bytes")
        }
    }
}

/// Of names, ids of traces, idempotency keys and a stream's position.
private let longestText = 4_096
private let longestPosition = 1 << 20
