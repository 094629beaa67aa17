import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletServer
import Testing

@Suite("What Feast's clients ask beside reading")
struct FeastLoadTests {
    private func loaded(settings: String = "") throws -> WorkspaceServer {
        let server = try WorkspaceServer(settings: settings)
        try server.apply()
        #expect(try server.post("/v1/events/trips?wait=landed", tripRows, type: "application/x-ndjson").status == 200)
        return server
    }

    private func trips(_ server: WorkspaceServer) throws -> JSONValue? {
        let body = #"{"features":["driver_trips:rating_sum_1d"],"entities":{"driver_id":[1]}}"#
        return try server.post("/get-online-features", body).json["results"]?.array?[1]["statuses"]?.array?[0]
    }

    /// The exception that Feast's client makes of an answer.
    private func exception(_ json: JSONValue) throws -> String? {
        guard let text = json.string else { return nil }
        let inner = try JSONValue(parsing: text)
        #expect(inner["module"]?.string == "feast.errors")
        #expect(inner["message"]?.string?.isEmpty == false)
        return inner["class"]?.string
    }

    @Test("materialize loads the named views up to a time", arguments: ["/materialize", "/materialize-incremental"])
    func loads(path: String) throws {
        let server = try loaded()
        // Times as Feast's clients send them: without a zone, or with one.
        let body =
            #"{"start_ts":"2026-01-01T00:00:00","end_ts":"2026-01-01T12:00:00+00:00","feature_views":["driver_trips"]}"#
        let answer = try server.post(path, body)
        #expect(answer.status == 200)
        #expect(answer.json == .null)
        #expect(try server.get("/v1/health")["status"]?.string == "ok")
        let read = #"{"features":["driver_trips:trips_1d"],"entities":{"driver_id":[1]}}"#
        let values = try server.post("/get-online-features", read).json["results"]?.array?[1]["values"]
        // The windows of a day have gone by.
        #expect(values == .array([.integer(0)]))
        #expect(try trips(server)?.string == "PRESENT")
    }

    @Test("an asynchronous load is accepted at once, and is done when the server has stopped")
    func asynchronous() throws {
        let server = try loaded()
        let answer = try server.post("/materialize?async=true", #"{"disable_event_timestamp":true}"#)
        #expect(answer.status == 202)
        #expect(
            answer.json == .object(["status": .string("accepted"), "feature_views": .array([.string("driver_trips")])]))
        let deadline = SystemTimeSource().monotonicNanoseconds() + 60_000_000_000
        while try trips(server)?.string == "NOT_FOUND" {
            try #require(SystemTimeSource().monotonicNanoseconds() < deadline, "the load did not end")
        }
    }

    @Test("refuses faults of the client with 4xx in Feast's shapes")
    func faults() throws {
        let server = try loaded()
        let missing = try server.post("/materialize", "{}")
        #expect(missing.status == 422)
        #expect(missing.json["detail"]?.array?[0]["type"]?.string == "missing")
        for body in [
            "", "[]", #"{"start_ts":"x","end_ts":"2026-01-01T00:00:00"}"#,
            #"{"start_ts":"2026-01-02T00:00:00","end_ts":"2026-01-01T00:00:00"}"#,
            #"{"start_ts":"2026-01-01T00:00:00","end_ts":"2026-01-01T00:00:00","feature_views":"driver_trips"}"#,
            #"{"disable_event_timestamp":true,"feature_views":[1]}"#,
            #"{"disable_event_timestamp":true,"version":"v1"}"#,
        ] {
            let answer = try server.post("/materialize", body)
            #expect(answer.status == 422, "\(body)")
            #expect(answer.json["detail"]?.array?.count == 1)
        }
        let unknown = try server.post(
            "/materialize-incremental", #"{"end_ts":"2026-01-01T00:00:00","feature_views":["driver_trip"]}"#)
        #expect(unknown.status == 404)
        #expect(try exception(unknown.json) == "FeatureViewNotFoundException")
        let version = try server.post(
            "/materialize",
            #"{"disable_event_timestamp":true,"feature_views":["driver_trips"],"version":"v99"}"#)
        #expect(version.status == 404)
        #expect(try exception(version.json) == "FeatureViewVersionNotFound")
        #expect(try server.post("/materialize?async=perhaps", #"{"disable_event_timestamp":true}"#).status == 422)
        #expect(try server.post("/materialize", "{}", type: "text/plain").status == 415)
    }

    @Test("a server that takes no changes refuses loads as Feast refuses them")
    func readOnly() throws {
        let server = try WorkspaceServer(settings: "server: {writes: false}\n")
        let answer = try server.post("/materialize", #"{"disable_event_timestamp":true}"#)
        #expect(answer.status == 403)
        #expect(try exception(answer.json) == "FeastPermissionError")
    }

    @Test("is ready while it serves")
    func ready() throws {
        let server = try WorkspaceServer()
        let answer = try server.client.request("GET", "/ready")
        #expect(answer.status == 200)
        #expect(answer.text == #"{"status":"ready"}"#)
    }

    @Test("is unhealthy while its registry cannot be read, and serves all the same")
    func unhealthy() throws {
        let server = try FeatureServer(
            FeatureServerSettings(http: HTTPServerSettings(port: 0), workspace: TestServer.workspace),
            catalog: TestServer.catalog, store: TestServer().store, isHealthy: { false })
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        #expect(try client.request("GET", "/health").status == 503)
        #expect(try client.request("GET", "/ready").status == 200)
    }

    @Test("serves values beyond their ttl as Feast does, where it is told to")
    func expired() throws {
        let body = #"{"features":["pairs:v"],"entities":{"a":[1,1],"b":["x","y"]}}"#
        #expect(
            try TestServer().answer(body).text.contains(#"{"values":[7,null],"statuses":["PRESENT","OUTSIDE_MAX_AGE"]"#)
        )
        let server = try TestServer { $0.servesExpired = true }
        #expect(server.answer(body).text.contains(#"{"values":[7,8],"statuses":["PRESENT","PRESENT"]"#))
    }
}
