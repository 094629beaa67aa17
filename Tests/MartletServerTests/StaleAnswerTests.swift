import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletOnline
import MartletServer
import ServerTestSupport
import Testing

@Suite("Answers while the store is away", .serialized)
struct StaleAnswerTests {
    /// A server over a Redis that has one driver, with services that allow stale answers or do not.
    private final class RemoteServer {
        let redis: RedisServer
        let server: FeatureServer
        let store: HotTier

        init() throws {
            redis = try RedisServer()
            var settings = RedisSettings(endpoints: [.init(host: "127.0.0.1", port: redis.port)])
            settings.readTimeoutMilliseconds = 300
            settings.connectTimeoutMilliseconds = 100
            var hot = HotTierSettings()
            hot.sizeBytes = 4 << 20
            hot.staleness = .zero
            store = HotTier(over: RedisOnlineStore(settings), hot)
            let view = TestServer.driverStats
            var load = try OnlineLoad(
                LoadIdentity(view: view.identity, upTo: .epoch, input: ""), of: view, into: store, isRestarted: true)
            try load.write(
                LatestValues(
                    keys: [Column(.int64([1001]))], features: [Column(.float32([0.5])), Column(.int64([562]))],
                    eventTimes: [0]))
            _ = try load.finish()
            let features = [FeatureReference(view: "driver_stats", feature: "avg_daily_trips")]
            server = try FeatureServer(
                FeatureServerSettings(http: HTTPServerSettings(port: 0), workspace: TestServer.workspace),
                catalog: ServingCatalog(
                    views: [view], services: ["strict": features, "lenient": features],
                    serviceOptions: ["lenient": .init(maxStale: .minutes(10))]), store: store)
        }

        deinit {
            server.stop()
            redis.stop()
        }

        func ask(_ service: String, deadline: Int? = nil) throws -> (answer: TestClient.Answer, milliseconds: Int) {
            let started = SystemTimeSource().monotonicNanoseconds()
            let more = deadline.map { ",\"deadline_ms\":\($0)" } ?? ""
            let answer = try TestClient(port: server.port).post(
                "/v1/online/\(service)", "{\"entities\":{\"driver_id\":[1001]}\(more)}")
            return (answer, Int((SystemTimeSource().monotonicNanoseconds() - started) / 1_000_000))
        }
    }

    @Test("are from memory and marked where the service allows it, else refused, and fresh again afterwards")
    func stopped() throws {
        let remote = try RemoteServer()
        // Twice: a record is let into memory when it is asked for again.
        for _ in 0..<3 {
            let fresh = try JSONValue(parsing: remote.ask("lenient").answer.body)
            #expect(fresh["stale"]?.bool == false)
        }
        remote.redis.stop()
        for deadline in [nil, 100] {
            let stale = try remote.ask("lenient", deadline: deadline).answer
            #expect(stale.status == 200, "\(stale.text)")
            let json = try JSONValue(parsing: stale.body)
            #expect(json["stale"]?.bool == true)
            #expect(json["rows"]?.array?[0]["values"]?.text == "[562]")
            let refused = try remote.ask("strict", deadline: deadline).answer
            #expect(refused.status == 503)
            #expect(refused.headers["retry-after"] == "1")
            #expect(try JSONValue(parsing: refused.body)["code"]?.string == "store-unavailable")
        }
        let feast = try TestClient(port: remote.server.port).post(
            "/get-online-features", #"{"feature_service":"lenient","entities":{"driver_id":[1001]}}"#)
        #expect(feast.status == 200)
        #expect(try JSONValue(parsing: feast.body)["metadata"]?["stale"]?.bool == true)
        // Something that is not in memory cannot be answered, whatever is allowed.
        let unknown = try TestClient(port: remote.server.port).post(
            "/v1/online/lenient", #"{"entities":{"driver_id":[5]}}"#)
        #expect(unknown.status == 503)

        try remote.redis.restart()
        let deadline = SystemTimeSource().monotonicNanoseconds() + 30_000_000_000
        var status = 0
        repeat {
            status = try remote.ask("strict").answer.status
        } while status != 200
            && SystemTimeSource().monotonicNanoseconds() < deadline
        #expect(status == 200, "the circuit did not close again")
    }

    @Test("are refused within the deadline where the store hangs")
    func hanging() throws {
        let remote = try RemoteServer()
        #expect(try remote.ask("strict").answer.status == 200)
        remote.redis.pause()
        let (refused, milliseconds) = try remote.ask("strict", deadline: 60)
        remote.redis.goOn()
        #expect(refused.status == 503)
        #expect(refused.text.contains("60 ms"), "\(refused.text)")
        // The store's own patience is 300 ms.
        #expect(milliseconds < 290, "\(milliseconds) ms")
    }
}
