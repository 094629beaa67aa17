import FoundationEssentials
import Glibc
import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletTestSupport
import Testing

@Suite("The access log")
struct AccessLogTests {
    private let folder = TemporaryFolder()
    private let workspace = WorkspaceID(tenant: TenantID("acme")!, name: "main")!

    private var router: Router {
        var router = Router()
        router.on(.get, "/hello") { _, writer in
            writer.append("hello")
            return .written(status: 200, .plainText)
        }
        router.on(.post, "/items/{name}") { _, _ in .later { Response(status: 201) } }
        return router
    }

    private func lines(_ name: String) throws -> [JSONValue] {
        try folder.text(of: name).split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    @Test("has one line for each request, with nothing of its query, and none is lost when the server ends")
    func lines() throws {
        let router = router
        let log = try AccessLog(path: "\(folder.path)/log", routes: router.routes, workspace: workspace)
        let server = try HTTPServer(HTTPServerSettings(port: 0), router: router, accessLog: log)
        let client = try TestClient(port: server.port)
        let before = SystemTimeSource().now()
        _ = try client.request("GET", "/hello?secret=1")
        _ = try client.request("HEAD", "/hello")
        _ = try client.request("POST", "/items/a%22b", body: Array("xyz".utf8))
        _ = try client.request("GET", "/no%0Awhere?secret=1")
        server.stop()
        log.close()
        let lines = try lines("log")
        #expect(lines.count == 4)
        #expect(lines.map { $0["method"]?.string } == ["GET", "HEAD", "POST", "GET"])
        #expect(lines.map { $0["route"]?.string } == ["/hello", "/hello", "/items/{name}", nil])
        #expect(lines.map { $0["path"]?.string } == [nil, "/hello", "/items/a\"b", "/no\nwhere"])
        #expect(lines.map { $0["status"]?.integer } == [200, 200, 201, 404])
        #expect(lines.map { $0["received_bytes"]?.integer } == [0, 0, 3, 0])
        #expect(lines[0]["sent_bytes"]?.integer == 5)
        for line in lines {
            #expect(line["tenant"]?.string == "acme")
            #expect(line["workspace"]?.string == "main")
            #expect(line["client"]?.string == "127.0.0.1")
            #expect(line["microseconds"]?.integer ?? -1 >= 0)
            let time = try #require(Timestamp(rfc3339: line["time"]?.string ?? ""))
            #expect(time >= before && time <= SystemTimeSource().now())
        }
        #expect(!folder.text(of: "log").contains("secret"))
        #expect(log.counts.written == 4)
        #expect(log.counts.dropped == 0)
    }

    @Test("goes on in a new file after the old one was moved away")
    func rotation() throws {
        let router = router
        let log = try AccessLog(path: "\(folder.path)/log", routes: router.routes, workspace: workspace)
        let server = try HTTPServer(HTTPServerSettings(port: 0), router: router, accessLog: log)
        let client = try TestClient(port: server.port)
        _ = try client.request("GET", "/hello")
        for _ in 0..<2_000 where log.counts.written < 1 { usleep(5_000) }
        try FileManager.default.moveItem(atPath: "\(folder.path)/log", toPath: "\(folder.path)/old")
        try log.reopen()
        _ = try client.request("GET", "/hello")
        server.stop()
        log.close()
        #expect(try lines("old").count == 1)
        #expect(try lines("log").count == 1)
    }

    @Test("drops and counts what its file does not take, and holds up nobody")
    func dropping() throws {
        // A device that is always full.
        let router = router
        let log = try AccessLog(path: "/dev/full", routes: router.routes, workspace: workspace)
        let server = try HTTPServer(HTTPServerSettings(port: 0), router: router, accessLog: log)
        let client = try TestClient(port: server.port)
        for _ in 0..<50 { #expect(try client.request("GET", "/hello").status == 200) }
        server.stop()
        log.close()
        #expect(log.counts.written == 0)
        #expect(log.counts.dropped == 50)
    }

    @Test("says which file it cannot write")
    func fault() {
        #expect {
            _ = try AccessLog(path: "\(folder.path)/none/log", routes: [], workspace: workspace)
        } throws: {
            ($0 as? MartletError)?.code == .fileSystem
        }
    }
}
