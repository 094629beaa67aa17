import FoundationEssentials
import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletServer
import MartletTestSupport
import Testing

/// What no client of good will sends. Each gets an answer of its own, and the server goes on.
@Suite("Hostile requests")
struct HostileRequestTests {
    /// Sends raw bytes and gives the status of the first answer; nil where the connection ends without one.
    private func status(_ server: TestServer, _ bytes: [UInt8]) throws -> Int? {
        let client = try TestClient(port: server.server.port)
        try? client.send(bytes)
        return (try? client.receive())?.status
    }

    private func isAlive(_ server: TestServer) throws -> Bool {
        let client = try TestClient(port: server.server.port)
        let answer = try client.post(
            "/get-online-features", #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#)
        return answer.status == 200 && answer.text.contains("0.08548")
    }

    private func post(_ body: [UInt8], _ headers: String = "") -> [UInt8] {
        let head =
            "POST /get-online-features HTTP/1.1\r\nHost: x\r\n\(headers)Content-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + body
    }

    private func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let folder = TemporaryFolder()
        folder.write(bytes, to: "plain")
        let result = try runProcess(["gzip", "\(folder.path)/plain"])
        guard result.status == 0 else { throw MartletError(.internalFault, result.errors) }
        return folder.bytes(of: "plain.gz")
    }

    private static let features = #""features":["driver_stats:conv_rate"]"#

    /// Shown by its name: what it holds may be a megabyte.
    struct HostileBody: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let status: Int
    }

    /// Shown by its beginning.
    struct HostileHead: Sendable, CustomTestStringConvertible {
        let text: String
        let status: Int
        var testDescription: String { String(text.filter { $0 != "\r\n" }.prefix(110)) }
    }

    static let hostileBodies: [HostileBody] = {
        func json(_ entities: String) -> [UInt8] { Array("{\(features),\"entities\":\(entities)}".utf8) }
        let deep = String(repeating: "[", count: 100_000)
        let deepObject = String(repeating: "{\"a\":", count: 50_000)
        let invalid: [UInt8] = [0xC3, 0x28, 0xFF, 0xED, 0xA0, 0x80]
        let bodies: [(String, [UInt8], Int)] = [
            ("empty", [], 422), ("a zero byte", [0], 422), ("not JSON", Array("GET / HTTP/1.1".utf8), 422),
            ("deep arrays", Array(deep.utf8), 422), ("deep objects", Array(deepObject.utf8), 422),
            ("deep arrays that end", Array((deep + deep.map { _ in "]" }.joined()).utf8), 422),
            (
                "bad UTF-8 in a key",
                Array("{\(features),\"entities\":{\"".utf8) + invalid + Array("\":[1]}}".utf8), 422
            ),
            (
                "bad UTF-8 in a value",
                Array("{\(features),\"entities\":{\"driver_id\":[\"".utf8) + invalid + Array("\"]}}".utf8), 422
            ),
            ("half a surrogate", json(#"{"driver_id":["\ud800"]}"#), 422),
            ("two byte order marks", [0xEF, 0xBB, 0xBF, 0xEF, 0xBB, 0xBF] + json(#"{"driver_id":[1]}"#), 422),
            ("text behind the end", json(#"{"driver_id":[1]}"#) + Array("{}".utf8), 422),
            ("a number beyond 64 bits", json(#"{"driver_id":[18446744073709551616]}"#), 422),
            ("a number beyond 63 bits", json(#"{"driver_id":[9223372036854775808]}"#), 422),
            ("the largest number", json(#"{"driver_id":[9223372036854775807]}"#), 200),
            ("the smallest number", json(#"{"driver_id":[-9223372036854775808]}"#), 200),
            ("a number below it", json(#"{"driver_id":[-9223372036854775809]}"#), 422),
            (
                "a number of ten thousand digits",
                json("{\"driver_id\":[1" + String(repeating: "0", count: 10_000) + "]}"), 422
            ),
            ("a power beyond doubles", json(#"{"driver_id":[1e400]}"#), 422),
            ("not a number", json(#"{"driver_id":[NaN]}"#), 422),
            ("minus zero", json(#"{"driver_id":[-0]}"#), 200),
            ("a leading zero", json(#"{"driver_id":[01]}"#), 422),
            ("lists of different length", json(#"{"driver_id":[1],"a":[1,2]}"#), 422),
            ("an object as a key", json(#"{"driver_id":[{"a":1}]}"#), 422),
            ("an empty list", json(#"{"driver_id":[]}"#), 422),
            ("no columns", json("{}"), 422),
            ("a hundred columns", json("{" + (0..<100).map { "\"c\($0)\":[1]" }.joined(separator: ",") + "}"), 422),
            (
                "more keys than may be",
                json("{\"driver_id\":[" + (0...10_000).map(String.init).joined(separator: ",") + "]}"), 422
            ),
            (
                "more features than may be",
                Array(
                    ("{\"features\":[" + (0...1_000).map { "\"v:\($0)\"" }.joined(separator: ",")
                        + "],\"entities\":{\"driver_id\":[1]}}").utf8), 422
            ),
            ("a key of a megabyte", json("{\"" + String(repeating: "k", count: 1 << 20) + "\":[1]}"), 422),
            (
                "a feature of a megabyte",
                Array(
                    ("{\"features\":[\"" + String(repeating: "v", count: 1 << 20)
                        + ":f\"],\"entities\":{\"driver_id\":[1]}}").utf8), 404
            ),
        ]
        return bodies.map { HostileBody(testDescription: $0.0, bytes: $0.1, status: $0.2) }
    }()

    static let hostileHeads: [HostileHead] = {
        let heads: [(String, Int)] = [
            ("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: \(String(repeating: "a", count: 20_000))\r\n\r\n", 431),
            ("GET /\(String(repeating: "a", count: 20_000)) HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            ("GET /health HTTP/1.1\r\n\r\n", 400),
            ("GET /health HTTP/9.9\r\nHost: x\r\n\r\n", 505),
            ("POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", 400),
            ("POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            ("POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551614\r\n\r\n", 413),
            ("POST /get-online-features HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            (
                "POST /get-online-features HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "fffffffffffffffff\r\n",
                413
            ),
            ("POST /get-online-features HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
            ("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n12345", 400),
            ("GET /health HTTP/1.1\r\nHost : x\r\n\r\n", 400),
            ("GET /health\r\n\r\n", 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            (
                "POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Encoding: zip\r\nContent-Length: 1\r\n\r\n1",
                415
            ),
            (
                "POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n1",
                400
            ),
            ("garbage and more\r\n\r\n", 400),
            ("GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("\r\n\r\n\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
            ("GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            ("GET /%00%ff%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ]
        return heads.map { HostileHead(text: $0.0, status: $0.1) }
    }()

    @Test("bodies", arguments: hostileBodies)
    func bodies(body: HostileBody) throws {
        let server = try TestServer()
        let found = try status(server, post(body.bytes))
        #expect(found == body.status)
        // In a buffer of its own, too, without the server's padding behind it.
        #expect(server.answer(body.bytes).status == body.status)
        #expect(try isAlive(server))
    }

    @Test(
        "of a repeated member the last counts, and columns that are repeated a thousand times cost no more than others")
    func duplicates() throws {
        let server = try TestServer()
        let repeated = (0..<1_000).map { "\"driver_id\":[\($0)]" }.joined(separator: ",")
        let body = "{\(Self.features),\(Self.features),\"entities\":{\(repeated),\"driver_id\":[1001]}}"
        let answer = server.answer(body)
        #expect(answer.status == 200)
        #expect(answer.text.contains("0.08548"))
    }

    @Test("heads", arguments: hostileHeads)
    func heads(head: HostileHead) throws {
        let server = try TestServer()
        let found = try status(server, Array(head.text.utf8))
        #expect(found == head.status)
        #expect(try isAlive(server))
    }

    @Test("a body shorter than it is said to be gets no answer, and a longer one is read as the next request")
    func wrongLengths() throws {
        let server = try TestServer()
        let body = Array(#"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#.utf8)
        do {
            let client = try TestClient(port: server.server.port)
            try client.send(
                Array("POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n".utf8) + body)
            client.endSending()
            #expect(throws: ClientError.self) { _ = try client.receive() }
        }
        let client = try TestClient(port: server.server.port)
        try client.send(post(body) + Array("garbage behind it\r\n\r\n".utf8))
        #expect(try client.receive().status == 200)
        #expect(try client.receive().status == 400)
        #expect(client.isClosed())
        #expect(try isAlive(server))
    }

    @Test("a gzip bomb is refused before it has grown, whether it says its length or not")
    func bombs() throws {
        let server = try TestServer()
        // Zeros: deflate makes about a thousandth of them.
        let bomb = try gzip([UInt8](repeating: 0, count: 64 << 20))
        #expect(bomb.count < 100_000)
        #expect(try status(server, post(bomb, "Content-Encoding: gzip\r\n")) == 413)
        let cut = Array(bomb.dropLast(9))
        #expect(try status(server, post(cut, "Content-Encoding: gzip\r\n")) == 413)
        #expect(
            try status(server, post(Array(try gzip(Array("[]".utf8)).dropLast(1)), "Content-Encoding: gzip\r\n")) == 400
        )
        #expect(try isAlive(server))
    }

    @Test("a refusal repeats nothing that was sent")
    func silence() throws {
        let server = try TestServer()
        let answer = server.answer(#"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":["a secret"]}}"#)
        #expect(answer.status == 422)
        #expect(!answer.text.contains("secret"))
    }
}
