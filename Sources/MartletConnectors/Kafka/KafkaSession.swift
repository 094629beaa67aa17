internal import MartletCore
internal import MartletLog

/// One life of a Kafka consumer: from joining the group until something breaks that librdkafka does not mend itself.
final class KafkaSession: KafkaConsumer.Listener {
    private struct Partition {
        var stream: String
        /// The offset behind the last message taken, and behind the last durable one; -1 before the first.
        var next: Int64 = -1
        var durable: Int64 = -1
        var isMarked = true
    }

    private let settings: KafkaSettings
    private let sink: any RawMessageSink
    private let run: ConnectorRun
    private let handover: Handover
    private let consumer: KafkaConsumer
    private var partitions: [Int32: Partition] = [:]
    private var numbers: [String: Int32] = [:]
    private var failure: MartletError?
    private var fullSince: UInt64?
    private var isPaused = false
    private var lagDue: UInt64 = 0

    init(_ settings: KafkaSettings, sink: any RawMessageSink, run: ConnectorRun) throws(MartletError) {
        self.settings = settings
        self.sink = sink
        self.run = run
        handover = Handover(source: settings.source, sink: sink, run: run)
        consumer = try KafkaConsumer(settings, wake: run.wake)
    }

    func run(_ whenRunning: () -> Void) throws(MartletError) {
        try consumer.subscribe(self)
        while !run.shouldStop {
            let count = takeMessages()
            if let failure { throw failure }
            if count > 0 { whenRunning() }
            markPositions()
            commit(try handover.pump())
            let now = run.time.monotonicNanoseconds()
            pressBack(now)
            if now >= lagDue {
                lagDue = now + 1_000_000_000
                tellLag()
            }
            if count == 0 || handover.isFull { run.wake.wait(milliseconds: 100) }
        }
    }

    /// Waits for the append on its way and leaves the group.
    func close() {
        consumer.close()
        handover.settle()
    }

    private func takeMessages() -> Int {
        // A full connector polls again only when its partitions are paused: then there is nothing but rebalances.
        if handover.isFull && !isPaused { return 0 }
        return consumer.poll { message in
            guard var partition = partitions[message.partition], message.offset >= partition.next else { return }
            partition.next = message.offset + 1
            partition.isMarked = false
            partitions[message.partition] = partition
            let id = "\(partition.stream)/\(message.offset)"
            handover.add(message.copy(id: id, limitBytes: run.limits.messageBytes), stream: partition.stream)
        }
    }

    private func markPositions() {
        for (number, partition) in partitions where !partition.isMarked {
            let position = SourcePosition(stream: partition.stream, bytes: Array("\(partition.next)".utf8))
            handover.mark(partition.stream, partition.next, position)
            partitions[number]?.isMarked = true
        }
    }

    private func commit(_ durable: [Handover.Durable]) {
        var offsets: [(partition: Int32, offset: Int64)] = []
        for entry in durable {
            guard let number = numbers[entry.stream], partitions[number] != nil else { continue }
            partitions[number]?.durable = entry.mark
            offsets.append((number, entry.mark))
        }
        consumer.commit(offsets)
    }

    /// Short waits for the disk are borne by not polling; pausing throws away what librdkafka has fetched, and is for
    /// long ones, in which the group must hear from us.
    private func pressBack(_ now: UInt64) {
        guard handover.isFull else {
            fullSince = nil
            if isPaused { setPaused(false) }
            return
        }
        let since = fullSince ?? now
        fullSince = since
        if !isPaused, now >= since + 1_000_000_000 { setPaused(true) }
    }

    private func setPaused(_ wish: Bool) {
        isPaused = wish
        consumer.setPaused(wish)
        run.update { $0.state = wish ? .paused : .streaming }
    }

    private func tellLag() {
        let seconds = handover.oldestSentAt.map { Double(run.time.now().microseconds - $0.microseconds) / 1_000_000 }
        let lags = partitions.sorted { $0.key < $1.key }.map { number, partition in
            ConnectorStatus.Lag(
                stream: partition.stream,
                messages: partition.durable < 0
                    ? nil : consumer.endOffset(partition: number).map { max(0, $0 - partition.durable) },
                seconds: max(0, seconds ?? 0))
        }
        run.update { $0.lags = lags }
    }

    // MARK: What happens while polling

    func startOffset(partition number: Int32) -> Int64? {
        var partition = Partition(stream: settings.stream(partition: number))
        defer {
            partitions[number] = partition
            numbers[partition.stream] = number
            run.update { $0.state = .streaming }
        }
        do {
            guard let position = try sink.position(of: partition.stream) else { return nil }
            guard let next = Int64(String(decoding: position.bytes, as: UTF8.self)), next >= 0 else {
                throw MartletError(.corruptData, "the stored position of \(partition.stream) cannot be read")
            }
            partition.next = next
            partition.durable = next
            return next
        } catch {
            failure = error as? MartletError
            return nil
        }
    }

    func willRevoke(partitions revoked: [Int32], isLost: Bool) {
        do {
            // What was read is finished first, so that whoever gets the partition begins behind it.
            if failure == nil && !isLost {
                markPositions()
                try handover.drain { commit([$0]) }
            }
        } catch {
            failure = failure ?? error
        }
        handover.settle()
        for number in revoked {
            if let partition = partitions.removeValue(forKey: number) { handover.forget(partition.stream) }
        }
        isPaused = false
    }

    func didFail(_ error: MartletError) {
        run.update { status in
            status.lastError = error.description
            status.reconnects += 1
        }
        if error.code == .invalidSettings { failure = error }
    }
}
