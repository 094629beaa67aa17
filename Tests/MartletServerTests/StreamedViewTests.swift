import HTTPTestSupport
import MartletCore
import MartletDefinitions
import MartletPlatform
import MartletServer
import MartletTestSupport
import Testing

private let definitions = """
    entity: driver
    key: driver_id
    type: int64
    ---
    source: trips
    columns:
      trip_id: {type: int64, nullable: false}
      driver_id: {type: int64, nullable: false}
      rating: float64
      at: {type: timestamp, nullable: false}
    event_time: at
    id: trip_id
    ---
    checks: trips_quality
    source: trips
    rules:
      - range: {column: rating, min: 0}
    ---
    features: driver_trips
    entity: driver
    source: trips
    stream: true
    where: rating IS NOT NULL
    windows: [1d]
    aggregates: {trips: count, rating_sum: sum(rating), best: max(rating)}
    ---
    features: driver_last
    entity: driver
    source: trips
    stream: true
    latest: {last_rating: rating}
    ---
    service: dispatch
    features: [driver_trips, driver_last]
    """

/// A server whose views follow the log, in a folder that outlives it.
private final class StreamServer {
    let folder: TemporaryFolder
    private let server: FeatureServer
    private let client: TestClient

    init(_ folder: TemporaryFolder = TemporaryFolder(), applies: Bool = true) throws {
        self.folder = folder
        folder.write("workspace: test\nlimits: {land_every: 1s, checkpoint_every: 1s}\n", to: "martlet.yaml")
        folder.write(definitions, to: "definitions.yaml")
        let workspace = try Workspace(directory: folder.path)
        if applies {
            try workspace.apply(
                workspace.plan(), principal: Principal(tenant: workspace.settings.tenant, name: "test"))
        }
        server = try FeatureServer(workspace, port: 0)
        client = try TestClient(port: server.port)
    }

    func stop() { server.stop() }

    /// - Parameter at: how long ago the trip was.
    func trip(_ id: Int, _ driver: Int, _ rating: Double, at: TimeSpan = .minutes(10), _ operation: String = "insert")
        -> String
    {
        let time = SystemTimeSource().now() - at
        return #"{"_op":"\#(operation)","trip_id":\#(id),"driver_id":\#(driver),"rating":\#(rating),"at":"\#(time)"}"#
    }

    @discardableResult
    func push(_ trips: String...) throws -> JSONValue {
        let body = "[" + trips.joined(separator: ",") + "]"
        let answer = try client.request(
            "POST", "/v1/events/trips", headers: [("Content-Type", "application/json")], body: Array(body.utf8))
        #expect(answer.status == 200)
        return try JSONValue(parsing: answer.body)
    }

    /// By Feast's route, which answers when the rows are served.
    func pushAsFeast(_ id: Int, _ driver: Int, _ rating: Double) throws {
        let time = SystemTimeSource().now() - .minutes(3)
        let body = """
            {"push_source_name":"trips","to":"online",
            "df":{"trip_id":[\(id)],"driver_id":[\(driver)],"rating":[\(rating)],"at":["\(time)"]}}
            """
        let answer = try client.request(
            "POST", "/push", headers: [("Content-Type", "application/json")], body: Array(body.utf8))
        #expect(answer.status == 200)
    }

    /// As `GET /v1/status` gives it.
    func status() throws -> JSONValue { try JSONValue(parsing: client.request("GET", "/v1/status").body) }

    func metrics() throws -> String {
        String(decoding: try client.request("GET", "/metrics").body, as: UTF8.self)
    }

    /// `trips_1d rating_sum_1d best_1d last_rating` of each driver.
    func values(_ drivers: [Int]) throws -> [String] {
        let body = #"{"feature_service":"dispatch","entities":{"driver_id":\#(drivers)}}"#
        let answer = try client.request(
            "POST", "/get-online-features", headers: [("Content-Type", "application/json")], body: Array(body.utf8))
        let results = try JSONValue(parsing: answer.body)["results"]?.array ?? []
        return drivers.indices.map { row in
            results.dropFirst().map { $0["values"]?.array?[row].text ?? "" }.joined(separator: " ")
        }
    }

    /// Waits until the drivers have these values.
    func expect(_ expected: [String], of drivers: [Int], _ location: SourceLocation = #_sourceLocation) throws {
        let clock = SystemTimeSource()
        let deadline = clock.monotonicNanoseconds() + 60_000_000_000
        var found: [String] = []
        repeat { found = try values(drivers) } while found != expected && clock.monotonicNanoseconds() < deadline
        #expect(found == expected, sourceLocation: location)
    }
}

@Suite("Views that follow the log, served")
struct StreamedViewTests {
    @Test("a push by Feast's route is served when it is answered")
    func pushed() throws {
        let server = try StreamServer()
        for trip in 1...20 {
            try server.pushAsFeast(trip, 5, 2)
            #expect(try server.values([5]) == ["\(trip) \(2 * trip) 2 2"])
        }
        server.stop()
    }

    @Test("count each event as it comes, take back what is updated or deleted, and go on where the server ended")
    func following() throws {
        let folder = TemporaryFolder()
        try first(StreamServer(folder))
        let again = try StreamServer(folder, applies: false)
        try again.expect(["0 0 null null", "2 5 3 2"], of: [7, 8])
        try again.push(again.trip(7, 7, 4, at: .minutes(2)))
        try again.expect(["1 4 4 4", "2 5 3 2"], of: [7, 8])
        again.stop()
    }

    private func first(_ server: StreamServer) throws {
        try server.push(server.trip(1, 7, 4.5), server.trip(2, 7, 3, at: .minutes(5)), server.trip(3, 8, 5))
        try server.expect(["2 7.5 4.5 3", "1 5 5 5"], of: [7, 8])
        let metrics = try server.metrics()
        for line in [
            "martlet_events_stored_total{tenant=\"default\",workspace=\"test\"} 3",
            "martlet_stream_applied_total{tenant=\"default\",workspace=\"test\",view=\"driver_trips\"} 3",
            "martlet_stream_lag_events{tenant=\"default\",workspace=\"test\",view=\"driver_last\"} 0",
            "martlet_stream_freshness_seconds_count{tenant=\"default\",workspace=\"test\"} 3",
            "martlet_stream_late_total{tenant=\"default\",workspace=\"test\",view=\"driver_trips\"} 0",
            "martlet_events_duplicate_total{tenant=\"default\",workspace=\"test\"} 0",
            "martlet_future_events{tenant=\"default\",workspace=\"test\"} 0",
        ] { #expect(metrics.contains(line + "\n"), "\(metrics)") }
        let status = try server.status()
        #expect(status["log"]?["end_offset"]?.integer == 3 && status["freshness"]?["events"]?.integer == 3)
        #expect(status["views"]?.array?.map { $0["lag"]?.integer } == [0, 0])
        // What a check holds back counts nowhere; what came before counts once.
        try server.push(
            server.trip(4, 8, -1), server.trip(2, 7, 3, at: .minutes(5)), server.trip(5, 8, 1, at: .hours(30)))
        try server.push(server.trip(6, 8, 2, at: .minutes(1)))
        try server.expect(["2 7.5 4.5 3", "2 7 5 2"], of: [7, 8])
        // Number 1 is rated anew, number 2 was driver 8's, number 3 never was.
        try server.push(server.trip(1, 7, 1.5, "update"), server.trip(2, 8, 3, at: .minutes(5), "update"))
        try server.push(#"{"_op":"delete","trip_id":3}"#)
        try server.expect(["1 1.5 1.5 1.5", "2 5 3 2"], of: [7, 8])
        try server.push(#"{"_op":"delete","trip_id":1}"#)
        try server.expect(["0 0 null null", "2 5 3 2"], of: [7, 8])
        server.stop()
    }
}
