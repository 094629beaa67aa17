import Glibc
import HTTPTestSupport
import MartletCore
import MartletHTTP
import Synchronization
import Testing

@Suite("What the HTTP server takes on")
struct AdmissionTests {
    private func server(
        gate: Gate = Gate(), _ change: (inout HTTPServerSettings) -> Void = { _ in }
    ) throws -> HTTPServer {
        var settings = HTTPServerSettings(port: 0)
        change(&settings)
        var router = Router()
        router.on(.get, "/probe", priority: .probe) { _, _ in .response(Response()) }
        router.on(.get, "/quick") { _, _ in .response(Response()) }
        router.on(.get, "/remote") { _, _ in .later { Response(status: 203) } }
        router.on(.post, "/blocked", priority: .work) { _, _ in
            .later {
                gate.wait()
                return Response(status: 201)
            }
        }
        router.on(.post, "/quick", priority: .work) { _, _ in .later { Response(status: 201) } }
        router.on(.post, "/long", bodyLimitBytes: 16 << 20, priority: .longWork) { _, _ in
            .later {
                gate.wait()
                return Response(status: 202)
            }
        }
        router.on(.post, "/echo", bodyLimitBytes: 16 << 20) { request, writer in
            writer.append(request.body)
            return .written(status: 200, .bytes)
        }
        return try HTTPServer(settings, router: router)
    }

    /// Waits for a condition that others bring about.
    private func eventually(_ holds: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<4_000 {
            if try holds() { return true }
            usleep(5_000)
        }
        return false
    }

    private func refusals(_ server: HTTPServer, _ reason: String) -> Int {
        server.activity.refused.first { $0.reason == reason }?.count ?? -1
    }

    @Test("long work has places of its own, and takes none of those of others")
    func longWork() throws {
        let gate = Gate()
        let server = try server(gate: gate) {
            $0.longWorkLimit = 1
            $0.waitingLimit = 1
        }
        let first = try TestClient(port: server.port)
        try first.send(Array("POST /long HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".utf8))
        gate.waitUntilEntered()
        #expect(server.activity.longWork == 1)
        let second = try TestClient(port: server.port)
        let refused = try second.post("/long", "")
        #expect(refused.status == 503)
        #expect(refused.headers["retry-after"] == "5")
        #expect(try JSONValue(parsing: refused.body)["code"]?.string == "limit-exceeded")
        #expect(try second.request("GET", "/quick").status == 200)
        #expect(try second.post("/quick", "").status == 201)
        #expect(refusals(server, "long_work") == 1)
        gate.open()
        #expect(try first.receive().status == 202)
        #expect(eventually { server.activity.longWork == 0 })
    }

    @Test("online reads that wait for a store take no place of work, and are not held up where all of those are taken")
    func remoteReads() throws {
        let gate = Gate()
        let server = try server(gate: gate) { $0.waitingLimit = 1 }
        let first = try TestClient(port: server.port)
        try first.send(Array("POST /blocked HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".utf8))
        gate.waitUntilEntered()
        let second = try TestClient(port: server.port)
        #expect(try second.post("/quick", "").status == 503)
        for _ in 0..<10 { #expect(try second.request("GET", "/remote").status == 203) }
        #expect(refusals(server, "work") == 1)
        gate.open()
        #expect(try first.receive().status == 201)
    }

    @Test("a long upload for which there is no place is refused before it is sent, and gives back what it took")
    func uploads() throws {
        let gate = Gate()
        let server = try server(gate: gate) {
            $0.longWorkLimit = 1
            $0.bodyLimitBytes = 1_000
        }
        let head = "POST /long HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"
        let first = try TestClient(port: server.port)
        try first.send(Array(head.utf8))
        #expect(eventually { server.activity.longWork == 1 })
        let second = try TestClient(port: server.port)
        try second.send(Array(head.utf8))
        #expect(try second.receive().status == 503)
        // The first goes on, and its place with it.
        try first.send([UInt8](repeating: 1, count: 5_000_000))
        gate.waitUntilEntered()
        #expect(server.activity.longWork == 1)
        gate.open()
        #expect(try first.receive().status == 202)
        #expect(eventually { server.activity.longWork == 0 })
        // One that goes away in the middle gives its place back, too.
        do {
            let third = try TestClient(port: server.port)
            try third.send(Array(head.utf8))
            #expect(eventually { server.activity.longWork == 1 })
        }
        #expect(eventually { server.activity.longWork == 0 })
        #expect(eventually { server.activity.bodyBytes == 0 })
    }

    @Test("bodies share a bounded memory")
    func bodyMemory() throws {
        let server = try server { $0.bodyMemoryBytes = 4 << 20 }
        let part = [UInt8](repeating: 1, count: 3 << 20)
        func head(_ count: Int) -> [UInt8] {
            Array("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(count)\r\n\r\n".utf8)
        }
        let first = try TestClient(port: server.port)
        try first.send(head(part.count + 1) + part)
        #expect(eventually { server.activity.bodyBytes == 3 << 20 })
        let second = try TestClient(port: server.port)
        try second.send(head(part.count) + part)
        let refused = try second.receive()
        #expect(refused.status == 503)
        #expect(refused.headers["retry-after"] == "1")
        #expect(refusals(server, "body_memory") == 1)
        try first.send([2])
        #expect(try first.receive().body == part + [2])
        #expect(eventually { server.activity.bodyBytes == 0 })
        try second.send(head(part.count) + part)
        #expect(try second.receive().status == 200)
    }

    @Test("beyond the connection limit requests are refused at once, probes are not, and idle ones give their places")
    func connections() throws {
        let server = try server { $0.connectionLimit = 4 }
        let held = try (0..<4).map { _ in try TestClient(port: server.port) }
        for client in held { #expect(try client.request("GET", "/quick").status == 200) }
        let surplus = try TestClient(port: server.port)
        let refused = try surplus.request("GET", "/quick")
        #expect(refused.status == 503)
        #expect(refused.headers["retry-after"] == "1")
        #expect(refused.headers["connection"]?.lowercased() == "close")
        #expect(surplus.isClosed())
        #expect(refusals(server, "connections") == 1)
        #expect(try TestClient(port: server.port).request("GET", "/probe").status == 200)
        // In a moment the held ones are idle enough.
        let isServed = try eventually { try TestClient(port: server.port).request("GET", "/quick").status == 200 }
        #expect(isServed)
        #expect(server.activity.evictedConnections > 0)
    }

    @Test("a client that sends its head or its body byte by byte is disconnected", arguments: [true, false])
    func slowClients(isHead: Bool) throws {
        let server = try server {
            $0.idleTimeoutSeconds = 1
            $0.requestSeconds = 1
        }
        let client = try TestClient(port: server.port)
        let head = "POST /echo HTTP/1.1\r\nHost: x\r\n"
        try client.send(Array((head + (isHead ? "X-Slow: " : "Content-Length: 100000\r\n\r\n")).utf8))
        let isEnded = eventually {
            usleep(50_000)
            return (try? client.send([UInt8(ascii: "a")])) == nil
        }
        #expect(isEnded)
        #expect(server.activity.slowConnections == 1)
        #expect(eventually { server.activity.connections == 0 })
    }

    @Test(
        "a client that does not take its answer is disconnected; one that may take its time is not",
        arguments: [true, false])
    func slowReaders(isTooSlow: Bool) throws {
        let server = try server {
            $0.requestSeconds = 1
            $0.slowestBytesPerSecond = isTooSlow ? 1 << 30 : 1 << 10
        }
        let client = try TestClient(port: server.port)
        // More than the buffers of both sockets hold.
        let body = [UInt8](repeating: 1, count: 15 << 20)
        try client.send(Array("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
        if isTooSlow {
            #expect(eventually { server.activity.slowConnections == 1 })
            #expect(throws: ClientError.self) { _ = try client.receive() }
        } else {
            #expect(eventually { server.activity.busyConnections == 1 })
            #expect(try client.receive().body == body)
            #expect(server.activity.slowConnections == 0)
        }
    }

    @Test("a request with a length and an encoding of its own is refused")
    func smuggling() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let text = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        try client.send(Array((text + "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").utf8))
        #expect(try client.receive().status == 400)
        #expect(client.isClosed())
    }

    @Test("a server that is told to stop serves on for a moment, and sends its clients elsewhere")
    func drainDelay() throws {
        let server = try server { $0.drainDelaySeconds = 2 }
        let client = try TestClient(port: server.port)
        #expect(try client.request("GET", "/quick").headers["connection"]?.lowercased() != "close")
        let stopped = Thread { server.stop() }
        #expect(eventually { server.isDraining })
        let new = try TestClient(port: server.port)
        let answer = try new.request("GET", "/quick")
        #expect(answer.status == 200)
        #expect(answer.headers["connection"]?.lowercased() == "close")
        #expect(try TestClient(port: server.port).post("/long", "").status == 503)
        stopped.join()
        #expect(throws: ClientError.self) { _ = try TestClient(port: server.port) }
    }
}
