internal import Glibc
internal import MartletCore
internal import MartletKeyValue
internal import MartletOnline

/// `vectors`: the nearest of so many random embeddings in an LMDB store of its own, by the cosine, searched for as a
/// server does: candidates from the matrix in memory, their records looked up.
///
/// With `--out FILE` the vectors, then the queries, are written as little-endian floats, and the ids found go to the
/// report, so that a peer searches the same ones.
func runVectors(_ arguments: BenchArguments) throws -> BenchReport {
    let count = try arguments.number("vectors", default: 100_000)
    let dimensions = try arguments.number("dimensions", default: 128)
    let queryCount = try arguments.number("queries", default: 20)
    let threads = try arguments.number("threads", default: 1)
    let view = OnlineView(
        identity: ViewIdentity(
            workspace: WorkspaceID(tenant: TenantID("bench")!, name: "main")!, view: "v", version: 1),
        keys: [Field("id", .int64)], features: [Field("embedding", .list(.float32)), Field("year", .int64)],
        vector: OnlineView.Vector(feature: 0, search: VectorSearch(metric: .cosine, dimensions: dimensions)))
    let store = try LMDBOnlineStore(path: try arguments.text("folder"), durability: .unsynced)
    let file = try arguments.optionalText("out").map { try VectorFile($0) }
    var random = SeededRandom(seed: 1)
    var load = try OnlineLoad(
        LoadIdentity(view: view.identity, upTo: .epoch, input: "bench"), of: view, into: store, isRestarted: true)
    for start in stride(from: 0, to: count, by: 10_000) {
        let rows = min(10_000, count - start)
        let values = vectors(rows, dimensions, &random)
        try file?.append(values)
        let offsets = (0...rows).map { Int32($0 * dimensions) }
        try load.write(
            LatestValues(
                keys: [Column(.int64((start..<start + rows).map { Int64($0) }))],
                features: [
                    Column(.list(ListValues(offsets: offsets, elements: Column(.float32(values))))),
                    Column(.int64((start..<start + rows).map { Int64($0 % 100) })),
                ], eventTimes: (0..<rows).map { _ in 1 }))
    }
    _ = try load.finish()
    let queries = vectors(queryCount, dimensions, &random)
    try file?.append(queries)
    let searcher = VectorSearcher(limitBytes: 32 << 30, threads: threads)
    var found: [Int64] = []
    func search(_ number: Int, _ filter: RecordFilter? = nil) throws {
        let query = Array(queries[number * dimensions..<(number + 1) * dimensions])
        try searcher.search(
            view, for: query, count: 10, filter: filter, in: store, at: { SystemTimeSource().now() }
        ) { hits in
            for case .int64(let id) in hits.map({ $0.keys[0] }) { found.append(id) }
        }
    }
    var report = BenchReport()
    let clock = SystemTimeSource()
    func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = clock.monotonicNanoseconds()
        try body()
        return Double(clock.monotonicNanoseconds() - start) / 1e9
    }
    // The first search reads the view.
    report.took("read_seconds", try seconds { try search(0) })
    found = []
    report.add("search_seconds", try (0..<queryCount).map { number in try seconds { try search(number) } })
    report.add("found", found.map { Double($0) })
    let filter = RecordFilter.comparison(.feature(1, .int64), .equal, [.int64(7)])
    report.add("filtered_seconds", try (0..<queryCount).map { number in try seconds { try search(number, filter) } })
    report.count("matrix_bytes", searcher.sizeBytes)
    return report
}

private func vectors(_ count: Int, _ dimensions: Int, _ random: inout SeededRandom) -> [Float] {
    (0..<count * dimensions).map { _ in Float(random.uniform() * 2 - 1) }
}

/// Floats in a file.
private final class VectorFile {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw MartletError(.fileSystem, "cannot write \(path)") }
    }

    deinit { close(descriptor) }

    func append(_ values: [Float]) throws {
        try values.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
                guard count > 0 else { throw MartletError(.fileSystem, "cannot write the vectors") }
                written += count
            }
        }
    }
}
