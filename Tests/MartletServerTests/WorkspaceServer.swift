import FoundationEssentials
import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletPlatform
import MartletServer
import MartletTestSupport
import Testing

/// A server over a workspace in a folder of its own.
final class WorkspaceServer {
    let folder = TemporaryFolder()
    let server: FeatureServer
    let client: TestClient

    /// - Parameter files: others, by their place in the folder.
    init(settings: String = "", files: [String: String] = [:]) throws {
        folder.write("workspace: test\n\(settings)", to: "martlet.yaml")
        for (name, text) in files { folder.write(text, to: name) }
        server = try FeatureServer(try Workspace(directory: folder.path), port: 0)
        client = try TestClient(port: server.port)
    }

    deinit { server.stop() }

    func post(
        _ path: String, _ body: String, type: String = "application/json", key: String? = nil
    ) throws -> (status: Int, json: JSONValue) {
        let headers = [("Content-Type", type)] + (key.map { [("Idempotency-Key", $0)] } ?? [])
        let answer = try client.request("POST", path, headers: headers, body: Array(body.utf8))
        return (answer.status, try JSONValue(parsing: answer.body))
    }

    /// `GET` of a route that answers with JSON.
    func get(_ path: String) throws -> JSONValue { try JSONValue(parsing: client.request("GET", path).body) }

    func names(_ folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "\(self.folder.path)/\(folder)")) ?? []
    }

    func apply(_ definitions: String = tripDefinitions) throws {
        let body = JSONValue.object(["files": .object(["a/definitions.yaml": .string(definitions)])]).text
        #expect(try post("/v1/apply", body).status == 200)
    }
}

let tripDefinitions = """
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
    features: driver_trips
    entity: driver
    source: trips
    windows: [1d]
    aggregates: {trips: count, rating_sum: sum(rating)}
    ---
    service: dispatch
    features: [driver_trips]
    """

let tripRows = """
    {"driver_id":1,"rating":4.5,"at":"2026-01-01T10:00:00Z"}
    {"driver_id":1,"rating":0.1,"at":"2026-01-01T11:00:00Z"}
    {"driver_id":2,"rating":3,"at":"not a time"}
    """

extension TestClient {
    /// Asks for a training set.
    /// - Parameters:
    ///   - labels: JSON lines.
    ///   - query: `service=dispatch` and what else.
    func trainingSet(_ labels: String, _ query: String = "service=dispatch", key: String? = nil) throws -> Answer {
        let headers = [("Content-Type", "application/x-ndjson")] + (key.map { [("Idempotency-Key", $0)] } ?? [])
        return try request("POST", "/v1/training-sets?\(query)", headers: headers, body: Array(labels.utf8))
    }
}
