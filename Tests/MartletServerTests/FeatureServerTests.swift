import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletOnline
import MartletServer
import Testing

@Suite("The feature server")
struct FeatureServerTests {
    @Test("answers over HTTP as in process")
    func overHTTP() throws {
        let server = try TestServer()
        let client = try TestClient(port: server.server.port)
        let body = #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1001,1002,3]}}"#
        for _ in 0..<5 {
            let answer = try client.post("/get-online-features", body)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.text == server.answer(body).text)
        }
        let refused = try client.post("/get-online-features", "{")
        #expect(refused.status == 422)
        #expect(refused.text == server.answer("{").text)
    }

    @Test("is healthy")
    func health() throws {
        let server = try TestServer()
        let client = try TestClient(port: server.server.port)
        let feast = try client.request("GET", "/health")
        #expect(feast.status == 200)
        #expect(feast.body.isEmpty)
        let own = try client.request("GET", "/v1/health")
        #expect(own.text == #"{"status":"ok","views":3,"services":1}"#)
    }

    @Test("counts requests by route and status, and their durations")
    func metrics() throws {
        let server = try TestServer()
        let client = try TestClient(port: server.server.port)
        let body = #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#
        for _ in 0..<7 { _ = try client.post("/get-online-features", body) }
        for _ in 0..<2 { _ = try client.post("/get-online-features", "{}") }
        _ = try client.request("GET", "/nothing")
        let answer = try client.request("GET", "/metrics")
        #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        let lines = answer.text.split(separator: "\n").map(String.init)
        let labels = #"tenant="acme",workspace="main",route="/get-online-features""#
        #expect(lines.contains("martlet_http_requests_total{\(labels),status=\"200\"} 7"))
        #expect(lines.contains("martlet_http_requests_total{\(labels),status=\"422\"} 2"))
        #expect(
            lines.contains(#"martlet_http_requests_total{tenant="acme",workspace="main",route="other",status="404"} 1"#)
        )
        #expect(lines.contains("martlet_http_request_duration_seconds_count{\(labels)} 9"))
        #expect(lines.contains("martlet_http_request_duration_seconds_bucket{\(labels),le=\"+Inf\"} 9"))
        #expect(lines.contains("# TYPE martlet_http_request_duration_seconds histogram"))
    }

    @Test("has the routes of its owner")
    func ownerRoutes() throws {
        let server = try TestServer()
        let other = try FeatureServer(
            FeatureServerSettings(http: HTTPServerSettings(port: 0), workspace: TestServer.workspace), catalog: .empty,
            store: server.store
        ) { router in
            router.on(.get, "/v1/views/{name}") { request, writer in
                writer.append(text: request.parameters[0])
                return .written(status: 200, .plainText)
            }
        }
        defer { other.stop() }
        #expect(try TestClient(port: other.port).request("GET", "/v1/views/x").text == "x")
    }

    @Test("refuses a body beyond the limit")
    func bodyLimit() throws {
        let server = try TestServer { $0.http.bodyLimitBytes = 100 }
        let client = try TestClient(port: server.server.port)
        let answer = try client.post("/get-online-features", String(repeating: " ", count: 101))
        #expect(answer.status == 413)
        #expect(answer.headers["content-type"] == "application/problem+json")
    }

    @Test("serves requests of many connections at once", arguments: [UInt64(9)])
    func manyConnections(seed: UInt64) throws {
        let server = try TestServer()
        var random = SeededRandom(seed: seed)
        let clients = try (0..<20).map { _ in try TestClient(port: server.server.port) }
        for _ in 0..<300 {
            let client = clients.randomElement(using: &random)!
            let id = [1001, 1002, 5].randomElement(using: &random)!
            let body = "{\"features\":[\"driver_stats:avg_daily_trips\"],\"entities\":{\"driver_id\":[\(id)]}}"
            let answer = try client.post("/get-online-features", body)
            #expect(answer.text == server.answer(body).text, "seed \(seed)")
        }
    }
}
