import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletOnline
import MartletServer
import Testing

@Suite("Answers by a deadline")
struct OnlineDeadlineTests {
    private static let body = """
        {"features": ["driver_stats:avg_daily_trips", "pairs:v"], "deadline_ms": 100,
         "entities": {"driver_id": [1001], "a": [1], "b": ["x"]}}
        """

    private func server(_ store: SlowStore) throws -> FeatureServer {
        try FeatureServer(
            FeatureServerSettings(
                http: HTTPServerSettings(port: 0, threads: 1), workspace: TestServer.workspace),
            catalog: TestServer.catalog, store: store, time: FixedTimeSource(TestServer.now))
    }

    @Test("hold what is there when it comes, and the status of what is not")
    func partial() throws {
        let filled = try TestServer()
        let store = try SlowStore(filled.store, slow: [TestServer.pairs.identity])
        let server = try server(store)
        defer {
            store.letGo()
            server.stop()
        }
        let answer = try TestClient(port: server.port).post("/v1/online", Self.body)
        #expect(answer.status == 200)
        let json = try JSONValue(parsing: answer.body)
        #expect(json["partial"]?.bool == true)
        #expect(json["rows"]?.array?[0]["values"]?.text == "[562,null]")
        #expect(json["rows"]?.array?[0]["statuses"]?.text == #"["PRESENT","DEADLINE_EXCEEDED"]"#)
        let snapshot = try ServedSnapshot(text: json["snapshot"]?.string ?? "")
        #expect(snapshot.views.map(\.name) == ["driver_stats"])
    }

    @Test("leave out a view that fails, and are refused where none answers")
    func failing() throws {
        let filled = try TestServer()
        let one = try SlowStore(filled.store, failing: [TestServer.pairs.identity])
        let partly = try server(one)
        defer { partly.stop() }
        let answer = try TestClient(port: partly.port).post("/v1/online", Self.body)
        let json = try JSONValue(parsing: answer.body)
        #expect(json["rows"]?.array?[0]["statuses"]?.text == #"["PRESENT","STORE_UNAVAILABLE"]"#)

        let both = try SlowStore(
            filled.store, slow: [TestServer.pairs.identity], failing: [TestServer.driverStats.identity])
        let refusing = try server(both)
        defer {
            both.letGo()
            refusing.stop()
        }
        let refused = try TestClient(port: refusing.port).post("/v1/online", Self.body)
        #expect(refused.status == 503)
        #expect(refused.headers["retry-after"] == "1")
        #expect(try JSONValue(parsing: refused.body)["code"]?.string?.contains("store") == true, "\(refused.text)")
    }

    @Test("do not hold up the server's threads while a remote store is waited for")
    func othersGoOn() throws {
        let filled = try TestServer()
        let store = try SlowStore(filled.store, slow: [TestServer.pairs.identity])
        let server = try server(store)
        defer { server.stop() }
        let waiting = try TestClient(port: server.port)
        let body = #"{"features":["pairs:v"],"entities":{"a":[1],"b":["x"]}}"#
        let head =
            "POST /v1/online HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        try waiting.send(Array((head + body).utf8))
        // The server has one thread, and that goes on answering.
        let other = try TestClient(port: server.port)
        for _ in 0..<20 {
            let answer = try other.post(
                "/v1/online", #"{"features":["driver_stats:avg_daily_trips"],"entities":{"driver_id":[1001]}}"#)
            #expect(answer.status == 200)
        }
        store.letGo()
        let late = try waiting.receive()
        #expect(late.status == 200)
        #expect(try JSONValue(parsing: late.body)["rows"]?.array?[0]["values"]?.text == "[7]")
    }
}
