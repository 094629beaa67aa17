internal import Glibc
internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// Twelve aggregates over four windows kept in memory, one thread: events of random keys in the order of their times,
/// as they come from a log, and what writing records holds up.
///
/// Options: --keys N [--events N] [--runs N]
func runTiles(_ arguments: BenchArguments) throws -> BenchReport {
    let keyCount = Int32(try arguments.number("keys", default: 100_000))
    let eventCount = try arguments.number("events", default: 4_000_000)
    let runs = try arguments.number("runs", default: 3)
    var report = BenchReport()
    let plan = try WindowPlan(aggregates: tileAggregates, inputColumns: ["amount": 0, "items": 1])
    var batches = tileBatches(count: eventCount, keys: keyCount)
    var tiles = ResidentTiles(plan)
    tiles.reserveKeys(keyCount)
    let clock = SystemTimeSource()
    var applied = 0
    var measured: [Double] = []
    // The first two make what later ones use again. Each goes on where the one before stopped.
    for run in 0...runs + 1 {
        let start = threadNanoseconds()
        for batch in batches {
            tiles.advance(to: Timestamp(microseconds: batch.eventTimes[0]))
            applied += try tiles.apply(batch).applied
        }
        if run > 1 { measured.append(Double(threadNanoseconds() - start) / 1e9) }
        for batch in batches.indices {
            for row in batches[batch].eventTimes.indices {
                batches[batch].eventTimes[row] += Int64(eventCount) * tileStep
            }
        }
    }
    report.add("seconds", measured)
    report.count("events", eventCount)
    report.count("applied", applied)
    report.count("bytes", tiles.byteCount)
    // The pause of a checkpoint is how long a chunk of records takes to be written: nothing is applied meanwhile.
    let upTo = Timestamp(microseconds: tileStart + 86_400_000_000)
    var longest: UInt64 = 0
    var recordBytes = 0
    let chunk: Int32 = 256
    try report.time("checkpoint_seconds", times: 1) {
        recordBytes = 0
        for first in stride(from: 0, to: keyCount, by: Int(chunk)) {
            let start = clock.monotonicNanoseconds()
            for key in first..<min(first + chunk, keyCount) {
                recordBytes += try tiles.withRecord(of: key, upTo: upTo) { $0.count } ?? 0
            }
            longest = max(longest, clock.monotonicNanoseconds() - start)
        }
    }
    report.count("record_bytes", recordBytes)
    report.count("longest_pause_microseconds", Int(longest / 1_000))
    return report
}

/// The processor time of this thread, so that other work on the machine counts less.
func threadNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

let tileStart: Int64 = 1_780_272_000_000_000
/// Between two events, microseconds: 20,000 a second, so that tiles come and go as they do at that rate.
let tileStep: Int64 = 50

let tileAggregates: [WindowAggregate] = {
    let functions: [(AggregateFunction, String?)] = [
        (.count, nil), (.count, "amount"), (.sum, "amount"), (.mean, "amount"), (.stddev, "amount"),
        (.variance, "amount"), (.min, "amount"), (.max, "amount"), (.first, "amount"), (.last, "amount"),
        (.timeSinceLast, nil), (.max, "items"),
    ]
    return functions.map { function, column in
        WindowAggregate(
            name: "\(column ?? "rows")_\(function.rawValue)", function: function, column: column,
            columnType: column == "items" ? .int64 : .float64,
            windows: [.hours(1), .days(1), .days(7), .days(30)])
    }
}()

/// Events in the order of their times, in batches of a thousand.
private func tileBatches(count: Int, keys: Int32) -> [EventColumns] {
    var random = SeededRandom(seed: 20)
    return stride(from: 0, to: count, by: 1_000).map { first in
        let rows = first..<min(first + 1_000, count)
        return EventColumns(
            ids: rows.map { _ in Int32.random(in: 0..<keys, using: &random) },
            eventTimes: rows.map { tileStart + Int64($0) * tileStep },
            arrivalTimes: rows.map { tileStart + Int64($0) * tileStep }, positions: rows.map { Int64($0) },
            inputs: [
                Column(.float64(rows.map { _ in (random.uniform() * 100_000).rounded() / 100 })),
                Column(.int64(rows.map { _ in Int64.random(in: 1...9, using: &random) })),
            ])
    }
}
