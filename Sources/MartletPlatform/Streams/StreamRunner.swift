internal import Dispatch
internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletOnline
internal import MartletQuery
package import MartletStreams
internal import Synchronization

/// Lets the views of a workspace that follow the log do so, on a thread of its own: reads what is appended, turns it
/// into the rows of each view, counts them, and stores the views now and then.
final class StreamRunner: Sendable {
    static let consumer = "streams"
    private static let readBytes = 1 << 20
    /// How long an event may wait for its moment to be noticed.
    private static let tickSeconds = 0.005
    private static let idleSeconds = 0.5
    private static let retrySeconds = 1.0...60.0

    private let workspace: Workspace
    private let intake: EventIntake
    private let base: any OnlineStore
    /// Microseconds.
    private let started: Int64
    private let store: StreamStore
    private let isStopping = Atomic<Bool>(false)
    private let isChanged = Atomic<Bool>(false)
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let state = Mutex(State())

    private struct State: Sendable {
        var views: [StreamedView] = []
        var freshness = FreshnessHistogram()
        var failures = 0
        var lastFailure: String?
        var endOffset: Int64 = 0
        var isFollowing = false
        var waiters: [Waiter] = []
    }

    private struct Waiter: Sendable {
        let endOffset: Int64
        let continuation: CheckedContinuation<Void, any Error>
    }

    /// - Parameter store: what is served from; it follows the views once they are read.
    init(_ workspace: Workspace, serving store: StreamStore) throws {
        self.workspace = workspace
        intake = try workspace.intake
        started = workspace.time.now().microseconds
        base = try workspace.online
        self.store = store
    }

    func start() { startThread(group: running) { [self] in run() } }

    /// Ends after the batch that is counted, and stores the views.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.signal()
        running.wait()
        answerWaiters(.failure(MartletError(.cancelled, "the server ends")))
    }

    /// Waits until all events with smaller offsets are counted.
    /// - Throws: why they are not for now: what keeps the views from following, or the end of the server.
    func counted(upTo endOffset: Int64) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let isThere = state.withLock { state in
                if state.endOffset < endOffset {
                    state.waiters.append(Waiter(endOffset: endOffset, continuation: continuation))
                }
                return state.endOffset >= endOffset
            }
            if isThere { continuation.resume() }
            if !isRunning { answerWaiters(.failure(MartletError(.cancelled, "the server ends"))) }
        }
    }

    private func answerWaiters(_ result: Result<Void, any Error>, upTo endOffset: Int64 = .max) {
        let ready = state.withLock { state in
            let ready = state.waiters.filter { $0.endOffset <= endOffset }
            state.waiters.removeAll { $0.endOffset <= endOffset }
            return ready
        }
        for waiter in ready { waiter.continuation.resume(with: result) }
    }

    /// Other definitions were applied.
    func definitionsChanged() {
        isChanged.store(true, ordering: .relaxed)
        wake.signal()
    }

    var status: StreamStatus {
        state.withLock { state in
            StreamStatus(
                views: state.views.map { ($0.view.name, $0.counts) }, freshness: state.freshness,
                failures: state.failures, lastFailure: state.lastFailure, endOffset: state.endOffset,
                isFollowing: state.isFollowing)
        }
    }

    private var isRunning: Bool { !isStopping.load(ordering: .relaxed) }

    private func run() {
        var retry = Self.retrySeconds.lowerBound
        while isRunning {
            do {
                try follow()
                retry = Self.retrySeconds.lowerBound
            } catch {
                state.withLock {
                    $0.failures += 1
                    $0.lastFailure = "\(error)"
                    $0.isFollowing = false
                }
                answerWaiters(.failure(error))
                _ = wake.wait(timeout: .now() + .milliseconds(Int(retry * 1_000)))
                retry = min(retry * 2, Self.retrySeconds.upperBound)
            }
        }
    }

    /// Follows until it is to end or the definitions change.
    private func follow() throws {
        isChanged.store(false, ordering: .relaxed)
        let streams = try StreamSet(workspace, intake, base)
        state.withLock { $0.views = streams.views }
        guard !streams.views.isEmpty else {
            store.follow([])
            while isRunning, !isChanged.load(ordering: .relaxed) { wake.wait() }
            return
        }
        try streams.begin(now: workspace.time.now())
        store.follow(streams.views)
        var reader = intake.log.reader(from: max(streams.firstOffset, intake.log.startOffset))
        var stored = workspace.time.monotonicNanoseconds()
        var checkpoint: RunningCheckpoint?
        // What it stores must be settled before another set of views reads it.
        defer { checkpoint?.wait() }
        while isRunning, !isChanged.load(ordering: .relaxed) {
            let batches = try reader.next(maximumBytes: Self.readBytes)
            if !batches.isEmpty {
                try streams.count(batches, endOffset: reader.offset)
                note(batches, reader.offset, streams)
            }
            let hasWaiting = try streams.advance(to: workspace.time.now())
            if let running = checkpoint, running.isDone {
                checkpoint = nil
                try settle(streams, running)
            }
            if checkpoint == nil, workspace.seconds(since: stored) >= checkpointSeconds {
                stored = workspace.time.monotonicNanoseconds()
                checkpoint = RunningCheckpoint(streams.beginCheckpoint(), workspace.time)
            }
            if batches.isEmpty {
                state.withLock { $0.isFollowing = true }
                wait(for: reader.offset, seconds: hasWaiting ? Self.tickSeconds : Self.idleSeconds)
            }
        }
        if let running = checkpoint {
            checkpoint = nil
            try settle(streams, running)
        }
        try settle(streams, RunningCheckpoint(streams.beginCheckpoint(), workspace.time))
    }

    private var checkpointSeconds: Double { Double(workspace.settings.limits.checkpointEvery.microseconds) / 1e6 }

    private func settle(_ streams: StreamSet, _ checkpoint: RunningCheckpoint) throws {
        streams.settle(try checkpoint.stored())
        try intake.log.commit(Self.consumer, offset: min(streams.firstOffset, intake.log.endOffset))
    }

    private func note(_ batches: [LoggedBatch], _ offset: Int64, _ streams: StreamSet) {
        let now = workspace.time.now().microseconds
        var freshness: [(microseconds: Int64, count: Int)] = []
        // What was in the log before says nothing of how fast this process is.
        for batch in batches where batch.appendTime >= started && streams.isFollowed(batch.events.source) {
            let arrived = streams.arrivesHere(batch.events.source) ? batch.events.arrivalTimes.min() : nil
            freshness.append((now - min(batch.appendTime, arrived ?? batch.appendTime), batch.offsets.count))
        }
        state.withLock { state in
            state.endOffset = offset
            for events in freshness { state.freshness.add(events.microseconds, count: events.count) }
        }
        answerWaiters(.success(()), upTo: offset)
    }

    private func wait(for offset: Int64, seconds: Double) {
        let number = intake.log.whenReadable(offset) { [wake] in wake.signal() }
        _ = wake.wait(timeout: .now() + .microseconds(Int(seconds * 1e6)))
        intake.log.stopWaiting(number)
    }
}

/// What following the log has come to.
package struct StreamStatus: Sendable {
    package var views: [(name: String, counts: StreamCounts)] = []
    /// From their arrival until they are served; of sources that tell arrival times of their own, from the log.
    package var freshness = FreshnessHistogram()
    package var failures = 0
    package var lastFailure: String?
    /// Events with smaller offsets are counted.
    package var endOffset: Int64 = 0
    /// Whether the end of the log was reached.
    package var isFollowing = false
}

/// How long events took, in buckets whose bounds are those of Prometheus' histograms.
package struct FreshnessHistogram: Sendable, Hashable {
    /// Microseconds; what is longer is in the last bucket.
    package static let bounds: [Int64] = [
        1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000, 60_000_000,
    ]
    package private(set) var buckets = [Int](repeating: 0, count: bounds.count + 1)
    package private(set) var count = 0
    package private(set) var sumMicroseconds: Int64 = 0

    package init() {}

    package mutating func add(_ microseconds: Int64, count: Int) {
        let bucket = Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count
        buckets[bucket] += count
        self.count += count
        sumMicroseconds += microseconds * Int64(count)
    }
}
