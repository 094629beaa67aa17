import FoundationEssentials
import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletOnline
import MartletPlatform
import MartletServer
import MartletTestSupport
import Testing

@Suite("Routes of a workspace")
struct WorkspaceRoutesTests {
    @Test("openapi.yaml names exactly the routes that there are")
    func openAPI() throws {
        let text = try String(contentsOfFile: "\(packageFolder)/docs/api/openapi.yaml", encoding: .utf8)
        var documented: [String] = []
        var path = ""
        let methods = ["get", "post", "put", "patch", "delete"]
        let lines = text.split(separator: "\n").drop { $0 != "paths:" }.dropFirst().prefix { $0.hasPrefix(" ") }
        for line in lines {
            if line.hasPrefix("  /") { path = String(line.dropFirst(2).dropLast()) }
            let word = line.dropFirst(4).dropLast()
            if line.hasPrefix("    "), methods.contains(String(word)) {
                documented.append("\(word.uppercased()) \(path)")
            }
        }
        let server = try WorkspaceServer()
        #expect(documented.sorted() == server.server.routes.map { "\($0.method.rawValue) \($0.path)" }.sorted())
    }

    @Test("definitions are planned, applied once for a key, and served at once")
    func applying() throws {
        let server = try WorkspaceServer()
        let files = JSONValue.object(["files": .object(["a/trips.yaml": .string(tripDefinitions)])])
        let plan = try server.post("/v1/plan", files.text)
        #expect(plan.json["base_revision"]?.integer == 0)
        #expect(plan.json["changes"]?.array?.count == 4)
        let first = try server.post("/v1/apply", files.text, key: "k")
        #expect(first.json["revision"]?.integer == 1)
        #expect(first.json["is_new"]?.bool == true)
        #expect(server.server.catalog.services.keys.sorted() == ["dispatch"])
        let second = try server.post("/v1/apply", files.text, key: "k")
        #expect(second.json["revision"]?.integer == 1)
        #expect(second.json["is_new"]?.bool == false)
        let stale = try server.post(
            "/v1/apply", JSONValue.object(["files": .object([:]), "base_revision": .integer(0)]).text)
        #expect(stale.status == 409)
        #expect(stale.json["code"]?.string == "stale-plan")
        #expect(server.names("").contains("a") == false, "the server's own folder is left alone")
        #expect(server.names(".martlet/uploads").isEmpty, "what was sent is gone")
    }

    @Test(
        "a path that leaves its folder, or is no definition, is refused",
        arguments: [
            "../a.yaml", "/etc/a.yaml", "a/../../b.yaml", ".hidden.yaml", "a/.b/c.yaml", "a//b.yaml", "a.py",
            "a b.yaml",
            "martlet.yaml", "", "a\u{0}.yaml", "ä.yaml", String(repeating: "a/", count: 20) + "b.yaml",
            String(repeating: "a", count: 300) + ".yaml",
        ])
    func paths(path: String) throws {
        let server = try WorkspaceServer()
        let body = JSONValue.object(["files": .object([path: .string("entity: a\nkey: b\n")])]).text
        let answer = try server.post("/v1/plan", body)
        #expect(answer.status == 422)
        #expect(answer.json["code"]?.string == "invalid-input")
    }

    @Test("faults of definitions are told all, with their places in what was sent")
    func faults() throws {
        let server = try WorkspaceServer()
        let text = "entity: a\nkey: b\ntype: int46\n---\nservice: s\nfeatures: [nowhere]\n"
        let answer = try server.post(
            "/v1/plan", JSONValue.object(["files": .object(["x/y.yaml": .string(text)])]).text)
        #expect(answer.status == 422)
        #expect(answer.json["place"]?["file"]?.string == "x/y.yaml")
        #expect(answer.json["place"]?["line"]?.integer == 3)
        #expect(answer.json["errors"]?.array?.first?["place"]?["line"]?.integer == 6)
    }

    @Test("rows are ingested, once for the same rows or key, and what does not fit is counted")
    func pushing() throws {
        let server = try WorkspaceServer()
        try server.apply()
        let first = try server.post("/v1/events/trips", tripRows, type: "application/x-ndjson; charset=utf-8")
        #expect(first.status == 200)
        #expect(first.json["rows"]?.integer == 3)
        #expect(first.json["accepted"]?.integer == 2)
        #expect(first.json["misfits"]?.integer == 1)
        #expect(
            try server.post("/v1/events/trips", tripRows, type: "application/x-ndjson").json["is_repeat"]?.bool == true)
        let keyed = try server.post("/v1/events/trips", tripRows, type: "application/x-ndjson", key: "other")
        #expect(keyed.json["is_repeat"]?.bool == false)
        let again = try server.post("/v1/events/trips", tripRows + "\n", type: "application/x-ndjson", key: "other")
        #expect(again.json["is_repeat"]?.bool == true)
        let unknown = try server.post("/v1/events/trip", tripRows, type: "application/x-ndjson")
        #expect(unknown.status == 404)
        #expect(unknown.json["fix"]?.string == "did you mean trips?")
        #expect(server.names(".martlet/uploads").isEmpty)
    }

    @Test("a training set for sent labels has the values of the kernels and is recorded")
    func trainingSet() throws {
        let server = try WorkspaceServer()
        try server.apply()
        _ = try server.post("/v1/events/trips?wait=landed", tripRows, type: "application/x-ndjson")
        let labels = #"{"driver_id":1,"event_timestamp":"2026-01-01T12:00:00Z","fare":7}"# + "\n"
        let answer = try server.client.trainingSet(labels, key: "one")
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "application/vnd.apache.parquet")
        #expect(answer.headers["martlet-dataset"] == "1")
        #expect(answer.body.starts(with: Array("PAR1".utf8)))
        let rows = try server.client.request("GET", "/v1/datasets/1/rows")
        #expect(rows.body == answer.body)
        let shown = try server.get("/v1/datasets/1")
        #expect(shown["hash"]?.string == answer.headers["martlet-hash"])
        #expect(shown["tables"]?["silver.trips"]?.integer == 0)
        #expect(shown["options"]?["as_known"]?.string == "false")
        #expect(shown["created_by"]?.string == "http")
        #expect(
            (shown["columns"]?.array ?? []).map { $0["name"]?.string }
                == ["driver_id", "event_timestamp", "fare", "trips_1d", "rating_sum_1d"])
        #expect(shown["columns"]?.array?.last?["feature"]?.string == "driver_trips:rating_sum_1d")
        #expect(shown["columns"]?.array?.last?["mean"]?.number == 4.6)
        #expect(shown["output"] == nil && shown["labels"] == nil, "places of this machine tell a client nothing")
        let repeated = try server.client.trainingSet(labels, key: "one")
        #expect(repeated.body == answer.body)
        let list = try server.get("/v1/datasets?service=dispatch")
        #expect(list.array?.count == 1)
    }

    @Test("an apply that changed nothing changes nothing when it is repeated either")
    func repeatedApply() throws {
        let server = try WorkspaceServer()
        try server.apply()
        let files = JSONValue.object(["a/definitions.yaml": .string(tripDefinitions)])
        let body = JSONValue.object(["files": files, "base_revision": .integer(1)]).text
        #expect(try server.post("/v1/apply", body, key: "k").json["revision"]?.integer == 1)
        try server.apply("entity: other\nkey: other_id\ntype: int64\n")
        let again = try server.post("/v1/apply", body, key: "k")
        #expect(again.json["revision"]?.integer == 1)
        #expect(again.json["is_new"]?.bool == false)
        #expect(try server.post("/v1/apply", body, key: "new").status == 409)
    }

    @Test("a server that others can reach takes no changes, unless its settings say so")
    func writes() throws {
        let body = JSONValue.object(["files": .object(["a.yaml": .string(tripDefinitions)])]).text
        let open = try WorkspaceServer(settings: "server: {address: 0.0.0.0}\n")
        for path in ["/v1/apply", "/v1/events/trips", "/v1/training-sets?service=dispatch"] {
            let answer = try open.post(path, body)
            #expect(answer.status == 403)
            #expect(answer.json["fix"]?.string?.contains("writes: true") == true)
        }
        #expect(try open.post("/v1/plan", body).status == 200)
        let said = try WorkspaceServer(settings: "server: {address: 0.0.0.0, writes: true}\n")
        #expect(try said.post("/v1/apply", body).status == 200)
        let closed = try WorkspaceServer(settings: "server: {writes: false}\n")
        #expect(try closed.post("/v1/apply", body).status == 403)
    }

    @Test("a body of another type is refused, which also keeps web pages out")
    func mediaTypes() throws {
        let server = try WorkspaceServer()
        for (path, type) in [
            ("/v1/apply", "text/plain"), ("/v1/plan", "application/x-www-form-urlencoded"),
            ("/v1/events/a", "text/csv"),
            ("/v1/training-sets?service=a", "application/json"),
        ] {
            #expect(try server.post(path, "{}", type: type).status == 415, "\(path) \(type)")
        }
    }

    @Test("rows may be larger than other bodies, up to a limit of their own")
    func limits() throws {
        let server = try WorkspaceServer(settings: "limits: {body: 1KiB, transfer: 1MiB}\n")
        server.folder.write(tripDefinitions, to: "definitions.yaml")
        #expect(try server.post("/v1/apply", "{}").status == 200)
        let row = #"{"driver_id":1,"rating":4.5,"at":"2026-01-01T10:00:00Z"}"# + "\n"
        let many = String(repeating: row, count: 1_000)
        #expect(try server.post("/v1/events/trips", many, type: "application/x-ndjson").json["rows"]?.integer == 1_000)
        let chunk = String(repeating: row, count: 30)
        let head = "POST /v1/events/trips HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        let body = "\(String(chunk.utf8.count, radix: 16))\r\n\(chunk)\r\n0\r\n\r\n"
        try server.client.send(Array((head + "Transfer-Encoding: chunked\r\n\r\n" + body).utf8))
        #expect(try server.client.receive().status == 200)
        // Announced only: the answer comes before the body would, and the connection is closed.
        let announced = [
            head + "Content-Length: 1048577\r\n\r\n",
            "POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1025\r\n\r\n",
        ]
        for text in announced {
            let client = try TestClient(port: server.server.port)
            try client.send(Array(text.utf8))
            #expect(try client.receive().status == 413)
        }
    }
}
