import FoundationEssentials
import MartletCore
import MartletPlatform
import MartletQuery
import MartletRegistry
import MartletTestSupport
import Synchronization
import Testing

/// Views of one and of two keys, windows of every family of states, latest values with and without ttl, a query.
private let definitions = """
    entity: user
    key: user
    type: string
    ---
    entity: shop
    key: shop
    type: int64
    ---
    source: clicks
    columns:
      id: {type: int64, nullable: false}
      user: string
      shop: int64
      amount: float64
      word: string
      at: {type: timestamp, nullable: false}
      seen: timestamp
    event_time: at
    arrival_time: seen
    id: id
    ---
    features: recent
    entity: user
    source: clicks
    windows: [1h, 3d]
    aggregates:
      clicks: count
      amount_sum: sum(amount)
      amount_deviation: stddev(amount)
      amount_max: max(amount)
      word_first: {function: first, column: word}
      words: distinct(word)
    ---
    features: at_shop
    entities: [user, shop]
    source: clicks
    where: amount > 0
    windows: [7d]
    aggregates: {visits: count, spent: sum(amount)}
    ---
    features: newest
    entity: user
    source: clicks
    ttl: 1d
    latest: {last_amount: amount, last_word: word}
    ---
    features: per_shop
    entity: shop
    source: clicks
    sql: sql/doubled.sql
    latest: {doubled: {column: doubled, type: float64}}
    ---
    service: all
    features: [recent, at_shop, newest, per_shop]
    """

private struct Fixture {
    let test: TestRepository
    let request: TrainingSetRequest

    /// - Parameters:
    ///   - heavy: how many of the events are of one user.
    ///   - heavyLabels: of so many labels one is of that user.
    ///   - window: the longer of the two.
    ///   - lateSeconds: how late events arrive at most.
    init(
        seed: UInt64, events: Int = 5_000, labels: Int = 800, heavy: Int = 0, heavyLabels: Int = 30,
        window: String = "3d", lateSeconds: Int = 600
    ) throws {
        var random = SeededRandom(seed: seed)
        func next(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        func time(_ seconds: Int) -> String {
            (Timestamp(year: 2026, month: 3, day: 1) + .seconds(Int64(seconds))).description
        }
        test = try TestRepository(
            definitions.split(separator: "3d").joined(separator: window),
            files: ["sql/doubled.sql": "SELECT *, amount * 2 AS doubled FROM clicks\n"])
        var rows = "id,user,shop,amount,word,at,seen\n"
        for id in 0..<events {
            let user = id < heavy ? "heavy" : next(40) == 0 ? "" : "u\(next(300))"
            let amount = next(20) == 0 ? "" : "\(Double(next(200_000)) / 100 - 500)"
            let second = next(20 * 86_400)
            rows +=
                "\(id),\(user),\(next(20)),\(amount),w\(next(9)),\(time(second)),\(time(second + next(lateSeconds)))\n"
        }
        try test.ingest("clicks", csv: rows)
        var text = "note,user,shop,event_timestamp\n"
        for row in 0..<labels {
            let user = next(30) == 0 ? "" : next(heavyLabels) == 0 ? "heavy" : "u\(next(330))"
            let line = "\(row),\(user),\(next(25)),\(time(next(21 * 86_400)))\n"
            text += next(50) == 0 ? line + line : line
        }
        test.folder.write(text, to: "labels.csv")
        request = TrainingSetRequest(service: "all", labels: test.path("labels.csv"))
    }

    var temporaryFiles: [String] {
        let found = try? FileManager.default.contentsOfDirectory(atPath: test.path(".martlet/temporary"))
        return (found ?? []).filter { $0.hasPrefix("training-set-") }
    }
}

private func expectEqual(_ left: RecordBatch, _ right: RecordBatch, _ note: String) {
    #expect(left.schema == right.schema, "\(note)")
    #expect(left.rowCount == right.rowCount, "\(note)")
    guard left.schema == right.schema, left.rowCount == right.rowCount else { return }
    for (name, (one, other)) in zip(left.schema.names, zip(left.columns, right.columns)) {
        #expect(one.rowsThatDiffer(from: other) == [], "\(note): \(name)")
    }
}

private final class RecordedSteps: ProgressReporter {
    private let found = Mutex<[String]>([])
    var names: [String] { found.withLock { $0 } }
    func report(_ step: String, done: Int, total: Int?) { found.withLock { $0.append(step) } }
}

@Suite("A training set larger than its memory")
struct SpilledTrainingSetTests {
    @Test("has the bits of one built in memory, on both clocks", arguments: [1, 2] as [UInt64])
    func equality(seed: UInt64) throws {
        let fixture = try Fixture(seed: seed)
        for (asKnown, knownOnly) in [(false, false), (true, false), (false, true)] {
            var request = fixture.request
            (request.asKnown, request.keepsOnlyKnownEntities) = (asKnown, knownOnly)
            let whole = try fixture.test.workspace.trainingSet(request)
            let parts = try fixture.test.workspace.trainingSet(request, memoryBytes: 1 << 20)
            expectEqual(whole.rows, parts.rows, "seed \(seed), as known \(asKnown), known only \(knownOnly)")
            #expect(whole.tableVersions == parts.tableVersions)
        }
        #expect(fixture.temporaryFiles == [])
    }

    @Test("written in parts has the hash of one written at once")
    func hash() throws {
        let fixture = try Fixture(seed: 3)
        let (test, request) = (fixture.test, fixture.request)
        let whole = try test.workspace.writeTrainingSet(
            request, to: test.path("a.parquet"), principal: test.principal)
        let parts = try test.workspace.writeTrainingSet(
            request, to: test.path("b.csv"), principal: test.principal, memoryBytes: 1 << 20)
        #expect(whole.hash == parts.hash)
        #expect(whole.columns == parts.columns)
        #expect(whole.rowCount == parts.rowCount)
    }

    @Test("cuts a part again that one key makes too large")
    func skew() throws {
        let fixture = try Fixture(seed: 4, events: 8_000, heavy: 2_500)
        let whole = try fixture.test.workspace.trainingSet(fixture.request)
        let parts = try fixture.test.workspace.trainingSet(fixture.request, memoryBytes: 1_600_000)
        expectEqual(whole.rows, parts.rows, "seed 4")
    }

    /// Of one user nine tenths of the events and half of the labels.
    private func oneKey(seed: UInt64, lateSeconds: Int) throws -> Fixture {
        try Fixture(
            seed: seed, events: 4_000, labels: 600, heavy: 3_600, heavyLabels: 2, lateSeconds: lateSeconds)
    }

    @Test(
        "takes the labels of one key that does not fit one time after another, on both clocks",
        arguments: [(false, false), (false, true), (true, false), (true, true)])
    func oneKey(asKnown: Bool, knownOnly: Bool) throws {
        let fixture = try oneKey(seed: 9, lateSeconds: asKnown ? 3 * 86_400 : 60)
        var request = fixture.request
        (request.asKnown, request.keepsOnlyKnownEntities) = (asKnown, knownOnly)
        let whole = try fixture.test.workspace.trainingSet(request)
        let steps = RecordedSteps()
        let parts = try fixture.test.workspace.trainingSet(request, memoryBytes: 1_500_000, progress: steps)
        #expect(steps.names.contains { $0.hasPrefix("rows of ") }, "it was built at once")
        expectEqual(whole.rows, parts.rows, "seed 9")
    }

    @Test("counts what leaks and what differs between the clocks of one key that does not fit")
    func oneKeyCounts() throws {
        let fixture = try oneKey(seed: 10, lateSeconds: 3 * 86_400)
        let (workspace, request) = (fixture.test.workspace, fixture.request)
        let clocks = try workspace.compareClocks(request)
        let partClocks = try workspace.compareClocks(request, memoryBytes: 1_500_000)
        #expect(clocks.features.map(\.count) == partClocks.features.map(\.count), "seed 10")
        #expect(clocks.features.allSatisfy { $0.count.differing > 0 }, "seed 10")
        let leak = #expect(throws: MartletError.self) { try workspace.trainingSet(request) }
        let partLeak = #expect(throws: MartletError.self) {
            try workspace.trainingSet(request, memoryBytes: 1_500_000)
        }
        #expect(leak?.code == .labelLeakage && leak?.message == partLeak?.message, "seed 10")
    }

    @Test("is refused where one label needs more rows of a key than fit, and the key is not named")
    func oneLabel() throws {
        let fixture = try Fixture(seed: 5, events: 8_000, heavy: 6_000, window: "30d", lateSeconds: 600)
        let error = #expect(throws: MartletError.self) {
            try fixture.test.workspace.trainingSet(fixture.request, memoryBytes: 1_000_000)
        }
        #expect(error?.code == .limitExceeded)
        #expect(error?.message.contains("heavy") == false)
        #expect(error?.message.contains("those of 1 of ") == true)
        #expect(error?.fix?.hasPrefix("raise limits.memory in martlet.yaml to ") == true)
    }

    @Test("cancelled leaves neither files nor output")
    func cancelled() throws {
        let fixture = try Fixture(seed: 6)
        let test = fixture.test
        for step in ["features of at_shop", "write"] {
            let progress = CancellingProgress(at: step, afterRows: true)
            let error = #expect(throws: MartletError.self) {
                try test.workspace.writeTrainingSet(
                    fixture.request, to: test.path("set.parquet"), principal: test.principal, memoryBytes: 1 << 20,
                    progress: progress, cancellation: progress.cancellation)
            }
            #expect(error?.code == .cancelled, "\(step): \(String(describing: error))")
            #expect(fixture.temporaryFiles == [], "\(step)")
            #expect(!FileManager.default.fileExists(atPath: test.path("set.parquet")))
            #expect(!FileManager.default.fileExists(atPath: test.path("set.parquet.partial")))
        }
        #expect(try test.workspace.registry.trainingSets().isEmpty)
    }

    @Test("stopped in its midst when it is built again, leaves the first one as it is")
    func stoppedRebuild() throws {
        let fixture = try Fixture(seed: 8)
        let test = fixture.test
        let record = try test.workspace.writeTrainingSet(
            fixture.request, to: test.path("set.parquet"), principal: test.principal)
        let bytes = test.folder.bytes(of: "set.parquet")
        let names = try FileManager.default.contentsOfDirectory(atPath: test.folder.path).sorted()
        let progress = CancellingProgress(at: "write", afterRows: true)
        let error = #expect(throws: MartletError.self) {
            try test.workspace.rebuildTrainingSet(
                record.id, principal: test.principal, memoryBytes: 1 << 20, progress: progress,
                cancellation: progress.cancellation)
        }
        #expect(error?.code == .cancelled)
        #expect(test.folder.bytes(of: "set.parquet") == bytes)
        #expect(try FileManager.default.contentsOfDirectory(atPath: test.folder.path).sorted() == names)
        #expect(fixture.temporaryFiles == [])
    }

    @Test("interrupted goes on from its finished parts, and makes a damaged one again")
    func resumed() throws {
        let fixture = try Fixture(seed: 7)
        let test = fixture.test
        let whole = try test.workspace.trainingSet(fixture.request)
        // An output that cannot be written ends the run after all parts are done, without cancelling it.
        let missing = test.path("missing/set.parquet")
        #expect(throws: MartletError.self) {
            try test.workspace.writeTrainingSet(
                fixture.request, to: missing, principal: test.principal, memoryBytes: 1 << 20)
        }
        let folder = try #require(fixture.temporaryFiles.first)
        let path = test.path(".martlet/temporary/\(folder)")
        let files = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        let parts = files.filter { $0.hasPrefix("features-") && $0.hasSuffix(".columns") }
        #expect(parts.count > 8)
        func modified(_ name: String) throws -> Date? {
            try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")[.modificationDate] as? Date
        }
        // The first part is damaged in its middle.
        var bytes = test.folder.bytes(of: ".martlet/temporary/\(folder)/\(parts[0])")
        bytes[bytes.count / 2] ^= 0xFF
        #expect(FileManager.default.createFile(atPath: "\(path)/\(parts[0])", contents: Data(bytes)))
        let before = try parts.map(modified)
        #expect(throws: MartletError.self) {
            try test.workspace.writeTrainingSet(
                fixture.request, to: missing, principal: test.principal, memoryBytes: 1 << 20)
        }
        let after = try parts.map(modified)
        #expect(before[0] != after[0])
        #expect(before.dropFirst() == after.dropFirst())
        let resumed = try test.workspace.trainingSet(fixture.request, memoryBytes: 1 << 20)
        expectEqual(whole.rows, resumed.rows, "seed 7")
        #expect(fixture.temporaryFiles == [])
    }
}
