import Dispatch
import FoundationEssentials
import Glibc
import HTTPTestSupport
import MartletCore
import MartletPlatform
import MartletServer
import MartletTestSupport
import Synchronization
import Testing

private let labels = #"{"driver_id":1,"event_timestamp":"2026-01-01T12:00:00Z","fare":7}"# + "\n"

/// So many that others come while they are joined.
private let manyLabels = String(repeating: labels, count: 20_000)

@Suite("Labels that clients send")
struct UploadedLabelsTests {
    private func prepared() throws -> WorkspaceServer {
        let server = try WorkspaceServer()
        try server.apply()
        #expect(try server.post("/v1/events/trips?wait=landed", tripRows, type: "application/x-ndjson").status == 200)
        return server
    }

    private func kept(_ server: WorkspaceServer) -> [String] {
        server.names(".martlet/datasets").filter { $0.hasPrefix("labels-") }
    }

    @Test("nothing is kept of a set that could not be built", arguments: [nil, "key"])
    func failing(key: String?) throws {
        let server = try prepared()
        #expect(try server.client.trainingSet(labels, "service=nothing", key: key).status == 404)
        let unfit = labels.replacing("driver_id", with: "driver")
        #expect(try server.client.trainingSet(unfit, key: key).status == 422)
        #expect(kept(server).isEmpty)
        #expect(server.names(".martlet/datasets/sets").isEmpty)
    }

    @Test("labels of a recorded set stay when another build from them fails")
    func shared() throws {
        let server = try prepared()
        #expect(try server.client.trainingSet(labels).status == 200)
        #expect(try server.client.trainingSet(labels, "service=nothing").status == 404)
        #expect(kept(server).count == 1)
        let workspace = try Workspace(directory: server.folder.path)
        let principal = Principal(tenant: try #require(TenantID("default")), name: "test")
        #expect(throws: Never.self) { _ = try workspace.rebuildTrainingSet(1, principal: principal) }
    }

    @Test("builds from equal labels do not take them from one another, whether they succeed or fail")
    func mixed() throws {
        let server = try prepared()
        let answers = try simultaneous(12, server) { number, client in
            try client.trainingSet(manyLabels, "service=\(number % 2 == 0 ? "dispatch" : "nothing")")
        }
        #expect(answers.map(\.status) == (0..<12).map { $0 % 2 == 0 ? 200 : 404 })
        #expect(kept(server).count == 1)
    }

    @Test("simultaneous requests with one key build once and get the same")
    func oneKey() throws {
        let server = try prepared()
        let answers = try simultaneous(8, server) { _, client in
            try client.trainingSet(manyLabels, key: "one")
        }
        #expect(answers.map(\.status) == Array(repeating: 200, count: 8))
        #expect(Set(answers.map(\.body)).count == 1)
        #expect(Set(answers.map { $0.headers["martlet-dataset"] }) == ["1"])
        #expect(try server.get("/v1/datasets").array?.count == 1)
        #expect(server.names(".martlet/datasets/sets").count == 1)
    }

    /// Sends requests on connections of their own, as nearly at once as threads allow.
    private func simultaneous(
        _ count: Int, _ server: WorkspaceServer,
        _ send: @escaping @Sendable (Int, TestClient) throws -> TestClient.Answer
    ) throws -> [TestClient.Answer] {
        let (group, ready, start) = (
            DispatchGroup(), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
        )
        let answers = Mutex<[Int: TestClient.Answer]>([:])
        let port = server.server.port
        for number in 0..<count {
            startThread(group: group) {
                let client = try? TestClient(port: port)
                ready.signal()
                start.wait()
                guard let client, let answer = try? send(number, client) else { return }
                answers.withLock { $0[number] = answer }
            }
        }
        for _ in 0..<count { ready.wait() }
        for _ in 0..<count { start.signal() }
        group.wait()
        return try (0..<count).map { number in try #require(answers.withLock { $0[number] }) }
    }

    @Test("what a process left that died is removed when a server starts, and what a living one writes stays")
    func sweeping() throws {
        let folder = TemporaryFolder()
        folder.write("workspace: test\n", to: "martlet.yaml")
        for name in [".martlet/uploads/died/rows.parquet", ".martlet/uploads/died/a/b.yaml"] {
            folder.write("x", to: name)
        }
        folder.write("x", to: ".martlet/uploads/lives/rows.parquet")
        let held = open("\(folder.path)/.martlet/uploads/lives", O_RDONLY | O_DIRECTORY)
        defer { close(held) }
        try #require(flock(held, LOCK_EX) == 0)
        let server = try FeatureServer(Workspace(directory: folder.path), port: 0)
        server.stop()
        #expect(!folder.exists(".martlet/uploads/died"))
        #expect(folder.exists(".martlet/uploads/lives/rows.parquet"))
    }

    @Test("a feature that leaks is refused unless the request allows it, which is part of what its key stands for")
    func leakage() throws {
        let server = try WorkspaceServer()
        try server.apply(
            tripDefinitions.replacing(
                "windows: [1d]\naggregates: {trips: count, rating_sum: sum(rating)}",
                with: "latest: {rating: rating}"))
        var (events, labels) = ("", "")
        for number in 0..<200 {
            let at = Timestamp(year: 2026, month: 3, day: 1) + .minutes(Int64(number))
            events += #"{"driver_id":\#(number % 4),"rating":\#(number),"at":"\#(at)"}"# + "\n"
            // Each label is at the time of its own event.
            labels += #"{"driver_id":\#(number % 4),"event_timestamp":"\#(at)"}"# + "\n"
        }
        #expect(try server.post("/v1/events/trips?wait=landed", events, type: "application/x-ndjson").status == 200)
        let refused = try server.client.trainingSet(labels)
        #expect(refused.status == 422)
        #expect(try JSONValue(parsing: refused.body)["code"]?.string == "label-leakage")
        let query = "service=dispatch&allow_leakage=rating"
        #expect(try server.client.trainingSet(labels, query, key: "k").status == 200)
        #expect(try server.get("/v1/datasets/1")["options"]?["allow_leakage"]?.string == "rating")
        #expect(try server.client.trainingSet(labels, query, key: "k").headers["martlet-dataset"] == "1")
        #expect(try server.client.trainingSet(labels, key: "k").status == 409)
        #expect(try server.client.trainingSet(labels, "service=dispatch&allow_leakage=nothing").status == 404)
    }
}
