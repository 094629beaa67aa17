import Dispatch
import HTTPTestSupport
import MartletCore
import MartletPlatform
import MartletServer
import MartletTestSupport
import Synchronization
import Testing

@Suite("Versions beside one another")
struct VersionFlipTests {
    private static func definitions(_ function: String) -> String {
        """
        entity: driver
        key: driver_id
        type: int64
        ---
        source: trips
        columns:
          driver_id: {type: int64, nullable: false}
          rating: float64
          at: {type: timestamp, nullable: false}
        event_time: at
        arrival_time: at
        ---
        features: one
        entity: driver
        source: trips
        windows: [7d]
        aggregates: {v: \(function)(rating)}
        ---
        features: two
        entity: driver
        source: trips
        windows: [7d]
        aggregates: {w: \(function)(rating)}
        ---
        service: pair
        features: [one, two]
        """
    }

    private static let ask = #"{"entities":{"driver_id":[1]}}"#

    /// What a service answers, with the versions that made it.
    private static func answer(_ client: TestClient) throws -> String {
        let answer = try client.post("/v1/online/pair", ask)
        let json = try JSONValue(parsing: answer.body)
        let versions = (json["features"]?.array ?? []).map { $0["version"]?.text ?? "" }.joined(separator: ",")
        return "\(answer.status) \(json["rows"]?.array?[0]["values"]?.text ?? answer.text) of \(versions)"
    }

    private func waitUntil(_ expected: String, _ client: TestClient) throws {
        let clock = SystemTimeSource()
        let deadline = clock.monotonicNanoseconds() + 60_000_000_000
        var found = ""
        repeat { found = try Self.answer(client) } while found != expected && clock.monotonicNanoseconds() < deadline
        #expect(found == expected)
    }

    private func load(_ server: WorkspaceServer, _ view: String) throws {
        let body = #"{"disable_event_timestamp":true,"feature_views":["\#(view)"]}"#
        let answer = try server.post("/materialize", body)
        #expect(answer.status == 200, "\(answer.json.text)")
    }

    @Test("a new version is taken up when the last of its revision is loaded, and a rollback at once: no gap, no mix")
    func flips() throws {
        let server = try WorkspaceServer()
        try server.apply(Self.definitions("sum"))
        let time = SystemTimeSource().now() - .hours(1)
        let rows = [1, 2].map { #"{"driver_id":1,"rating":\#($0),"at":"\#(time)"}"# }.joined(separator: "\n")
        #expect(try server.post("/v1/events/trips?wait=landed", rows, type: "application/x-ndjson").status == 200)
        try load(server, "one")
        try load(server, "two")
        let (old, new) = ("200 [3,3] of 1,1", "200 [2,2] of 2,2")
        try waitUntil(old, server.client)

        let seen = Mutex<[String: Int]>([:])
        let isEnding = Atomic<Bool>(false)
        let readers = DispatchGroup()
        let port = server.server.port
        startThread(group: readers) {
            guard let client = try? TestClient(port: port) else { return }
            while !isEnding.load(ordering: .relaxed) {
                let found = (try? Self.answer(client)) ?? "no answer"
                seen.withLock { $0[found, default: 0] += 1 }
            }
        }
        try server.apply(Self.definitions("max"))
        #expect(try Self.answer(server.client) == old, "nothing of it is loaded")
        try load(server, "one")
        #expect(try Self.answer(server.client) == old, "half of it is loaded")
        try load(server, "two")
        try waitUntil(new, server.client)
        // By another process, as the command does.
        let other = try Workspace(directory: server.folder.path)
        _ = try other.rollback(to: 1, principal: Principal(tenant: other.settings.tenant, name: "test"))
        try waitUntil(old, server.client)
        isEnding.store(true, ordering: .relaxed)
        readers.wait()
        let found = seen.withLock { $0 }
        #expect(Set(found.keys) == [old, new], "\(found)")
    }

    @Test("a new view holds up nothing, and a service is not given one before it is loaded")
    func newView() throws {
        let server = try WorkspaceServer()
        let one = Self.definitions("sum").replacing("features: [one, two]", with: "features: [one]")
        try server.apply(one)
        let time = SystemTimeSource().now() - .hours(1)
        let row = #"{"driver_id":1,"rating":4,"at":"\#(time)"}"#
        #expect(try server.post("/v1/events/trips?wait=landed", row, type: "application/x-ndjson").status == 200)
        try load(server, "one")
        // `two` was never loaded, and nothing that is served needs it: other changes are taken up.
        try server.apply(one + "\n---\nservice: more\nfeatures: [two]\n")
        #expect(server.server.catalog.services.keys.sorted() == ["more", "pair"])
        // Now `pair` would need it.
        try server.apply(Self.definitions("sum"))
        #expect(try Self.answer(server.client) == "200 [4] of 1")
        try load(server, "two")
        try waitUntil("200 [4,4] of 1,1", server.client)
    }
}
