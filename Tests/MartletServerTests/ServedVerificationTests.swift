import HTTPTestSupport
import MartletCore
import MartletDefinitions
import MartletHTTP
import MartletOnline
import MartletPlatform
import MartletServer
import MartletTestSupport
import Synchronization
import Testing

private let definitions = """
    entity: driver
    key: driver_id
    type: int64
    ---
    source: trips
    columns:
      driver_id: {type: int64, nullable: false}
      rating: float64
      at: {type: timestamp, nullable: false}
      seen: timestamp
    event_time: at
    arrival_time: seen
    ---
    features: driver_trips
    entity: driver
    source: trips
    windows: [1d]
    aggregates: {trips: count, rating_sum: sum(rating)}
    ---
    features: driver_last
    entity: driver
    source: trips
    latest: {last_rating: rating}
    ---
    features: offer
    request: {price: float64}
    derived:
      per_trip: price / driver_trips.trips_1d
    ---
    service: dispatch
    features: [driver_trips, driver_last, offer]
    logging: {sample_rate: 1}
    """

/// A clock that a test sets.
private final class TestClock: TimeSource {
    private let instant: Mutex<Timestamp>
    init(_ instant: Timestamp) { self.instant = Mutex(instant) }
    func set(_ text: String) { instant.withLock { $0 = Timestamp(rfc3339: text) ?? $0 } }
    func now() -> Timestamp { instant.withLock { $0 } }
    func monotonicNanoseconds() -> UInt64 { SystemTimeSource().monotonicNanoseconds() }
}

/// A workspace whose service logs all that it serves.
private final class LoggingServer {
    let folder = TemporaryFolder()
    let clock = TestClock(Timestamp(year: 2026, month: 3, day: 1, hour: 12))
    let workspace: Workspace
    private let principal: Principal
    private var files = 0

    init() throws {
        folder.write("workspace: test\n", to: "martlet.yaml")
        folder.write(definitions, to: "definitions.yaml")
        workspace = try Workspace(directory: folder.path, time: clock)
        principal = Principal(tenant: workspace.settings.tenant, name: "test")
        try apply()
        try ingest("1,4.5,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z", "2,3,2026-03-01T11:00:00Z,2026-03-01T11:00:01Z")
    }

    func apply(_ change: (String) -> String = { $0 }) throws {
        folder.write(change(definitions), to: "definitions.yaml")
        try workspace.apply(workspace.plan(), principal: principal)
    }

    func ingest(_ rows: String...) throws {
        files += 1
        folder.write("driver_id,rating,at,seen\n" + rows.joined(separator: "\n") + "\n", to: "rows\(files).csv")
        _ = try workspace.ingest("trips", files: ["\(folder.path)/rows\(files).csv"], principal: principal)
    }

    func load() throws { _ = try workspace.materialize(principal: principal) }

    /// Serves at a moment, over HTTP, and lets the server end, which writes the log.
    @discardableResult
    func serve(
        _ time: String, _ path: String = "/v1/online/dispatch",
        _ body: String = #"{"entities":{"driver_id":[1,2,3]},"request":{"price":[9,9,9]},"row_snapshots":true}"#
    ) throws -> JSONValue {
        clock.set(time)
        let server = try FeatureServer(workspace, port: 0)
        defer { server.stop() }
        let answer = try TestClient(port: server.port).post(path, body)
        #expect(answer.status == 200, "\(answer.text)")
        return try JSONValue(parsing: answer.body)
    }

    func verify() throws -> ServedReport { try workspace.verifyServed("dispatch") }
}

@Suite("What was served, verified")
struct ServedVerificationTests {
    /// The counts of the causes that there are.
    private func causes(_ report: ServedReport) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: report.counts.map { ($0.key.rawValue, $0.value) })
    }

    @Test("equals what was known, by either door")
    func equal() throws {
        let server = try LoggingServer()
        try server.load()
        let answer = try server.serve("2026-03-01T12:10:00Z")
        #expect(
            answer["rows"]?.array?.map { $0["values"]?.text } == [
                "[1,4.5,4.5,9]", "[1,3,3,9]", "[0,0,null,null]",
            ])
        try server.serve(
            "2026-03-01T12:20:00Z", "/get-online-features",
            #"{"feature_service":"dispatch","entities":{"driver_id":[2,null],"price":[1,1]}}"#)
        let report = try server.verify()
        #expect(report.vectors == 5)
        #expect(report.values == 20)
        #expect(causes(report) == [:])
        #expect(report.isExplained)
    }

    @Test("tells data that came late from a load that is older than what was known")
    func lateAndStale() throws {
        let server = try LoggingServer()
        try server.load()
        // Known at 12:04, and not loaded when it is served at 12:10.
        clock(server, "2026-03-01T12:05:00Z")
        try server.ingest("1,1,2026-03-01T12:03:00Z,2026-03-01T12:04:00Z")
        try server.serve("2026-03-01T12:10:00Z")
        // Happened before and arrived after serving.
        clock(server, "2026-03-01T12:30:00Z")
        try server.ingest("2,1,2026-03-01T12:06:00Z,2026-03-01T12:20:00Z")
        // Claims to have been there at the load, and came to the tables after it.
        try server.ingest("3,2,2026-03-01T09:00:00Z,2026-03-01T09:00:01Z")
        let report = try server.verify()
        #expect(report.vectors == 3)
        for mismatch in report.mismatches {
            switch (mismatch.entity, mismatch.cause) {
            case ("driver_id=1", .staleLoad), ("driver_id=2", .lateData), ("driver_id=3", .lateData): break
            default: Issue.record("\(mismatch)")
            }
        }
        // trips, rating_sum, last_rating and per_trip of each.
        #expect(causes(report) == ["stale load": 4, "late data": 8])
        #expect(report.isExplained)
    }

    private func clock(_ server: LoggingServer, _ time: String) { server.clock.set(time) }

    @Test("tells a definition that is another one by now")
    func drift() throws {
        let server = try LoggingServer()
        try server.load()
        try server.serve("2026-03-01T12:10:00Z")
        try server.apply {
            $0.replacing("trips: count, rating_sum: sum(rating)", with: "trips: count, rating_sum: max(rating)")
                .replacing("price / driver_trips.trips_1d", with: "price * driver_trips.trips_1d")
        }
        let report = try server.verify()
        // The sum of one rating is its maximum, but of none it is 0 and not null; likewise 9 * 0 is 0, 9 / 0 null.
        #expect(causes(report) == ["definition drift": 2])
        #expect(Set(report.mismatches.map(\.feature)) == ["driver_trips:rating_sum_1d", "offer:per_trip"])
        #expect(report.mismatches.allSatisfy { $0.entity == "driver_id=3" })
    }

    @Test("finds what nothing explains, and a derived value that its inputs do not give")
    func unexplained() throws {
        let server = try LoggingServer()
        try server.load()
        let answer = try server.serve("2026-03-01T12:10:00Z")
        let snapshot = try ServedSnapshot(text: answer["rows"]?.array?[0]["snapshot"]?.string ?? "")
        // As a server would log that computes otherwise.
        func feature(_ name: String, _ value: Double) -> ServedVectors.Feature {
            ServedVectors.Feature(name: name, values: Column(.float64([value])), statuses: [.present])
        }
        let log = FeatureLog(server.workspace)
        log.add(
            ServedVectors(
                service: "dispatch", inputs: [("driver_id", Column(.int64([1]))), ("price", Column(.float64([9])))],
                features: [
                    ServedVectors.Feature(name: "trips_1d", values: Column(.int64([1])), statuses: [.present]),
                    feature("rating_sum_1d", 4.500000001), feature("last_rating", 4.5), feature("per_trip", 8),
                ],
                views: ["driver_trips", "driver_last"].map {
                    .init(name: $0, version: 1, eventTimes: Column.nulls(.timestamp, count: 1))
                } + [.init(name: "offer", version: 1, eventTimes: nil)], snapshots: [snapshot]))
        log.flush()
        #expect(log.statistics.logged == 1)
        let report = try server.verify()
        #expect(report.vectors == 4)
        #expect(causes(report) == ["unexplained": 1, "on-demand difference": 1])
        #expect(!report.isExplained)
        #expect(report.mismatches.first { $0.cause == .unexplained }?.served == .float64(4.500000001))
        #expect(report.mismatches.first { $0.cause == .onDemand }?.feature == "offer:per_trip")
    }

    @Test("a snapshot takes a value back to what made it, whatever came since")
    func snapshots() throws {
        let server = try LoggingServer()
        try server.load()
        let answer = try server.serve("2026-03-01T12:10:00Z")
        let snapshot = try ServedSnapshot(text: answer["rows"]?.array?[0]["snapshot"]?.string ?? "")
        server.clock.set("2026-03-01T13:00:00Z")
        try server.ingest(
            "1,2,2026-03-01T11:30:00Z,2026-03-01T12:40:00Z", "1,1,2026-03-01T12:50:00Z,2026-03-01T12:50:01Z")
        try server.load()
        try server.apply { $0.replacing("rating_sum: sum(rating)", with: "rating_sum: min(rating)") }
        func explain(_ feature: String) throws -> Explanation {
            try server.workspace.explain(
                feature, entity: ["driver_id": "1"], snapshot: snapshot, request: ["price": "9"])
        }
        let sum = try explain("driver_trips:rating_sum_1d")
        #expect(sum.value == .float64(4.5))
        #expect(sum.events.map(\.value) == [.float64(4.5)])
        #expect(sum.viewVersion == 1)
        #expect(sum.basis == "loaded up to 2026-03-01T12:00:00Z")
        #expect(try explain("driver_last:last_rating").value == .float64(4.5))
        #expect(try explain("offer:per_trip").value == .float64(9))
        let now = try server.workspace.explain("driver_trips:rating_sum_1d", entity: ["driver_id": "1"])
        #expect(now.value == .float64(1))
        // Of an entity that nothing was stored of.
        let stranger = try ServedSnapshot(text: answer["rows"]?.array?[2]["snapshot"]?.string ?? "")
        let nothing = try server.workspace.explain(
            "driver_last:last_rating", entity: ["driver_id": "3"], snapshot: stranger)
        #expect(nothing.value == .null)
        #expect(nothing.basis == "nothing was stored of the entity")
    }
}

@Suite("The log of served vectors")
struct FeatureLogTests {
    private func vectors(_ count: Int) -> ServedVectors {
        ServedVectors(
            service: "dispatch", inputs: [("driver_id", Column(.int64((0..<Int64(count)).map { $0 })))], features: [],
            views: [],
            snapshots: Array(repeating: ServedSnapshot(revision: 1, instant: .epoch, views: []), count: count))
    }

    @Test("drops and counts what its buffer has no room for, and writes the rest")
    func bounded() throws {
        let server = try LoggingServer()
        var limits = FeatureLog.Limits()
        limits.bufferedRows = 100
        let log = FeatureLog(server.workspace, limits)
        for _ in 0..<4 { log.add(vectors(30)) }
        #expect(log.statistics.buffered == 90)
        #expect(log.statistics.dropped == 30)
        log.flush()
        #expect(log.statistics.buffered == 0)
        #expect(log.statistics.logged == 90)
        #expect(try server.workspace.tableSummaries().first { $0.name == "served.dispatch" }?.rowCount == 90)
    }

    @Test("samples an entity always or never, and about as many as it is told")
    func sampling() {
        var keys = EntityKeys()
        for id in 0..<20_000 {
            keys.append(integer: Int64(id))
            keys.endKey()
        }
        let rows = [Array(0..<20_000)]
        let chosen = FeatureSampler(rate: 0.1).rows(of: [keys], rows, count: 20_000)
        #expect((1_800...2_200).contains(chosen.count), "\(chosen.count) of 20,000")
        let more = Set(FeatureSampler(rate: 0.2).rows(of: [keys], rows, count: 20_000))
        #expect(chosen.allSatisfy(more.contains), "a higher rate keeps those of a lower one")
        #expect(FeatureSampler(rate: 1).rows(of: [keys], rows, count: 20_000).count == 20_000)
        #expect(FeatureSampler(rate: 0).rows(of: [keys], rows, count: 20_000).isEmpty)
        var alone = EntityKeys()
        alone.append(integer: Int64(chosen[0]))
        alone.endKey()
        #expect(FeatureSampler(rate: 0.1).rows(of: [alone], [[0]], count: 1) == [0])
    }
}
