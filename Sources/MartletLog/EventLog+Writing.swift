internal import MartletCore
internal import Synchronization

extension EventLog {
    /// Writes the appends that wait, up to a group, with one write and one sync, and calls their completions.
    /// - Returns: how many that were; 0 where none waits.
    @discardableResult
    package func writeGroup() -> Int {
        var finished: [(PendingAppend, Result<AppendReceipt, MartletError>)] = []
        var wakened: [LogWaiter] = []
        writer.withLock { writer in
            let group = shared.withLock { $0.takeGroup(of: settings.groupBytes) }
            if group.isEmpty { return }
            let outcome = write(group, with: &writer)
            (finished, wakened) = shared.withLock { $0.finish(group, outcome, writer.summary) }
        }
        for (append, result) in finished { append.completion(result) }
        for waiter in wakened { waiter.wake() }
        return finished.count
    }

    private func write(_ group: [PendingAppend], with writer: inout SegmentWriter) -> GroupOutcome {
        if let failure { return .failed(failure) }
        do throws(MartletError) {
            var written = WrittenGroup()
            if writer.isFull { try roll(&writer, &written) }
            let now = max(time.now().microseconds, writer.lastAppendTime)
            var offset = writer.summary.endOffset
            var frames: [EncodedFrame] = []
            for append in group {
                let kept = append.frames
                for (index, frame) in kept.enumerated() {
                    var frame = frame
                    frame.place(
                        offset: offset, syncedPosition: writer.summary.sizeBytes, time: now,
                        continues: index + 1 < kept.count, salt: key.salt)
                    offset += Int64(frame.header.span)
                    frames.append(frame)
                    if let position = frame.header.position { written.positions.append(position) }
                }
                written.receipts.append(AppendReceipt(endOffset: offset, stored: append.events, duplicates: 0))
            }
            if !frames.isEmpty {
                try writer.write(frames)
                written.bytes = frames.reduce(0) { $0 + $1.bytes.count }
            }
            return .written(written)
        } catch {
            return .failed(
                MartletError(
                    .storeUnavailable,
                    "the log could not be written and acknowledges nothing any more; what was acknowledged is safe",
                    place: .init(file: folder.path(writer.summary.baseOffset)),
                    fix: "mend the disk, then restart: the log goes on behind its last whole append", cause: error))
        }
    }

    private func roll(_ writer: inout SegmentWriter, _ written: inout WrittenGroup) throws(MartletError) {
        let positions = shared.withLock { $0.positions }
        written.closed = writer.summary
        try writer.roll(positions: positions.sorted { $0.key < $1.key }.map(\.value))
    }
}

private enum GroupOutcome {
    case written(WrittenGroup)
    case failed(MartletError)
}

private struct WrittenGroup {
    /// One an append.
    var receipts: [AppendReceipt] = []
    var positions: [SourcePosition] = []
    /// The segment that was closed before.
    var closed: SegmentSummary?
    var bytes = 0
}

extension EventLog.Shared {
    /// The oldest appends, of up to so many bytes; a longer one alone.
    fileprivate mutating func takeGroup(of most: Int) -> [PendingAppend] {
        var bytes = 0
        var count = 0
        while count < queue.count, count == 0 || bytes + queue[count].bytes <= most {
            bytes += queue[count].bytes
            count += 1
        }
        defer { queue.removeFirst(count) }
        return Array(queue[..<count])
    }

    /// Takes up what became of a group.
    /// - Returns: the appends to be told, and who waits for what is there now.
    fileprivate mutating func finish(
        _ group: [PendingAppend], _ outcome: GroupOutcome, _ summary: SegmentSummary
    ) -> ([(PendingAppend, Result<AppendReceipt, MartletError>)], [LogWaiter]) {
        queuedBytes -= group.reduce(0) { $0 + $1.bytes }
        switch outcome {
        case .failed(let error):
            failure = error
            // What waits behind it is not tried any more.
            let all = group + queue
            queuedBytes -= queue.reduce(0) { $0 + $1.bytes }
            queue.removeAll()
            return (all.map { ($0, .failure(error)) }, takeWaiters { _ in true })
        case .written(let written):
            if let closed = written.closed { closedSegments.append(closed) }
            openSegment = summary
            for position in written.positions { positions[position.stream] = position }
            counts.appends += group.count
            if written.bytes > 0 { counts.groups += 1 }
            counts.writtenBytes += written.bytes
            for receipt in written.receipts {
                counts.storedEvents += receipt.stored
                counts.duplicateEvents += receipt.duplicates
            }
            let end = openSegment.endOffset
            return (
                zip(group, written.receipts).map { ($0, .success($1)) }, takeWaiters { $0.offset < end }
            )
        }
    }

    mutating func takeWaiters(_ isDue: (LogWaiter) -> Bool) -> [LogWaiter] {
        let due = waiters.filter { isDue($0.value) }.sorted { $0.key < $1.key }
        for (number, _) in due { waiters.removeValue(forKey: number) }
        return due.map(\.value)
    }
}
