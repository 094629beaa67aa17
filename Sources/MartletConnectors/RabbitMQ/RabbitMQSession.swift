internal import MartletCore

/// One life of a connection to a broker.
final class RabbitMQSession {
    private let settings: RabbitMQSettings
    private let run: ConnectorRun
    private let handover: Handover
    private let connection: RabbitMQConnection
    private var beatDue: UInt64 = 0
    private var acknowledged: UInt64 = 0

    init(_ settings: RabbitMQSettings, sink: any RawMessageSink, run: ConnectorRun) throws(MartletError) {
        self.settings = settings
        self.run = run
        handover = Handover(source: settings.source, sink: sink, run: run)
        connection = try RabbitMQConnection(
            settings.url, heartbeatSeconds: settings.heartbeatSeconds, connect: run.limits.connect)
    }

    func run(_ counts: inout DeliveryCounts, _ whenRunning: () -> Void) throws(MartletError) {
        let waiting = try connection.declare(settings.queue, settings.declaration)
        run.update { $0.lags = [.init(stream: settings.stream, messages: waiting)] }
        try connection.consume(settings.queue, prefetch: settings.prefetch)
        run.update { $0.state = .streaming }
        whenRunning()
        while !run.shouldStop {
            let hasMore = try takeMessages(&counts)
            for durable in try handover.pump() { try acknowledge(durable) }
            let now = run.time.monotonicNanoseconds()
            if handover.isFull, now >= beatDue {
                beatDue = now + UInt64(max(1, settings.heartbeatSeconds)) * 500_000_000
                try connection.beat()
            }
            tellLag()
            if hasMore && !handover.isFull { continue }
            run.wake.wait(milliseconds: 1_000, reading: handover.isFull ? -1 : connection.descriptor)
        }
        var failure: MartletError?
        try handover.drain { durable in
            do throws(MartletError) { try acknowledge(durable) } catch { failure = error }
        }
        if let failure { throw failure }
        connection.close()
    }

    /// Waits for the append on its way; the broker sends again what was not acknowledged.
    func close() { handover.settle() }

    private func acknowledge(_ durable: Handover.Durable) throws(MartletError) {
        acknowledged = UInt64(bitPattern: durable.mark)
        try connection.acknowledge(upTo: acknowledged)
    }

    /// - Returns: whether more may have come already.
    private func takeMessages(_ counts: inout DeliveryCounts) throws(MartletError) -> Bool {
        var redeliveries: Int64 = 0
        var poison: Int64 = 0
        var last: UInt64?
        var hasMore = true
        for _ in 0..<1_000 where hasMore && !handover.isFull {
            guard var delivery = try connection.receive() else {
                hasMore = false
                break
            }
            if delivery.isRedelivered {
                redeliveries += 1
                let times =
                    delivery.deliveredBefore.map { $0 + 1 }
                    ?? (delivery.message.id.isEmpty ? 2 : counts.again(delivery.message.id))
                if times > settings.deliveriesMaximum {
                    delivery.giveUp("it was delivered \(times) times without becoming durable")
                    poison += 1
                }
            }
            if case .bytes(let bytes) = delivery.message.payload, bytes.count > run.limits.messageBytes {
                delivery.giveUp("the message is longer than \(run.limits.messageBytes) bytes")
                poison += 1
            }
            handover.add(delivery.message, stream: settings.stream)
            last = delivery.tag
        }
        if let last { handover.mark(settings.stream, Int64(bitPattern: last), nil) }
        if redeliveries > 0 || poison > 0 {
            run.update { status in
                status.redeliveries += redeliveries
                status.poison += poison
            }
        }
        return hasMore
    }

    private func tellLag() {
        let seconds = handover.oldestSentAt.map { Double(run.time.now().microseconds - $0.microseconds) / 1_000_000 }
        run.update { status in
            status.state = handover.isFull ? .paused : .streaming
            status.lags = [
                .init(stream: settings.stream, messages: status.lags.first?.messages, seconds: max(0, seconds ?? 0))
            ]
        }
    }
}
