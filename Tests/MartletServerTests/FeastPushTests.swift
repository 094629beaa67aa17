import HTTPTestSupport
import MartletCore
import MartletServer
import Testing

@Suite("Rows that Feast's clients push")
struct FeastPushTests {
    private static let definitions = """
        entity: driver
        key: driver_id
        type: int64
        ---
        source: trips
        columns:
          driver: {type: int64, nullable: false}
          rating: float64
          city: string
          note: string
          at: {type: timestamp, nullable: false}
        event_time: at
        ---
        features: driver_stats
        entity: driver
        source: trips
        key_columns: {driver_id: driver}
        latest: {score: rating, city: city}
        ---
        features: driver_trips
        entity: driver
        source: trips
        key_columns: {driver_id: driver}
        windows: [1d]
        aggregates: {trips: count}
        """

    private func server() throws -> WorkspaceServer {
        let server = try WorkspaceServer()
        try server.apply(Self.definitions)
        return server
    }

    private func values(_ server: WorkspaceServer, _ feature: String, _ driver: Int) throws -> JSONValue? {
        let body = #"{"features":["\#(feature)"],"entities":{"driver_id":[\#(driver)]}}"#
        return try server.post("/get-online-features", body).json["results"]?.array?[1]["values"]?.array?[0]
    }

    private func exception(_ json: JSONValue) throws -> String? {
        try json.string.flatMap { try JSONValue(parsing: $0)["class"]?.string }
    }

    @Test(
        "a push is served when it is answered, and adds nothing when it is repeated",
        arguments: ["online", "online_and_offline"])
    func pushes(destination: String) throws {
        let server = try server()
        let body = """
            {"push_source_name":"trips","to":"\(destination)","allow_registry_cache":true,"transform_on_write":true,
            "df":{"driver":[1,2],"rating":[4.5,null],"city":["Bern","Zug"],"note":[null,null],
            "at":["2026-01-01T10:00:00",1767261600]}}
            """
        for _ in 0..<2 {
            let answer = try server.client.post("/push", body)
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
        }
        #expect(try values(server, "driver_stats:score", 1) == .number(4.5))
        #expect(try values(server, "driver_stats:score", 2) == .null)
        #expect(try values(server, "driver_stats:city", 2) == .string("Zug"))
    }

    @Test("a push to offline is kept and served after the next load")
    func offline() throws {
        let server = try server()
        let body =
            #"{"push_source_name":"trips","to":"offline","df":{"driver":[1],"rating":[2.5],"city":[null],"#
            + #""note":["n"],"at":["2026-01-01T10:00:00Z"]}}"#
        #expect(try server.client.post("/push", body).status == 200)
        #expect(try values(server, "driver_stats:score", 1) == .null)
        #expect(try server.post("/materialize", #"{"disable_event_timestamp":true}"#).status == 200)
        #expect(try values(server, "driver_stats:score", 1) == .number(2.5))
    }

    @Test("rows of a view are written under its own names, and the newest wins")
    func writes() throws {
        let server = try server()
        func write(_ score: Double, _ time: String) throws -> (status: Int, json: JSONValue) {
            try server.post(
                "/write-to-online-store",
                #"{"feature_view_name":"driver_stats","allow_registry_cache":false,"df":{"driver_id":[7],"#
                    + #""score":[\#(score)],"city":["Basel"],"event_timestamp":["\#(time)"],"created":[null]}}"#
            )
        }
        let answer = try write(1.5, "2026-01-02T00:00:00")
        #expect(answer.status == 200)
        #expect(answer.json == .null)
        #expect(try write(9.5, "2026-01-01T00:00:00.250000").status == 200)
        #expect(try values(server, "driver_stats:score", 7) == .number(1.5))
        #expect(try values(server, "driver_stats:city", 7) == .string("Basel"))
    }

    @Test("faults of the client are 4xx in Feast's shapes, and nothing is served of them")
    func faults() throws {
        let server = try server()
        let df = #""df":{"driver":[1],"at":["2026-01-01T10:00:00Z"]}"#
        let unknown = try server.post("/push", #"{"push_source_name":"trip",\#(df)}"#)
        #expect(unknown.status == 422)
        #expect(try exception(unknown.json) == "PushSourceNotFoundException")
        let unfit = try server.post(
            "/push",
            #"{"push_source_name":"trips","df":{"driver":["x"],"rating":[1],"city":[null],"note":[null],"#
                + #""at":["2026-01-01T10:00:00Z"]}}"#
        )
        #expect(unfit.status == 422)
        #expect(try exception(unfit.json) == "FeastError")
        for body in [
            "{", "[]", "{\(df)}", #"{"push_source_name":"trips"}"#, #"{"push_source_name":1,\#(df)}"#,
            #"{"push_source_name":"trips","to":"nowhere",\#(df)}"#, #"{"push_source_name":"trips","df":[]}"#,
            #"{"push_source_name":"trips","df":{}}"#, #"{"push_source_name":"trips","df":{"driver":[]}}"#,
            #"{"push_source_name":"trips","df":{"driver":[1],"at":[]}}"#,
            #"{"push_source_name":"trips","df":{"driver":1}}"#,
        ] {
            let answer = try server.post("/push", body)
            #expect(answer.status == 422, "\(body)")
            #expect(answer.json["detail"]?.array?.count == 1, "\(body)")
        }
        let write = #""df":{"driver_id":[1],"event_timestamp":["2026-01-01T10:00:00Z"]}"#
        let view = try server.post("/write-to-online-store", #"{"feature_view_name":"nothing",\#(write)}"#)
        #expect(view.status == 404)
        #expect(try exception(view.json) == "FeatureViewNotFoundException")
        let windowed = try server.post("/write-to-online-store", #"{"feature_view_name":"driver_trips",\#(write)}"#)
        #expect(windowed.status == 422)
        let column = try server.post(
            "/write-to-online-store", #"{"feature_view_name":"driver_stats","df":{"driver_id":[1],"height":[2]}}"#)
        #expect(column.status == 422)
        #expect(column.json["detail"]?.array?[0]["type"]?.string == "extra_forbidden")
        #expect(try values(server, "driver_stats:score", 1) == .null)
    }

    @Test("a server that takes no changes refuses pushes", arguments: ["/push", "/write-to-online-store"])
    func readOnly(path: String) throws {
        let server = try WorkspaceServer(settings: "server: {writes: false}\n")
        let answer = try server.post(path, "{}")
        #expect(answer.status == 403)
        #expect(try exception(answer.json) == "FeastPermissionError")
    }
}
