import HTTPTestSupport
import MartletCore
import MartletHTTP
import Testing

@Suite("Content codings")
struct ContentCodingTests {
    private func server(bodyLimitBytes: Int = 1 << 20) throws -> HTTPServer {
        var router = Router()
        router.on(.post, "/text") { request, writer in
            writer.append(request.body)
            return .written(status: 200, .plainText)
        }
        router.on(.post, "/bytes") { request, writer in
            writer.append(request.body)
            return .written(status: 200, .bytes)
        }
        return try HTTPServer(HTTPServerSettings(port: 0, bodyLimitBytes: bodyLimitBytes), router: router)
    }

    private let long = Array(String(repeating: "a martlet never lands; ", count: 1_000).utf8)

    @Test(
        "codes long texts as the client prefers",
        arguments: [
            ("gzip", "gzip"), ("br", "br"), ("gzip, deflate, br", "br"), ("gzip;q=1.0, br;q=0.5", "gzip"),
            ("*", "br"), ("br;q=0, *;q=0.3", "gzip"), ("GZIP", "gzip"),
        ])
    func negotiates(accepted: String, coding: String) throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let answer = try client.request("POST", "/text", headers: [("Accept-Encoding", accepted)], body: long)
        #expect(answer.status == 200)
        #expect(answer.headers["content-encoding"] == coding)
        #expect(answer.headers["vary"] == "Accept-Encoding")
        #expect(answer.body.count < long.count / 10)
    }

    @Test(
        "leaves an answer as it is where the client takes no coding",
        arguments: ["", "identity", "deflate", "gzip;q=0", "br;q=0, gzip;q=0", "br;q=x", ";;;,,,"])
    func refusals(accepted: String) throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let answer = try client.request("POST", "/text", headers: [("Accept-Encoding", accepted)], body: long)
        #expect(answer.headers["content-encoding"] == nil)
        #expect(answer.body == long)
    }

    @Test("never codes short texts, nor what is no text")
    func shortAnswers() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let headers = [("Accept-Encoding", "gzip, br")]
        let short = try client.request("POST", "/text", headers: headers, body: Array(long.prefix(4_095)))
        #expect(short.headers["content-encoding"] == nil)
        #expect(short.headers["vary"] == nil)
        let atBound = try client.request("POST", "/text", headers: headers, body: Array(long.prefix(4_096)))
        #expect(atBound.headers["content-encoding"] == "br")
        let bytes = try client.request("POST", "/bytes", headers: headers, body: long)
        #expect(bytes.headers["content-encoding"] == nil)
    }

    @Test("reads bodies that are sent as gzip")
    func gzipBodies() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let coded = try client.request("POST", "/text", headers: [("Accept-Encoding", "gzip")], body: long)
        let answer = try client.request(
            "POST", "/bytes", headers: [("Content-Encoding", "gzip")], body: coded.body)
        #expect(answer.status == 200)
        #expect(answer.body == long)
    }

    @Test("refuses bodies that are no gzip, cut off, followed by more, or of another coding")
    func damagedBodies() throws {
        let server = try server()
        let client = try TestClient(port: server.port)
        let coded = try client.request("POST", "/text", headers: [("Accept-Encoding", "gzip")], body: long).body
        var damaged = coded
        damaged[damaged.count / 2] ^= 0x55
        for body in [Array("no gzip".utf8), Array(coded.dropLast(9)), coded + [0], damaged, []] {
            let answer = try client.request("POST", "/bytes", headers: [("Content-Encoding", "gzip")], body: body)
            #expect(answer.status == 400)
        }
        let other = try client.request("POST", "/bytes", headers: [("Content-Encoding", "br")], body: coded)
        #expect(other.status == 415)
        // The connection goes on.
        #expect(try client.request("POST", "/bytes", body: [1, 2]).body == [1, 2])
    }

    @Test("refuses a body that grows beyond the limit or a hundredfold")
    func bombs() throws {
        let maker = try server(bodyLimitBytes: 32 << 20)
        let zeros = [UInt8](repeating: 32, count: 16 << 20)
        let client = try TestClient(port: maker.port)
        let bomb = try client.request("POST", "/text", headers: [("Accept-Encoding", "gzip")], body: zeros).body
        #expect(bomb.count < 1 << 17)
        // Within the limit, but of a ratio that no honest body has.
        let answer = try client.request("POST", "/bytes", headers: [("Content-Encoding", "gzip")], body: bomb)
        #expect(answer.status == 413)
        let small = try server()
        let other = try TestClient(port: small.port)
        let refused = try other.request("POST", "/bytes", headers: [("Content-Encoding", "gzip")], body: bomb)
        #expect(refused.status == 413)
    }
}
