import HTTPTestSupport
import MartletCore
import MartletServer
import Testing

@Suite("A search over HTTP")
struct SearchTests {
    private static let definitions = """
        entity: document
        key: doc_id
        type: int64
        ---
        source: documents
        columns:
          doc_id: {type: int64, nullable: false}
          title: string
          year: int32
          embedding: list<float32>
          at: {type: timestamp, nullable: false}
        event_time: at
        ---
        features: documents_now
        entity: document
        source: documents
        latest:
          title: title
          year: year
          embedding: {column: embedding, vector: {dimensions: 2, metric: l2}}
        ---
        features: titles
        entity: document
        source: documents
        latest: [title]
        ---
        service: library
        features: ["documents_now:title"]
        """

    private func server() throws -> WorkspaceServer {
        let server = try WorkspaceServer()
        try server.apply(Self.definitions)
        let rows = """
            {"push_source_name":"documents","df":{"doc_id":[1,2,3,4],"title":["a","b",null,"d"],
            "year":[2001,2002,2003,2004],"embedding":[[1,0],[0,2],[3,0],null],
            "at":["2026-01-01T10:00:00Z","2026-01-01T10:00:01Z","2026-01-01T10:00:02Z","2026-01-01T10:00:03Z"]}}
            """
        let answer = try server.client.post("/push", rows)
        #expect(answer.status == 200, "\(answer.text)")
        return server
    }

    @Test("answers as Feast's server does", arguments: ["/search", "/retrieve-online-documents"], [1, 2])
    func shape(path: String, version: Int) throws {
        let server = try server()
        let answer = try server.client.post(
            path,
            """
            {"features":["documents_now:title","documents_now:embedding"],"query":[0,0],"top_k":2,
            "distance_metric":"L2","query_string":null,"api_version":\(version)}
            """)
        #expect(
            answer.text == #"{"results":[{"values":["a","b"],"statuses":["PRESENT","PRESENT"],"#
                + #""event_timestamps":["2026-01-01T10:00:00Z","2026-01-01T10:00:01Z"]},"#
                + #"{"values":[[1.0,0.0],[0.0,2.0]],"statuses":["PRESENT","PRESENT"],"#
                + #""event_timestamps":["2026-01-01T10:00:00Z","2026-01-01T10:00:01Z"]},"#
                + #"{"values":[1.0,2.0],"statuses":["PRESENT","PRESENT"],"#
                + #""event_timestamps":["2026-01-01T10:00:00Z","2026-01-01T10:00:01Z"]},"#
                + #"{"values":[1,2],"statuses":["PRESENT","PRESENT"],"#
                + #""event_timestamps":["2026-01-01T10:00:00Z","2026-01-01T10:00:01Z"]}],"#
                + #""metadata":{"feature_names":["title","embedding","distance","doc_id"]}}"#)
        #expect(answer.status == 200)
    }

    @Test("finds what a view that follows the log has counted, and no more what was replaced")
    func streamed() throws {
        let server = try WorkspaceServer()
        try server.apply(
            Self.definitions.replacing("source: documents\nlatest:", with: "source: documents\nstream: true\nlatest:"))
        func push(_ rows: String) throws {
            let answer = try server.client.post("/push", "{\"push_source_name\":\"documents\",\"df\":\(rows)}")
            #expect(answer.status == 200, "\(answer.text)")
        }
        func nearest() throws -> JSONValue? {
            let body = #"{"features":["documents_now:title"],"query":[0,0],"top_k":2}"#
            return try server.post("/search", body).json["results"]?.array?[0]["values"]
        }
        try push(
            #"{"doc_id":[1,2,3],"title":["a","b","c"],"year":[1,2,3],"embedding":[[1,0],[2,0],[3,0]],"#
                + #""at":["2026-01-01T10:00:00Z","2026-01-01T10:00:00Z","2026-01-01T10:00:00Z"]}"#)
        #expect(try nearest() == .array([.string("a"), .string("b")]))
        try push(
            #"{"doc_id":[1],"title":["far"],"year":[1],"embedding":[[9,0]],"at":["2026-01-01T11:00:00Z"]}"#)
        // At once, unless the machine was slow to read three vectors: then after ten times as long.
        let clock = SystemTimeSource()
        let deadline = clock.monotonicNanoseconds() + 60_000_000_000
        while try nearest() != .array([.string("b"), .string("c")]) {
            try #require(clock.monotonicNanoseconds() < deadline, "the replaced vector is still found")
        }
    }

    @Test("shows in the metrics what its vectors take")
    func metrics() throws {
        let server = try server()
        func bytes() throws -> Substring? {
            try server.client.request("GET", "/metrics").text.split(separator: "\n")
                .first { $0.hasPrefix("martlet_vector_bytes{tenant=\"default\",workspace=\"test\"}") }?
                .split(separator: " ").last
        }
        #expect(try bytes() == "0")
        _ = try server.client.post("/search", #"{"features":["documents_now:title"],"query":[0,0],"top_k":1}"#)
        // Three vectors of two elements, each with room for eight.
        #expect(try bytes() == "288")
    }

    @Test("takes services, filters, full names and version metadata, and says what is null")
    func options() throws {
        let server = try server()
        let filtered = try server.post(
            "/search",
            """
            {"feature_service":"library","query":[0,0],"top_k":5,"api_version":2,"full_feature_names":true,
            "include_feature_view_version_metadata":true,
            "filters":{"type":"or","filters":[{"type":"gt","key":"year","value":2002},
            {"type":"in","key":"doc_id","value":[1]}]}}
            """)
        let results = filtered.json["results"]?.array
        #expect(results?[0]["values"] == .array([.string("a"), .null]))
        #expect(results?[0]["statuses"] == .array([.string("PRESENT"), .string("NULL_VALUE")]))
        #expect(results?[2]["values"] == .array([.integer(1), .integer(3)]))
        let metadata = filtered.json["metadata"]
        #expect(
            metadata?["feature_names"]
                == .array([.string("documents_now__title"), .string("distance"), .string("doc_id")]))
        #expect(metadata?["feature_view_metadata"]?.array?[0]["name"] == .string("documents_now"))
        let nothing = try server.post(
            "/search",
            #"{"features":["documents_now:title","documents_now:distance"],"query":[0,0],"top_k":5,"#
                + #""filters":{"type":"eq","key":"title","value":"zz"}}"#)
        #expect(nothing.json["results"]?.array?.count == 3)
        #expect(nothing.json["results"]?.array?[0]["values"] == .array([]))
    }

    @Test(
        "refuses what it cannot answer, as a fault of the client",
        arguments: [
            (#"{"features":["documents_now:title"],"query":[1],"top_k":1}"#, 422, "2"),
            (#"{"features":["documents_now:title"],"query":["x"],"top_k":1}"#, 422, "valid number"),
            (#"{"features":["documents_now:title"],"top_k":1}"#, 422, "query"),
            (#"{"features":["documents_now:title"],"query":[1,0]}"#, 422, "top_k"),
            (#"{"features":["documents_now:title"],"query":[1,0],"top_k":0}"#, 422, "top_k"),
            (#"{"features":["documents_now:title"],"query":[1,0],"top_k":1,"query_string":"x"}"#, 422, "texts"),
            (#"{"features":["documents_now:title","titles:title"],"query":[1,0],"top_k":1}"#, 422, "one feature view"),
            (#"{"features":["titles:title"],"query":[1,0],"top_k":1}"#, 422, "no vector"),
            (#"{"features":["documents_now:titel"],"query":[1,0],"top_k":1}"#, 404, "did you mean title?"),
            (#"{"features":["nowhere:title"],"query":[1,0],"top_k":1}"#, 404, "FeatureViewNotFoundException"),
            (#"{"features":[],"query":[1,0],"top_k":1}"#, 422, "features"),
            ("[1]", 422, "dictionary"), ("{", 422, "JSON"),
            (
                #"{"features":["documents_now:title"],"query":[1,0],"top_k":1,"#
                    + #""filters":{"type":"eq","key":"year","value":"x"}}"#, 422, "valid int32"
            ),
            (
                #"{"features":["documents_now:title"],"query":[1,0],"top_k":1,"#
                    + #""filters":{"type":"like","key":"year","value":1}}"#, 422, "Input should be eq"
            ),
            (
                #"{"features":["documents_now:title"],"query":[1,0],"top_k":1,"#
                    + #""filters":{"type":"eq","key":"embedding","value":1}}"#, 422, "not compared"
            ),
        ])
    func refusals(body: String, status: Int, part: String) throws {
        let server = try server()
        let answer = try server.client.post("/search", body)
        #expect(answer.status == status)
        #expect(answer.text.contains(part), "\(answer.text)")
    }
}
