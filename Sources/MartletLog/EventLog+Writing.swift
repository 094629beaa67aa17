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
            // Before anybody is told, so that what was acknowledged can be read from everywhere.
            if case .written = outcome { publish(writer.summary) }
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
            var frames: [EncodedFrame] = []
            for append in group {
                let new = dedupe.withLock { withoutDuplicates(append, &$0, now: now) }
                let stored = new.reduce(0) { $0 + $1.header.count }
                for (index, var frame) in new.enumerated() {
                    frame.place(
                        offset: frames.last?.header.endOffset ?? writer.summary.endOffset,
                        syncedPosition: writer.summary.sizeBytes, time: now, continues: index + 1 < new.count,
                        salt: key.salt)
                    frames.append(frame)
                    if let position = frame.header.position { written.positions.append(position) }
                }
                written.receipts.append(
                    AppendReceipt(
                        endOffset: frames.last?.header.endOffset ?? writer.summary.endOffset, stored: stored,
                        duplicates: append.events - stored))
            }
            dedupe.withLock { dedupe in
                dedupe.tidy(now: now, steps: 1)
                (written.remembered, written.filtered) = (dedupe.count, dedupe.filteredCount)
                written.forgotten = dedupe.forgotten
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

    /// The frames of an append less the events that are stored already or come twice in the group. Whoever sent a
    /// duplicate is told when the group is durable, and so not before the event itself is.
    private func withoutDuplicates(
        _ append: PendingAppend, _ dedupe: inout DedupeWindow, now: Int64
    ) -> [EncodedFrame] {
        if !append.idempotencyKey.isEmpty, !dedupe.insert(key.mark(ofAppend: append.idempotencyKey), at: now) {
            return []
        }
        return append.frames.compactMap { frame in
            if frame.marks.isEmpty { return frame }
            let isNew = frame.marks.map { $0.isNone || dedupe.insert($0, at: now) }
            if isNew.allSatisfy({ $0 }) { return frame }
            var frame = frame
            frame.keepRecords(isNew)
            // What the frame says beside its events counts although they are there.
            let isNeeded =
                frame.header.count > 0 || frame.header.position != nil || !frame.header.idempotencyKey.isEmpty
            return isNeeded ? frame : nil
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
    var remembered = 0
    var filtered = 0
    var forgotten = 0
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
            counts.rememberedMarks = written.remembered
            counts.filteredMarks = written.filtered
            counts.forgottenMarks = written.forgotten
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
