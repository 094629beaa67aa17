internal import Dispatch
internal import Glibc
internal import MartletCore
internal import MartletLog
internal import Synchronization

/// Events of 250 bytes appended to a log by several threads, each with some appends in flight; beside it the bytes of
/// the same groups written and synced bare; then the log opened again.
///
/// Options: --folder DIR [--events N] [--batch N] [--threads N] [--inflight N]
func runLog(_ arguments: BenchArguments) throws -> BenchReport {
    let folder = try arguments.text("folder")
    let events = try arguments.number("events", default: 1_000_000)
    let batchEvents = try arguments.number("batch", default: 100)
    let threads = try arguments.number("threads", default: 4)
    let inFlight = try arguments.number("inflight", default: 8)
    guard let tenant = TenantID("bench"), let workspace = WorkspaceID(tenant: tenant, name: "bench") else {
        throw MartletError(.internalFault, "the names are identifiers")
    }
    var report = BenchReport()
    let clock = SystemTimeSource()
    let counts = try append(
        to: "\(folder)/log", workspace, events: events, batchEvents: batchEvents, threads: threads, inFlight: inFlight,
        &report)
    report.took("raw_seconds", try rawSeconds(folder, counts, clock))
    let opening = clock.monotonicNanoseconds()
    let again = try EventLog(folder: "\(folder)/log", workspace: workspace)
    report.took("open_seconds", Double(clock.monotonicNanoseconds() - opening) / 1e9)
    report.count("log_bytes", again.sizeBytes)
    report.count("scanned_bytes", again.recovery.scannedBytes)
    return report
}

/// Appends the events; the log is closed and let go when this returns.
private func append(
    to folder: String, _ workspace: WorkspaceID, events: Int, batchEvents: Int, threads: Int, inFlight: Int,
    _ report: inout BenchReport
) throws -> LogCounts {
    let clock = SystemTimeSource()
    let log = try EventLog(folder: folder, workspace: workspace)
    log.start()
    let group = DispatchGroup()
    let latencies = Mutex<[UInt64]>([])
    let appendsAThread = max(1, events / batchEvents / threads)
    let start = clock.monotonicNanoseconds()
    for thread in 0..<threads {
        startThread(group: group) {
            let window = DispatchSemaphore(value: inFlight)
            for append in 0..<appendsAThread {
                window.wait()
                let first = (thread * appendsAThread + append) * batchEvents
                let sent = clock.monotonicNanoseconds()
                log.append([events250(first..<first + batchEvents)]) { result in
                    let taken = clock.monotonicNanoseconds() - sent
                    if case .success = result { latencies.withLock { $0.append(taken) } }
                    window.signal()
                }
            }
            for _ in 0..<inFlight { window.wait() }
            for _ in 0..<inFlight { window.signal() }
        }
    }
    group.wait()
    report.took("append_seconds", Double(clock.monotonicNanoseconds() - start) / 1e9)
    let sorted = latencies.withLock { $0.sorted() }
    report.count("acknowledged_events", sorted.count * batchEvents)
    report.count("p50_microseconds", Int(sorted[sorted.count / 2] / 1_000))
    report.count("p99_microseconds", Int(sorted[sorted.count * 99 / 100] / 1_000))
    let counts = log.counts
    report.count("groups", counts.groups)
    report.count("written_bytes", counts.writtenBytes)
    log.close()
    return counts
}

/// The same number of groups with the same bytes, by nothing but the disk.
private func rawSeconds(_ folder: String, _ counts: LogCounts, _ clock: SystemTimeSource) throws -> Double {
    let file = try SystemDisk().open("\(folder)/raw", for: .creating)
    let groups = min(counts.groups, 2_000)
    let bytes = [UInt8](repeating: 0x5A, count: counts.writtenBytes / max(1, counts.groups))
    let start = clock.monotonicNanoseconds()
    for group in 0..<groups {
        try file.write([bytes], at: group * bytes.count)
        try file.sync()
    }
    let seconds = Double(clock.monotonicNanoseconds() - start) / 1e9
    try SystemDisk().remove("\(folder)/raw")
    return seconds * Double(counts.groups) / Double(max(1, groups))
}

private func events250(_ numbers: Range<Int>) -> EventBatch {
    var batch = EventBatch(source: "payments", schemaVersion: 1)
    batch.eventTimes = numbers.map { Int64($0) }
    batch.arrivalTimes = batch.eventTimes
    batch.operations = [EventOperation](repeating: .insert, count: numbers.count)
    batch.ids.reserveCapacity(numbers.count, bytes: 16 * numbers.count)
    batch.payloads.reserveCapacity(numbers.count, bytes: 250 * numbers.count)
    let payload = [UInt8](repeating: 0x41, count: 250)
    for number in numbers {
        batch.ids.append("payment-\(number)")
        batch.payloads.append(contentsOf: payload)
    }
    return batch
}

/// A million rows of 12 columns as payloads and back.
///
/// Options: [--rows N] [--runs N]
func runRows(_ arguments: BenchArguments) throws -> BenchReport {
    let rows = try arguments.number("rows", default: 1_000_000)
    let runs = try arguments.number("runs", default: 5)
    let numbers = (0..<rows).map { Int64($0) }
    let texts = Column(.string(ByteStrings((0..<rows).map { "merchant-\($0 % 5_000)" })))
    let columns =
        [Column(.timestamp(numbers)), texts, texts, Column(.bool(numbers.map { $0 & 1 == 0 }))]
        + (0..<4).map { _ in Column(.int64(numbers)) }
        + (0..<4).map { _ in Column(.float64(numbers.map { Double($0) })) }
    let layout = RowLayout(types: columns.map(\.type))
    var report = BenchReport()
    let payloads = try report.time("encode_seconds", times: runs) { try layout.encode(columns) }
    let decoded = try report.time("decode_seconds", times: runs) { try layout.decode(payloads) }
    guard decoded == columns else { throw MartletError(.valuesDiffer, "rows come back changed") }
    report.count("payload_bytes", payloads.bytes.count)
    return report
}
