import Glibc
import HTTPTestSupport
import MartletCore
import MartletHTTP
import Synchronization
import Testing

@Suite("The HTTP server")
struct HTTPServerTests {
    private func server(_ change: (inout HTTPServerSettings) -> Void = { _ in }) throws -> HTTPServer {
        var settings = HTTPServerSettings(port: 0)
        change(&settings)
        var router = Router()
        router.on(.get, "/hello") { request, writer in
            writer.append(text: "hello \(request.query("name") ?? "nobody") \(request.header("x-mark") ?? "-")")
            return .written(status: 200, .plainText)
        }
        router.on(.post, "/echo") { request, writer in
            writer.append(request.body)
            return .written(status: 201, .bytes)
        }
        router.on(.get, "/items/{name}/parts/{part}") { request, writer in
            writer.append(text: request.parameters.joined(separator: "|"))
            return .written(status: 200, .plainText)
        }
        router.on(.get, "/items/all/parts/one") { _, _ in .response(Response(body: Array("static".utf8))) }
        router.on(.get, "/fails") { _, _ in throw MartletError(.storeUnavailable, "it is away", fix: "wait") }
        router.on(.get, "/breaks") { _, _ in throw Secret() }
        router.on(.post, "/later") { request, _ in
            let body = Array(request.body)
            return .later {
                await Task.yield()
                return Response(status: 202, headers: [("X-Later", "yes")], body: body.reversed())
            }
        }
        return try HTTPServer(settings, router: router)
    }

    private struct Secret: Error { let value = "password" }

    @Test("answers requests one after another on one connection")
    func keepAlive() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        for round in 0..<50 {
            let body = [UInt8](repeating: UInt8(round), count: round * 700)
            let echo = try client.request("POST", "/echo", body: body)
            #expect(echo.status == 201)
            #expect(echo.body == body)
            #expect(echo.headers["content-type"] == "application/octet-stream")
            let hello = try client.request("GET", "/hello?name=a%20b&x=1", headers: [("X-Mark", "m")])
            #expect(hello.text == "hello a b m")
        }
    }

    @Test("answers pipelined requests in their order")
    func pipelining() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let one = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
        try client.send(Array("\(one)a\(one)b\(one)c".utf8))
        #expect(try (0..<3).map { _ in try client.receive().text } == ["a", "b", "c"])
    }

    @Test("takes chunked bodies")
    func chunked() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let text =
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        try client.send(Array(text.utf8))
        #expect(try client.receive().text == "abcde")
    }

    @Test(
        "finds routes",
        arguments: [
            ("GET", "/items/x/parts/7", 200, "x|7"), ("GET", "/items/all/parts/one", 200, "static"),
            ("GET", "/items/a%2Fb/parts/7", 404, nil), ("GET", "/items//parts/7", 404, nil),
            ("GET", "/nothing", 404, nil),
            ("GET", "/hello/", 404, nil), ("POST", "/hello", 405, nil), ("DELETE", "/items/x/parts/7", 405, nil),
            ("BREW", "/hello", 405, nil),
        ])
    func routes(method: String, path: String, status: Int, text: String?) throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let answer = try client.request(method, path)
        #expect(answer.status == status)
        if let text { #expect(answer.text == text) }
        if status == 405, method != "BREW" { #expect(answer.headers["allow"] == "GET, HEAD") }
        if status >= 400 { #expect(answer.headers["content-type"] == "application/problem+json") }
    }

    @Test("answers HEAD like GET, without the body")
    func head() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let answer = try client.request("HEAD", "/hello")
        #expect(answer.status == 200)
        #expect(answer.headers["content-length"] == "14")
        #expect(try client.request("GET", "/hello").text == "hello nobody -")
    }

    @Test("says a known error as problem+json")
    func knownError() throws {
        let server = try server()
        let answer = try TestClient(port: server.port).request("GET", "/fails")
        #expect(answer.status == 503)
        let json = try JSONValue(parsing: answer.body)
        #expect(json["type"]?.string == "urn:martlet:error:store-unavailable")
        #expect(json["detail"]?.string == "it is away")
        #expect(json["fix"]?.string == "wait")
        #expect(json["status"]?.integer == 503)
    }

    @Test("tells nothing of an unknown error")
    func unknownError() throws {
        let server = try server()
        let answer = try TestClient(port: server.port).request("GET", "/breaks")
        #expect(answer.status == 500)
        #expect(!answer.text.contains("password"))
    }

    @Test("refuses a body beyond the limit with 413, announced or not", arguments: [true, false])
    func bodyLimit(isAnnounced: Bool) throws {
        let server = try server { $0.bodyLimitBytes = 1_000 }
        let client = try TestClient(port: server.port)
        if isAnnounced {
            try client.send(Array("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n".utf8))
        } else {
            let chunk = "3e9\r\n" + String(repeating: "x", count: 1_001) + "\r\n0\r\n\r\n"
            try client.send(
                Array(("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk).utf8))
        }
        let answer = try client.receive()
        #expect(answer.status == 413)
        #expect(answer.text.contains("1000 bytes"))
        let other = try TestClient(port: server.port)
        #expect(try other.request("POST", "/echo", body: [UInt8](repeating: 1, count: 1_000)).status == 201)
    }

    @Test("closes a connection that sends a body without end")
    func endlessBody() throws {
        let server = try server { $0.bodyLimitBytes = 1_000 }
        let client = try TestClient(port: server.port)
        try client.send(Array("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
        var isRefused = false
        for _ in 0..<2_000 where !isRefused {
            do { try client.send(Array(("3e8\r\n" + String(repeating: "x", count: 1_000) + "\r\n").utf8)) } catch {
                isRefused = true
            }
        }
        #expect(isRefused || client.isClosed())
    }

    @Test("answers later without holding up others")
    func later() throws {
        let server = try server { $0.threads = 1 }
        let client = try TestClient(port: server.port)
        for _ in 0..<20 {
            let answer = try client.post("/later", "abc")
            #expect(answer.status == 202)
            #expect(answer.text == "cba")
            #expect(answer.headers["x-later"] == "yes")
        }
    }

    @Test("a waiting request blocks nobody, and waiting places are limited")
    func waiting() throws {
        let gate = Gate()
        var router = Router()
        router.on(.get, "/wait", priority: .work) { _, _ in
            .later {
                gate.wait()
                return Response(body: Array("done".utf8))
            }
        }
        router.on(.get, "/quick") { _, writer in
            writer.append("quick")
            return .written(status: 200, .plainText)
        }
        let server = try HTTPServer(HTTPServerSettings(port: 0, threads: 1, waitingLimit: 1), router: router)
        let slow = try TestClient(port: server.port)
        try slow.send(Array("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        let quick = try TestClient(port: server.port)
        gate.waitUntilEntered()
        #expect(try quick.request("GET", "/quick").text == "quick")
        let refused = try quick.request("GET", "/wait")
        #expect(refused.status == 503)
        #expect(refused.headers["retry-after"] == "1")
        gate.open()
        #expect(try slow.receive().text == "done")
    }

    @Test("stop lets a running request end")
    func gracefulStop() throws {
        let gate = Gate()
        var router = Router()
        router.on(.get, "/wait") { _, _ in
            .later {
                gate.wait()
                return Response(body: Array("done".utf8))
            }
        }
        let server = try HTTPServer(HTTPServerSettings(port: 0, threads: 2), router: router)
        let client = try TestClient(port: server.port)
        try client.send(Array("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        gate.waitUntilEntered()
        let stopped = Thread { server.stop() }
        while !server.isDraining { usleep(200) }
        gate.open()
        let answer = try client.receive()
        #expect(answer.text == "done")
        #expect(answer.headers["connection"]?.lowercased() == "close")
        stopped.join()
        #expect(throws: ClientError.self) { _ = try TestClient(port: server.port) }
    }

    @Test("stop answers 503 to work that does not end in time")
    func impatientStop() throws {
        let gate = Gate()
        var router = Router()
        router.on(.get, "/wait") { _, _ in
            .later {
                gate.wait()
                return Response()
            }
        }
        let server = try HTTPServer(HTTPServerSettings(port: 0, threads: 2, drainSeconds: 0), router: router)
        let client = try TestClient(port: server.port)
        try client.send(Array("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        gate.waitUntilEntered()
        server.stop()
        #expect(try client.receive().status == 503)
        gate.open()
    }

    @Test("says port-in-use for a port that is taken")
    func portInUse() throws {
        let first = try server()
        #expect { _ = try HTTPServer(HTTPServerSettings(port: first.port), router: Router()) } throws: {
            ($0 as? MartletError)?.code == .portInUse
        }
    }

    @Test(
        "says invalid-settings for an address of another machine", arguments: ["203.0.113.9", "no.such.host.invalid"])
    func foreignAddress(host: String) {
        #expect { _ = try HTTPServer(HTTPServerSettings(host: host, port: 0), router: Router()) } throws: {
            ($0 as? MartletError)?.code == .invalidSettings
        }
    }

    @Test("tells its observer of every answer")
    func observer() throws {
        let seen = Seen()
        var router = Router()
        router.on(.get, "/a") { _, _ in .response(Response()) }
        router.on(.get, "/b") { _, _ in .later { Response(status: 418) } }
        let server = try HTTPServer(HTTPServerSettings(port: 0), router: router, observer: seen)
        let client = try TestClient(port: server.port)
        for path in ["/a", "/b", "/c"] { _ = try client.request("GET", path) }
        #expect(seen.answers.withLock { $0 } == ["0 200", "1 418", "none 404"])
    }

    @Test("gives back its file descriptors")
    func descriptors() throws {
        func run() throws {
            let server = try server()
            for _ in 0..<20 { _ = try TestClient(port: server.port).request("GET", "/hello") }
            server.stop()
        }
        try run()
        // Other tests open files at the same time: look for a clean count, not for one reading.
        var isStable = false
        for _ in 0..<20 where !isStable {
            let before = openDescriptors()
            try run()
            isStable = openDescriptors() <= before
        }
        #expect(isStable)
    }

    private func openDescriptors() -> Int { (0..<1_024).count { fcntl(Int32($0), F_GETFD) != -1 } }
}

private final class Seen: RequestObserver {
    let answers = Mutex<[String]>([])
    func answered(route: Int?, status: Int, nanoseconds: UInt64) {
        answers.withLock { $0.append("\(route.map(String.init) ?? "none") \(status)") }
    }
}
