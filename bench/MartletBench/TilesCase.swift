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
    // The first run makes the tiles of the day. Each goes on where the one before stopped.
    for run in 0...runs {
        let start = clock.monotonicNanoseconds()
        for batch in batches {
            tiles.advance(to: Timestamp(microseconds: batch.eventTimes[0]))
            applied += try tiles.apply(batch).applied
        }
        if run > 0 { measured.append(Double(clock.monotonicNanoseconds() - start) / 1e9) }
        for batch in batches.indices {
            for row in batches[batch].eventTimes.indices { batches[batch].eventTimes[row] += tileSpan }
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

private let tileStart: Int64 = 1_780_272_000_000_000
private let tileSpan: Int64 = 7_200_000_000

private let tileAggregates: [WindowAggregate] = {
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

/// Two hours of events, in batches of a thousand.
private func tileBatches(count: Int, keys: Int32) -> [EventColumns] {
    var random = SeededRandom(seed: 20)
    let step = tileSpan / Int64(count)
    return stride(from: 0, to: count, by: 1_000).map { first in
        let rows = first..<min(first + 1_000, count)
        return EventColumns(
            ids: rows.map { _ in Int32.random(in: 0..<keys, using: &random) },
            eventTimes: rows.map { tileStart + Int64($0) * step },
            arrivalTimes: rows.map { tileStart + Int64($0) * step }, positions: rows.map { Int64($0) },
            inputs: [
                Column(.float64(rows.map { _ in (random.uniform() * 100_000).rounded() / 100 })),
                Column(.int64(rows.map { _ in Int64.random(in: 1...9, using: &random) })),
            ])
    }
}
