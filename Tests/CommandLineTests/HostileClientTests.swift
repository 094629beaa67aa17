import FoundationEssentials
import Glibc
import HTTPTestSupport
import MartletCore
import MartletTestSupport
import Testing

/// Clients that hold connections, against a served process of its own, whose descriptors and memory are counted.
@Suite("A served process under hostile clients", .serialized)
struct HostileClientTests {
    /// A thousand, or as many as this process may have open.
    private var clientCount: Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return min(1_000, max(50, Int(limit.rlim_cur) - 300))
    }

    private final class Served {
        let tool: Tool
        let process: RunningProcess
        let port: UInt16
        let id: Int

        init() throws {
            tool = Tool()
            tool.folder.write("workspace: test\n", to: "martlet.yaml")
            process = try RunningProcess([Tool.executable, "serve", "--port", "0"], directory: tool.folder.path)
            try process.waitForOutput("http://127.0.0.1:")
            let text = process.output.split(separator: ":").last.map { String($0.prefix { $0.isNumber }) } ?? ""
            port = try #require(UInt16(text))
            id = process.identifier
        }

        deinit { process.signal(SIGTERM) }

        var descriptors: Int {
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/fd").count) ?? -1
        }

        /// In KiB.
        var residentMemory: Int {
            let text = String(decoding: fileBytes("/proc/\(id)/status"), as: UTF8.self)
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return line.flatMap { Int($0.filter(\.isNumber)) } ?? -1
        }

        func isHealthy() throws -> Bool { try TestClient(port: port).request("GET", "/v1/health").status == 200 }

        /// Waits until no more descriptors are open than `count`.
        func settles(at count: Int) -> Bool {
            for _ in 0..<4_000 {
                if descriptors <= count { return true }
                usleep(5_000)
            }
            return false
        }
    }

    /// Connections that never come to an end of their request: some say nothing, some half a head, some half a body,
    /// some half of what a gzip body holds.
    private func slowClients(_ served: Served, _ count: Int) throws -> [TestClient] {
        let parts = [
            "", "GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            "POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{\"features\":",
            "POST /get-online-features HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"fea",
        ]
        return try (0..<count).map { index in
            let client = try TestClient(port: served.port)
            try client.send(Array(parts[index % parts.count].utf8))
            return client
        }
    }

    private func garbage(_ served: Served, _ random: inout SeededRandom) throws {
        for round in 0..<200 {
            let client = try TestClient(port: served.port)
            let valid = "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
            let bytes = (0..<Int.random(in: 1...3_000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // Pipelined behind requests that are good, and cut off at once.
            try? client.send(Array(String(repeating: valid, count: round % 4).utf8) + bytes + [13, 10, 13, 10])
            if round.isMultiple(of: 3) { _ = try? client.receive() }
        }
    }

    private func oversized(_ served: Served) throws {
        for _ in 0..<20 {
            let client = try TestClient(port: served.port)
            try? client.send(
                Array("POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n".utf8))
            #expect(try client.receive().status == 413)
            let other = try TestClient(port: served.port)
            let long = String(repeating: "a", count: 30_000)
            try? other.send(Array("GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Long: \(long)\r\n\r\n".utf8))
            _ = try? other.receive()
        }
    }

    @Test("a thousand slow clients, garbage and oversized requests leave a server with what it had before")
    func storm() throws {
        let served = try Served()
        var random = SeededRandom(seed: 20_261_128)
        let count = clientCount
        var memory: [Int] = []
        #expect(try served.isHealthy())
        #expect(served.settles(at: served.descriptors))
        let before = served.descriptors
        for round in 0..<4 {
            do {
                let held = try slowClients(served, count)
                #expect(try served.isHealthy(), "round \(round), beside \(held.count) slow clients")
                try garbage(served, &random)
                try oversized(served)
                #expect(try served.isHealthy(), "round \(round), seed 20261128")
            }
            #expect(served.settles(at: before), "round \(round): \(served.descriptors) descriptors, \(before) before")
            memory.append(served.residentMemory)
        }
        // The first round makes what is kept: threads, buffers, the allocator's arenas.
        #expect(memory[3] - memory[1] < 8 << 10, "KiB after each round of \(count) clients: \(memory)")
        print("hostile clients: \(count) slow ones a round; descriptors \(before) before, \(served.descriptors) after;")
        print("  resident KiB after each round: \(memory)")
        served.process.signal(SIGTERM)
        #expect(served.process.wait().status == 0)
    }
}
