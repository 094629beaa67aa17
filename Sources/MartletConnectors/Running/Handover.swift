internal import MartletCore
internal import MartletLog
internal import Synchronization

/// Collects what a connector reads and hands it to the sink, one append at a time: while one is on its way to the disk
/// the next grows, so that appends are as large as the disk is slow and a failed one is never overtaken.
///
/// Belongs to the connector's thread; only the completion of an append comes from another.
final class Handover {
    /// How far a stream is durable: the greatest mark given for it.
    struct Durable {
        var stream: String
        var mark: Int64
    }

    private struct Waiting {
        var batch: RawMessages
        var mark: Int64
        var sizeBytes = 0
    }

    /// Where a completion leaves its result.
    private final class Outcome: Sendable {
        let result = Mutex<Result<Void, MartletError>?>(nil)
        var isOpen: Bool { result.withLock { if case .none = $0 { true } else { false } } }
    }

    private let source: String
    private let sink: any RawMessageSink
    private let run: ConnectorRun
    private var waiting: [Waiting] = []
    private var indexes: [String: Int] = [:]
    private(set) var waitingBytes = 0
    private var waitingCount = 0
    private var waitingOldest: Timestamp?
    /// Nothing is appended behind a failed append: it would hide the gap.
    private var failure: MartletError?
    private struct Flying {
        var batches: [RawMessages]
        var outcome = Outcome()
        var marks: [Durable]
        var messages: Int
        var bytes: Int
        var oldest: Timestamp?
        /// When it is sent again; nil while it is on its way.
        var dueNanoseconds: UInt64?
    }
    private var flying: Flying?
    private var delay: RetryDelay

    init(source: String, sink: any RawMessageSink, run: ConnectorRun) {
        self.source = source
        self.sink = sink
        self.run = run
        delay = RetryDelay(run.limits, seed: run.seed)
    }

    /// Whether the connector must read no more for now.
    var isFull: Bool { waitingBytes >= run.limits.waitingBytes || waitingCount >= run.limits.appendMessages }
    var isEmpty: Bool { waitingCount == 0 && flying == nil }
    /// When the first message that is not durable was sent; nil where all are.
    var oldestSentAt: Timestamp? { flying?.oldest ?? waitingOldest }

    func add(_ message: RawMessage, stream: String) {
        let size = message.sizeBytes
        let index = place(of: stream)
        if waitingOldest == nil { waitingOldest = message.sentAt }
        waiting[index].batch.messages.append(message)
        waiting[index].sizeBytes += size
        waitingBytes += size
        waitingCount += 1
    }

    /// Says where the stream stands behind the last message added to it.
    func mark(_ stream: String, _ mark: Int64, _ position: SourcePosition?) {
        let index = place(of: stream)
        waiting[index].mark = mark
        waiting[index].batch.position = position
    }

    private func place(of stream: String) -> Int {
        if let index = indexes[stream] { return index }
        indexes[stream] = waiting.count
        waiting.append(Waiting(batch: RawMessages(source: source, stream: stream), mark: 0))
        return waiting.count - 1
    }

    /// Takes the result of the append on its way, if it is there, and sends the next one.
    /// - Returns: what has become durable.
    /// - Throws: what the append failed with. Nothing behind it was appended, so whoever reads again from the stored
    ///   positions misses nothing. A sink that has no room for now (`limitExceeded`) is asked again instead.
    func pump() throws(MartletError) -> [Durable] {
        if let failure { throw failure }
        guard let append = flying else {
            send()
            return []
        }
        if let due = append.dueNanoseconds {
            if run.time.monotonicNanoseconds() >= due { launch(append) }
            return []
        }
        switch append.outcome.result.withLock({ $0 }) {
        case nil: return []
        case .failure(let error) where error.code == .limitExceeded:
            flying?.dueNanoseconds = run.time.monotonicNanoseconds() + UInt64(delay.next()) * 1_000_000
            return []
        case .failure(let error):
            failure = error
            flying = nil
            throw error
        case .success:
            delay.reset()
            flying = nil
            run.update { status in
                status.messages += Int64(append.messages)
                status.bytes += Int64(append.bytes)
            }
            send()
            return append.marks
        }
    }

    private func send() {
        let ready = waiting.filter { !$0.batch.messages.isEmpty }
        guard !ready.isEmpty else { return }
        let append = Flying(
            batches: ready.map(\.batch), marks: ready.map { Durable(stream: $0.batch.stream, mark: $0.mark) },
            messages: waitingCount, bytes: waitingBytes, oldest: waitingOldest)
        waitingOldest = nil
        waiting.removeAll(keepingCapacity: true)
        indexes.removeAll(keepingCapacity: true)
        waitingBytes = 0
        waitingCount = 0
        launch(append)
    }

    private func launch(_ append: Flying) {
        var append = append
        append.outcome = Outcome()
        append.dueNanoseconds = nil
        flying = append
        let (wake, outcome) = (run.wake, append.outcome)
        sink.append(append.batches) { result in
            outcome.result.withLock { $0 = result }
            wake.signal()
        }
    }

    /// Waits for the append on its way, whatever becomes of it: only then do the stored positions say where to go on.
    func settle() {
        while let append = flying, append.dueNanoseconds == nil, append.outcome.isOpen {
            run.wake.wait(milliseconds: 50)
        }
        if let append = flying, case .failure(let error) = append.outcome.result.withLock({ $0 }) {
            failure = failure ?? error
        }
        flying = nil
    }

    /// Forgets what waits of a stream that belongs to somebody else now.
    func forget(_ stream: String) {
        guard let index = indexes[stream] else { return }
        waitingBytes -= waiting[index].sizeBytes
        waitingCount -= waiting[index].batch.messages.count
        waiting[index] = Waiting(batch: RawMessages(source: source, stream: stream), mark: 0)
    }

    /// Waits until all that was added is durable, or the limit is over.
    func drain(_ body: (Durable) -> Void) throws(MartletError) {
        let end = run.time.monotonicNanoseconds() + UInt64(max(0, run.limits.drain.microseconds)) * 1_000
        while true {
            for durable in try pump() { body(durable) }
            if isEmpty { return }
            if run.time.monotonicNanoseconds() >= end {
                throw MartletError(.storeUnavailable, "what was read did not become durable in time")
            }
            run.wake.wait(milliseconds: 50)
        }
    }
}
