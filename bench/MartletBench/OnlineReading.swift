internal import Glibc
internal import MartletCore
internal import MartletKeyValue
internal import MartletOnline

/// A view of 10 numbers for so many entities, in an LMDB store of a folder of its own, and what reads it.
struct OnlineReading {
    static let featureCount = 10
    let view = OnlineView(
        identity: ViewIdentity(
            workspace: WorkspaceID(tenant: TenantID("bench")!, name: "main")!, view: "v", version: 1),
        keys: [Field("id", .int64)], features: (0..<featureCount).map { Field("x\($0)", .float64) })

    func load(_ count: Int, into store: any OnlineStore) throws {
        var load = try OnlineLoad(
            LoadIdentity(view: view.identity, upTo: .epoch, input: "bench"), of: view, into: store, isRestarted: true)
        for start in stride(from: 0, to: count, by: 100_000) {
            let ids = (start..<min(start + 100_000, count)).map { Int64($0) }
            try load.write(
                LatestValues(
                    keys: [Column(.int64(ids))],
                    features: (0..<Self.featureCount).map { feature in
                        Column(.float64(ids.map { Double($0) + Double(feature) }))
                    }, eventTimes: ids.map { _ in 1 }))
        }
        _ = try load.finish()
    }

    /// Reads each vector by itself, checks its record and adds its values up.
    func sumVectors(_ ids: [Int64], _ store: any OnlineStore) throws -> Double {
        var keys = [EntityKeys()]
        var table = RecordTable()
        var answer = ViewAnswer()
        let lookups = [RecordLookup(view: try store.handle(for: view.identity), keyIndex: 0)]
        let features = Array(0..<Self.featureCount)
        let now = SystemTimeSource().now()
        var sum = 0.0
        for id in ids {
            keys[0].removeAll()
            keys[0].append(integer: id)
            keys[0].endKey()
            try store.read(lookups, keys: keys, into: &table) { table in
                try answer.fill(view, features: features, lookup: 0, keyCount: 1, from: table, at: now)
                guard let row = answer.rows[0] else { throw MartletError(.internalFault, "entity \(id) is absent") }
                for feature in features { sum += Double(bitPattern: row.bits(feature)) }
            }
        }
        return sum
    }

    /// `vectors` as `sumVectors` has it, but `batch` in one call.
    func sumBatches(_ ids: [Int64], batch: Int, _ store: any OnlineStore) throws -> Double {
        var keys = [EntityKeys()]
        var table = RecordTable()
        let lookups = [RecordLookup(view: try store.handle(for: view.identity), keyIndex: 0)]
        var sum = 0.0
        for start in stride(from: 0, to: ids.count, by: batch) {
            keys[0].removeAll()
            for id in ids[start..<min(start + batch, ids.count)] {
                keys[0].append(integer: id)
                keys[0].endKey()
            }
            try store.read(lookups, keys: keys, into: &table) { table in
                for key in 0..<keys[0].uniqueCount {
                    guard let record = table.record(lookup: 0, key: key) else { continue }
                    sum += Double(bitPattern: try LatestRow(record, featureCount: Self.featureCount).bits(0))
                }
            }
        }
        return sum
    }
}

/// Ranks of a Zipf distribution by inversion of its table of sums.
struct ZipfRanks {
    private let sums: [Double]

    init(count: Int, exponent: Double) {
        var sum = 0.0
        sums = (1...count).map { rank in
            sum += pow(Double(rank), -exponent)
            return sum
        }
    }

    func next(_ random: inout SeededRandom) -> Int {
        let target = random.uniform() * sums[sums.count - 1]
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] < target { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The share of the draws that the `count` most frequent ranks get: no cache of so many does better for long.
    func share(of count: Int) -> Double { sums[count - 1] / sums[sums.count - 1] }
}

/// `read-inproc`: vectors one by one, from memory and from LMDB, on one thread.
func runReadInProcess(_ arguments: BenchArguments) throws -> BenchReport {
    let entities = try arguments.number("entities", default: 100_000)
    let reads = try arguments.number("reads", default: 1_000_000)
    let reading = OnlineReading()
    let store = try LMDBOnlineStore(path: try arguments.text("folder"), durability: .unsynced)
    try reading.load(entities, into: store)
    var settings = HotTierSettings()
    // As a server has it where nothing is set: what is read takes a quarter of it.
    settings.sizeBytes = 64 << 20
    settings.staleness = .hours(1)
    let tier = HotTier(over: store, settings)
    var random = SeededRandom(seed: 1)
    let ids = (0..<reads).map { _ in Int64.random(in: 0..<Int64(entities), using: &random) }
    _ = try reading.sumBatches((0..<entities).map { Int64($0) }, batch: 1_000, tier)
    var report = BenchReport()
    let hot = try report.time("hot_seconds", times: 5) { try reading.sumVectors(ids, tier) }
    let hits = tier.statistics
    let cold = try report.time("lmdb_seconds", times: 5) { try reading.sumVectors(ids, store) }
    let batched = try report.time("hot_batch_seconds", times: 5) { try reading.sumBatches(ids, batch: 100, tier) }
    guard hot == cold, batched > 0 else { throw MartletError(.valuesDiffer, "memory and LMDB have other values") }
    report.count("reads", reads)
    report.count("hits", hits.hits)
    report.count("misses", hits.misses)
    return report
}

/// `hot-tier`: the hit ratio of a Zipf workload with a tenth of the keys in memory, after as many reads to warm up.
func runHotTier(_ arguments: BenchArguments) throws -> BenchReport {
    let entities = try arguments.number("entities", default: 100_000)
    let reads = try arguments.number("reads", default: 1_000_000)
    let reading = OnlineReading()
    let store = try LMDBOnlineStore(path: try arguments.text("folder"), durability: .unsynced)
    try reading.load(entities, into: store)
    // Which entity has which rank is chance.
    var random = SeededRandom(seed: 7)
    let order = (0..<Int64(entities)).shuffled(using: &random)
    var report = BenchReport()
    for exponent in [99, 110, 120] {
        let ranks = ZipfRanks(count: entities, exponent: Double(exponent) / 100)
        var settings = HotTierSettings()
        // A record of 10 numbers with its key and the tier's own words takes 176 bytes.
        settings.sizeBytes = entities / 10 * 176
        settings.staleness = .hours(1)
        let tier = HotTier(over: store, settings)
        _ = try reading.sumVectors((0..<reads).map { _ in order[ranks.next(&random)] }, tier)
        let before = tier.statistics
        _ = try reading.sumVectors((0..<reads).map { _ in order[ranks.next(&random)] }, tier)
        let after = tier.statistics
        report.count("hits_\(exponent)", after.hits - before.hits)
        report.count("misses_\(exponent)", after.misses - before.misses)
        report.count("evictions_\(exponent)", after.evictions - before.evictions)
        report.count("entries_\(exponent)", after.entries)
        report.count("best_per_million_\(exponent)", Int(ranks.share(of: entities / 10) * 1e6))
    }
    return report
}

/// `read-redis`: records from a Redis, so many a call.
func runReadRedis(_ arguments: BenchArguments) throws -> BenchReport {
    let entities = try arguments.number("entities", default: 100_000)
    let reads = try arguments.number("reads", default: 1_000_000)
    let batch = try arguments.number("batch", default: 100)
    let reading = OnlineReading()
    let store = RedisOnlineStore(
        RedisSettings(endpoints: [.init(host: "127.0.0.1", port: try arguments.number("port", default: 6_379))]))
    try reading.load(entities, into: store)
    var random = SeededRandom(seed: 1)
    let ids = (0..<reads).map { _ in Int64.random(in: 0..<Int64(entities), using: &random) }
    var report = BenchReport()
    _ = try report.time("seconds", times: 5) { try reading.sumBatches(ids, batch: batch, store) }
    report.count("reads", reads)
    return report
}
