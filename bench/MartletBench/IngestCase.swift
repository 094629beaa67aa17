internal import Dispatch
internal import Glibc
internal import MartletConnectors
internal import MartletCore
internal import MartletLog
internal import Synchronization

/// Takes messages, counts them, and notes how long each was on its way. Stores nothing: what is measured is the
/// connector.
private final class CountingSink: RawMessageSink {
    struct State {
        var count = 0
        var bytes = 0
        var firstNanoseconds: UInt64 = 0
        var lastNanoseconds: UInt64 = 0
        var latencyMicroseconds: [Int64] = []
    }

    let state = Mutex(State())
    private let time = SystemTimeSource()
    /// Whether the times on the messages are fine enough to measure with.
    private let notesLatency: Bool

    init(notesLatency: Bool) { self.notesLatency = notesLatency }

    func append(_ batches: [RawMessages], completion: @escaping @Sendable (Result<Void, MartletError>) -> Void) {
        let now = time.now().microseconds
        state.withLock { state in
            for batch in batches {
                for message in batch.messages where message.operation != .truncate {
                    state.count += 1
                    if case .bytes(let bytes) = message.payload { state.bytes += bytes.count }
                    if notesLatency, let sent = message.sentAt {
                        state.latencyMicroseconds.append(now - sent.microseconds)
                    }
                }
            }
            state.lastNanoseconds = time.monotonicNanoseconds()
            if state.firstNanoseconds == 0 { state.firstNanoseconds = state.lastNanoseconds }
        }
        completion(.success(()))
    }

    func position(of stream: String) throws(MartletError) -> SourcePosition? { nil }
}

/// What a topic of Kafka holds, read to its end.
///
/// Options: --brokers HOST:PORT --topic NAME --messages N
func runIngestKafka(_ arguments: BenchArguments) throws -> BenchReport {
    let settings = KafkaSettings(
        source: "bench", brokers: try arguments.text("brokers"), topic: try arguments.text("topic"), group: "bench")
    let sink = CountingSink(notesLatency: false)
    return try measure(
        KafkaSource(settings, sink: sink, seed: 1), sink, count: try arguments.number("messages", default: 1_000_000))
}

/// What a queue of RabbitMQ holds, read and acknowledged to its end.
///
/// Options: --url URL --queue NAME --messages N
func runIngestRabbitMQ(_ arguments: BenchArguments) throws -> BenchReport {
    let settings = RabbitMQSettings(
        source: "bench", url: try arguments.text("url"), queue: try arguments.text("queue"))
    let sink = CountingSink(notesLatency: false)
    return try measure(
        RabbitMQSource(settings, sink: sink, seed: 1), sink, count: try arguments.number("messages", default: 200_000))
}

/// Changes of a table as they are made: prints `ready` once it follows them.
///
/// Options: --url URL --table NAME --slot NAME --publication NAME --messages N
func runChangeCapture(_ arguments: BenchArguments) throws -> BenchReport {
    let settings = ChangeCaptureSettings(
        source: "bench", url: try arguments.text("url"), table: try arguments.text("table"),
        slot: try arguments.text("slot"), publication: try arguments.text("publication"))
    let sink = CountingSink(notesLatency: true)
    return try measure(
        ChangeCapture(settings, sink: sink, seed: 1), sink, count: try arguments.number("messages", default: 400_000))
}

/// Runs the connector until `count` messages have come.
/// - Throws: `cancelled` after five minutes.
private func measure(_ connector: any Connector, _ sink: CountingSink, count: Int) throws -> BenchReport {
    let group = DispatchGroup()
    startThread(group: group) { connector.run() }
    defer {
        connector.stop()
        group.wait()
    }
    var isReady = false
    for _ in 0..<60_000 {
        if !isReady, connector.status.state == .streaming {
            isReady = true
            print("ready")
            fflush(nil)
        }
        if sink.state.withLock({ $0.count }) >= count { break }
        usleep(5_000)
    }
    let state = sink.state.withLock { $0 }
    guard state.count >= count else {
        throw MartletError(.cancelled, "\(state.count) of \(count) messages came: \(connector.status)")
    }
    var report = BenchReport()
    report.count("messages", state.count)
    report.count("microseconds", Int((state.lastNanoseconds - state.firstNanoseconds) / 1_000))
    report.count("processor_microseconds", processorMicroseconds())
    let sorted = state.latencyMicroseconds.sorted()
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p100", 1.0)] where !sorted.isEmpty {
        report.count(
            "latency_\(name)_microseconds", Int(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]))
    }
    return report
}

private func processorMicroseconds() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000
        + Int(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
}
