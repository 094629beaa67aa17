import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletOnline
import MartletServer
import Testing

@Suite("Our own online API")
struct OnlineAPITests {
    private let server: TestServer
    private let client: TestClient

    init() throws {
        server = try TestServer()
        client = try TestClient(port: server.server.port)
    }

    private func post(_ path: String, _ body: String) throws -> (status: Int, json: JSONValue) {
        let answer = try client.post(path, body)
        return (answer.status, try JSONValue(parsing: answer.body))
    }

    @Test("answers a service row by row, with types, versions, statuses and ages")
    func rows() throws {
        let answer = try client.post(
            "/v1/online/drivers", #"{"entities": {"driver_id": [1002, 1001, 7, null]}}"#)
        #expect(answer.status == 200)
        let json = try JSONValue(parsing: answer.body)
        let snapshot = try #require(json["snapshot"]?.string)
        #expect(
            answer.text == """
                {"snapshot":"\(snapshot)","served_at":"2026-11-20T12:00:00Z","revision":0,"stale":false,\
                "partial":false,"features":[{"name":"driver_stats:avg_daily_trips","type":"int64","version":1},\
                {"name":"driver_stats:conv_rate","type":"float32","version":1}],"rows":[\
                {"entities":{"driver_id":1002},"values":[-3,null],"statuses":["PRESENT","NULL_VALUE"],\
                "ages":[43198.5,43198.5]},\
                {"entities":{"driver_id":1001},"values":[562,0.08548096567392349],"statuses":["PRESENT","PRESENT"],\
                "ages":[43200.0,43200.0]},\
                {"entities":{"driver_id":7},"values":[null,null],"statuses":["NOT_FOUND","NOT_FOUND"],\
                "ages":[null,null]},\
                {"entities":{"driver_id":null},"values":[null,null],"statuses":["NOT_FOUND","NOT_FOUND"],\
                "ages":[null,null]}]}
                """)
        let decoded = try ServedSnapshot(text: snapshot)
        #expect(decoded.instant == TestServer.now)
        let view = try #require(decoded.view("driver_stats"))
        #expect(view.version == 1)
        #expect(!view.isExact)
        let midnight = Timestamp(year: 2026, month: 11, day: 20).microseconds
        #expect(view.mark.kind == .latest)
        #expect(view.mark.eventTime == midnight + 1_500_000)
    }

    @Test("answers column by column, and each row with a snapshot of its own where it is asked to")
    func columns() throws {
        let (status, json) = try post(
            "/v1/online",
            """
            {"features": ["pairs:v", "driver_stats@v0:conv_rate"], "layout": "columns", "row_snapshots": true,
             "entities": {"a": [1, 1], "b": ["y", "x"], "driver_id": [1001, 3]}}
            """)
        #expect(status == 200)
        #expect(json["entities"]?.text == #"{"a":[1,1],"b":["y","x"],"driver_id":[1001,3]}"#)
        let features = try #require(json["features"]?.array)
        #expect(
            features.map(\.text) == [
                #"{"ages":[3600.000001,3600],"name":"pairs:v","statuses":["OUTSIDE_MAX_AGE","PRESENT"],"#
                    + #""type":"int32","values":[null,7],"version":1}"#,
                #"{"ages":[43200,null],"name":"driver_stats@v0:conv_rate","statuses":["PRESENT","NOT_FOUND"],"#
                    + #""type":"float32","values":[0.5,null],"version":0}"#,
            ])
        let snapshots = try #require(json["snapshots"]?.array).map { try ServedSnapshot(text: $0.string ?? "") }
        #expect(snapshots.count == 2)
        #expect(snapshots.allSatisfy { $0.views.allSatisfy(\.isExact) })
        #expect(snapshots[1].view("driver_stats")?.mark == RecordMark.nothing)
        #expect(snapshots[0].view("pairs")?.mark.eventTime == TestServer.now.microseconds - 3_600_000_001)
    }

    @Test("answers several services and single features at once, each feature once")
    func several() throws {
        server.server.replaceCatalog(
            ServingCatalog(
                views: [TestServer.driverStats, TestServer.pairs],
                services: [
                    "one": ["conv_rate", "avg_daily_trips"].map { .init(view: "driver_stats", feature: $0) },
                    "two": [
                        .init(view: "pairs", feature: "v"), .init(view: "driver_stats", feature: "avg_daily_trips"),
                    ],
                ], revision: 7))
        let (status, json) = try post(
            "/v1/online/one",
            """
            {"services": ["two"], "features": ["driver_stats:conv_rate"],
             "entities": {"driver_id": [1001], "a": [1], "b": ["x"]}}
            """)
        #expect(status == 200)
        #expect(json["revision"]?.integer == 7)
        #expect(json["services"]?.text == #"{"one":[0,1],"two":[2,1]}"#)
        #expect(
            json["features"]?.array?.map { $0["name"]?.string } == [
                "driver_stats:conv_rate", "driver_stats:avg_daily_trips", "pairs:v",
            ])
        #expect(json["rows"]?.array?[0]["values"]?.text == "[0.08548096567392349,562,7]")
    }

    @Test(
        "refuses what it cannot answer with problem+json that says what and where",
        arguments: [
            ("/v1/online/nobody", #"{"entities":{"driver_id":[1]}}"#, 404, "Feature service nobody does not exist"),
            ("/v1/online/drivers", "{", 400, "not valid JSON"),
            ("/v1/online/drivers", "[]", 422, "the request is a JSON object"),
            ("/v1/online/drivers", #"{"entities":{"driver_id":[1]},"feature":[]}"#, 400, "no member feature"),
            ("/v1/online", #"{"entities":{"driver_id":[1]}}"#, 422, "services: Field required"),
            ("/v1/online/drivers", "{}", 422, "entities: Field required"),
            ("/v1/online/drivers", #"{"entities":{}}"#, 422, "entities: Dictionary should have at least 1 item"),
            ("/v1/online/drivers", #"{"entities":{"driver":["x"]}}"#, 422, "entities: driver_id: 0: Input should"),
            ("/v1/online/drivers", #"{"entities":{"driver_ids":[1]}}"#, 422, "did you mean driver_id?"),
            (
                "/v1/online/drivers", #"{"entities":{"driver_id":[1]},"deadline_ms":0}"#, 422,
                "deadline_ms: Input should be a whole number from 1 to 60000"
            ),
            (
                "/v1/online/drivers", #"{"entities":{"driver_id":[1]},"layout":"wide"}"#, 422,
                "layout: Input should be 'rows' or 'columns'"
            ),
            (
                "/v1/online/drivers", #"{"entities":{"driver_id":[1]},"request":{"driver_id":[1]}}"#, 422,
                "driver_id stands in `entities` and in `request`"
            ),
            (
                "/v1/online", #"{"features":["conv_rate"],"entities":{"driver_id":[1]}}"#, 422,
                "a feature is named view:feature"
            ),
        ])
    func refusals(path: String, body: String, status: Int, words: String) throws {
        let answer = try client.post(path, body)
        #expect(answer.status == status)
        #expect(answer.headers["content-type"] == "application/problem+json")
        let json = try JSONValue(parsing: answer.body)
        #expect(json["status"]?.integer == Int64(status))
        #expect(json["detail"]?.string?.contains(words) == true || answer.text.contains(words), "\(answer.text)")
    }

    @Test("finds a snapshot that was changed or cut to be none")
    func damagedSnapshot() throws {
        let mark = RecordMark(kind: .tiles, eventTime: -5, createdTime: .max, position: .min, mark: 1 << 40)
        let snapshot = ServedSnapshot(
            revision: 12, instant: TestServer.now,
            views: [
                .init(name: "a", version: 3, mark: mark, isExact: false), .init(name: "b", version: 0, mark: .nothing),
            ])
        #expect(try ServedSnapshot(text: snapshot.text) == snapshot)
        #expect(throws: MartletError.self) { try ServedSnapshot(text: String(snapshot.text.dropLast(4))) }
        #expect(throws: MartletError.self) { try ServedSnapshot(text: "") }
        let index = snapshot.text.index(snapshot.text.startIndex, offsetBy: 9)
        var changed = Array(snapshot.text)
        changed[9] = snapshot.text[index] == "A" ? "B" : "A"
        #expect(throws: MartletError.self) { try ServedSnapshot(text: String(changed)) }
    }
}
