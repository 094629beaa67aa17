import HTTPTestSupport
import MartletCore
import MartletServer
import Testing

@Suite("Lists and maps of a source, served,")
struct NestedFeatureTests {
    private static let columns: [(name: String, type: String, sent: String, answered: String)] = [
        ("bools", "list<bool>", "[true,false]", "[true,false]"),
        ("int32s", "list<int32>", "[1,-2]", "[1,-2]"),
        ("int64s", "list<int64>", "[9007199254740993]", "[9007199254740993]"),
        ("float32s", "list<float32>", "[0.5,1]", "[0.5,1.0]"),
        ("float64s", "list<float64>", #"[0.1,"NaN"]"#, #"[0.1,"NaN"]"#),
        ("strings", "list<string>", #"["a","ü\"",""]"#, #"["a","ü\"",""]"#),
        ("binaries", "list<bytes>", #"["a\\xFF",""]"#, #"["Yf8=",""]"#),
        ("times", "list<timestamp>", #"["2026-01-01T10:00:00Z"]"#, "[1767261600]"),
        ("counts", "map<string,int64>", #"{"b":2,"a":1}"#, #"{"a":1,"b":2}"#),
        ("names", "map<string,string>", #"{"x":"y"}"#, #"{"x":"y"}"#),
        ("nothing", "list<int64>", "[]", "[]"),
    ]

    private static func definitions(isStreamed: Bool) -> String {
        """
        entity: driver
        key: driver_id
        type: int64
        ---
        source: trips
        columns:
          driver_id: {type: int64, nullable: false}
        \(columns.map { "  \($0.name): {type: \"\($0.type)\"}" }.joined(separator: "\n"))
          at: {type: timestamp, nullable: false}
        event_time: at
        ---
        features: driver_lists
        entity: driver
        source: trips
        \(isStreamed ? "stream: true\n" : "")latest: [\(columns.map(\.name).joined(separator: ", "))]
        """
    }

    private func row(_ driver: Int, isNull: Bool) -> String {
        let values = Self.columns.map { "\"\($0.name)\":\(isNull ? "null" : $0.sent)" }.joined(separator: ",")
        return "{\"driver_id\":\(driver),\"at\":\"2026-01-01T10:00:00Z\",\(values)}"
    }

    private func check(_ server: WorkspaceServer) throws {
        let features = Self.columns.map { "\"driver_lists:\($0.name)\"" }.joined(separator: ",")
        let answer = try server.client.post(
            "/get-online-features", "{\"features\":[\(features)],\"entities\":{\"driver_id\":[1,2,3,1]}}")
        #expect(answer.status == 200)
        for column in Self.columns {
            let expected =
                "{\"values\":[\(column.answered),null,null,\(column.answered)],"
                + "\"statuses\":[\"PRESENT\",\"NULL_VALUE\",\"NOT_FOUND\",\"PRESENT\"]"
            #expect(answer.text.contains(expected), "\(column.name) in \(answer.text)")
        }
    }

    @Test("as Feast's clients read them, after a push")
    func pushed() throws {
        let server = try WorkspaceServer()
        try server.apply(Self.definitions(isStreamed: false))
        let sent = Self.columns.map { "\"\($0.name)\":[\($0.sent),null]" }.joined(separator: ",")
        let body =
            "{\"push_source_name\":\"trips\",\"df\":{\"driver_id\":[1,2],"
            + "\"at\":[\"2026-01-01T10:00:00\",\"2026-01-01T10:00:00\"],\(sent)}}"
        let answer = try server.client.post("/push", body)
        #expect(answer.status == 200, "\(answer.text)")
        try check(server)
    }

    @Test("as events of the log, loaded", arguments: [false, true])
    func events(isStreamed: Bool) throws {
        let server = try WorkspaceServer()
        try server.apply(Self.definitions(isStreamed: isStreamed))
        let body = "[\(row(1, isNull: false)),\(row(2, isNull: true))]"
        #expect(try server.client.post("/v1/events/trips?wait=landed", body).status == 200)
        if isStreamed {
            let clock = SystemTimeSource()
            let deadline = clock.monotonicNanoseconds() + 60_000_000_000
            while try !server.client.post("/get-online-features", Self.probe).text.contains("\"PRESENT\",\"NULL") {
                try #require(clock.monotonicNanoseconds() < deadline, "the rows are not served")
            }
        } else {
            #expect(try server.post("/materialize", #"{"disable_event_timestamp":true}"#).status == 200)
        }
        try check(server)
    }

    private static let probe = #"{"features":["driver_lists:bools"],"entities":{"driver_id":[1,2]}}"#

    @Test("a row with an element that does not fit is refused with the reason")
    func misfit() throws {
        let server = try WorkspaceServer()
        try server.apply(Self.definitions(isStreamed: false))
        let bad = row(1, isNull: false).replacing("[1,-2]", with: "[1,2.5]")
        let answer = try server.client.post("/v1/events/trips", "[\(bad)]")
        #expect(answer.text.contains("int32s: not a list<int32>"), "\(answer.text)")
    }
}
