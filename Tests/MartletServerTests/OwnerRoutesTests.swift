import FoundationEssentials
import Glibc
import HTTPTestSupport
import MartletCore
import MartletDefinitions
import MartletLog
import MartletPlatform
import MartletServer
import MartletTestSupport
import Testing

@Suite("The command line beside a server")
struct OwnerRoutesTests {
    private func send(
        _ server: WorkspaceServer, _ path: String, _ body: JSONValue, token: String?
    ) throws -> (status: Int, body: [UInt8]) {
        var headers = [("Content-Type", "application/json")]
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        let answer = try server.client.request("POST", path, headers: headers, body: Array(body.text.utf8))
        return (answer.status, answer.body)
    }

    @Test("files and dead letters go through the server that has the log, for who can read its token")
    func ingesting() throws {
        let server = try WorkspaceServer()
        try server.apply()
        let beside = try Workspace(directory: server.folder.path)
        let user = Principal(tenant: beside.settings.tenant, name: "ann")
        server.folder.write(tripRows, to: "rows.jsonl")
        let path = "\(server.folder.path)/rows.jsonl"
        // Answered once the log is open: then the address is told, too.
        #expect(try server.post("/v1/events/trips", "[]").status == 200)
        let refused = try #require(throws: MartletError.self) {
            try beside.ingest("trips", files: [path], principal: user)
        }
        #expect(refused.code == .conflict)

        let found = try beside.runningServer()
        #expect(found.url == "http://127.0.0.1:\(server.server.port)")
        #expect(found.process == getpid())
        var status = stat()
        #expect(stat("\(server.folder.path)/.martlet/log/default/test/server.json", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)

        let body = JSONValue.object(["files": .array([.string(path)]), "principal": .string("ann")])
        #expect(try send(server, "/v1/owner/ingest/trips", body, token: nil).status == 404)
        #expect(try send(server, "/v1/owner/ingest/trips", body, token: found.token + "0").status == 404)
        let answer = try send(server, "/v1/owner/ingest/trips", body, token: found.token)
        #expect(answer.status == 200)
        let report = try IngestReport(wire: answer.body)
        #expect(report.source == "trips" && report.rowsRead == 3 && report.misfits == 1 && !report.isRepeat)
        #expect(report.refinement?.silverRows == 2)
        #expect(try IngestReport(wire: send(server, "/v1/owner/ingest/trips", body, token: found.token).body).isRepeat)

        let letters = try beside.deadLetters()
        #expect(letters.count == 1 && letters[0].source == "trips")
        let numbers = JSONValue.object(["numbers": .array([.integer(letters[0].number)])])
        let replay = try ReplayReport(
            wire: send(server, "/v1/owner/deadletters/replay", numbers, token: found.token).body)
        #expect(replay.replayed == 0 && replay.failed == 1)
        #expect(try send(server, "/v1/owner/deadletters/drop", numbers, token: found.token).status == 200)
        #expect(try beside.deadLetters().isEmpty)
        let again = try send(server, "/v1/owner/deadletters/drop", numbers, token: found.token)
        #expect(again.status == 409)
    }

    @Test("a server that has ended is not found any more")
    func ended() throws {
        let server = try WorkspaceServer()
        let beside = try Workspace(directory: server.folder.path)
        try server.apply()
        #expect(try server.post("/v1/events/trips", "[]").status == 200)
        #expect(try beside.runningServer().url.hasPrefix("http://"))
        server.server.stop()
        let error = try #require(throws: MartletError.self) { try beside.runningServer() }
        #expect(error.code == .conflict)
    }
}
