internal import Dispatch
internal import FoundationEssentials
internal import MartletCore
internal import MartletFeatures
internal import MartletKeyValue
internal import MartletOnline
internal import MartletStreams
internal import Synchronization

/// A view that follows the log, twelve aggregates over four windows, fed by one thread over an embedded store: rows of
/// random keys; and what a checkpoint of all entities, stored by another thread, holds up meanwhile.
///
/// Options: --keys N [--events N] [--runs N]
func runStream(_ arguments: BenchArguments) throws -> BenchReport {
    let keyCount = try arguments.number("keys", default: 100_000)
    let eventCount = try arguments.number("events", default: 1_000_000)
    let runs = try arguments.number("runs", default: 3)
    let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-bench-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let base = try LMDBOnlineStore(path: folder, limits: EnvironmentLimits(mapSizeBytes: 16 << 30))
    let plan = try WindowPlan(aggregates: tileAggregates, inputColumns: ["amount": 0, "items": 1])
    let streamed = try StreamedView(benchView(plan), plan: plan, store: base, memoryBytes: 8 << 30)
    streamed.begin(at: StreamPosition(endOffset: 0))
    var feed = BenchFeed(keyCount)
    var report = BenchReport()

    // Each key once, so that all are there and all are to be stored.
    for first in stride(from: 0, to: keyCount, by: BenchFeed.batchRows) {
        try feed.apply(to: streamed, ids: (first..<min(keyCount, first + BenchFeed.batchRows)).map(Int64.init))
    }
    var measured: [Double] = []
    for _ in 0..<runs {
        let start = threadNanoseconds()
        for _ in stride(from: 0, to: eventCount, by: BenchFeed.batchRows) { try feed.apply(to: streamed) }
        measured.append(Double(threadNanoseconds() - start) / 1e9)
    }
    report.add("seconds", measured)
    report.count("events", eventCount)
    report.count("resident_bytes", streamed.counts.residentBytes)

    var (begins, checkpoints, pauses): ([Double], [Double], [Double]) = ([], [], [])
    var records = 0
    for _ in 0..<runs {
        for first in stride(from: 0, to: keyCount, by: BenchFeed.batchRows) {
            try feed.apply(to: streamed, ids: (first..<min(keyCount, first + BenchFeed.batchRows)).map(Int64.init))
        }
        let held = try holdUp(streamed, &feed)
        begins.append(held.begin)
        checkpoints.append(held.checkpoint)
        pauses.append(held.longestApply)
        records = held.records
    }
    report.add("begin_seconds", begins)
    report.add("checkpoint_seconds", checkpoints)
    report.add("longest_apply_seconds", pauses)
    report.count("records", records)
    return report
}

/// What a checkpoint takes, and the longest that a batch of rows took beside it.
private func holdUp(
    _ streamed: StreamedView, _ feed: inout BenchFeed
) throws -> (begin: Double, checkpoint: Double, longestApply: Double, records: Int) {
    let clock = SystemTimeSource()
    @Sendable func seconds(since start: UInt64) -> Double { Double(clock.monotonicNanoseconds() - start) / 1e9 }
    let start = clock.monotonicNanoseconds()
    let checkpoint = streamed.beginCheckpoint()
    let begin = seconds(since: start)
    let outcome = Mutex<(Result<Int, any Error>, Double)?>(nil)
    let thread = DispatchGroup()
    let now = feed.now
    startThread(group: thread) {
        let result = Result { try checkpoint.store(at: now) }
        outcome.withLock { $0 = (result, seconds(since: start)) }
    }
    // Paced as 20,000 events a second come, so that what is waited for is the checkpoint and no other work.
    var longest = 0.0
    while true {
        let applied = clock.monotonicNanoseconds()
        try feed.apply(to: streamed)
        longest = max(longest, seconds(since: applied))
        if thread.wait(timeout: .now() + .milliseconds(BenchFeed.batchRows / 20)) == .success { break }
    }
    guard let (result, took) = outcome.withLock({ $0 }) else { preconditionFailure("the thread has ended") }
    return (begin, took, longest, try result.get())
}

private func benchView(_ plan: WindowPlan) throws -> OnlineView {
    guard let tenant = TenantID("bench"), let workspace = WorkspaceID(tenant: tenant, name: "bench") else {
        throw MartletError(.internalFault, "the names of the bench are good names")
    }
    return OnlineView(
        identity: ViewIdentity(workspace: workspace, view: "tiles", version: 1), keys: [Field("id", .int64)],
        features: plan.features.map { Field($0.name, $0.type) }, kind: .windowed(TileAssembler(plan)))
}

/// Rows as a log gives them, 50 us apart.
private struct BenchFeed {
    static let batchRows = 1_000
    private let keyCount: Int64
    private var random = SeededRandom(seed: 21)
    private var offset: Int64 = 0

    init(_ keyCount: Int) { self.keyCount = Int64(keyCount) }

    var now: Timestamp { Timestamp(microseconds: tileStart + offset * tileStep) }

    mutating func apply(to view: StreamedView, ids: [Int64]? = nil) throws {
        let ids = ids ?? (0..<Self.batchRows).map { _ in Int64.random(in: 0..<keyCount, using: &random) }
        let offsets = ids.indices.map { offset + Int64($0) }
        let times = offsets.map { tileStart + $0 * tileStep }
        let rows = StreamRows(
            keys: [Column(.int64(ids))], eventTimes: times, arrivalTimes: times, positions: offsets,
            inputs: [
                Column(.float64(ids.map { _ in (random.uniform() * 100_000).rounded() / 100 })),
                Column(.int64(ids.map { _ in Int64.random(in: 1...9, using: &random) })),
            ])
        offset += Int64(ids.count)
        try view.apply(rows, endOffset: offset, now: now)
    }
}
