import MartletCore
import MartletHTTP
import Synchronization
import Testing

@Suite("Loading a server")
struct HTTPLoadTests {
    @Test("quantiles of a histogram are within its buckets' width of the true ones", arguments: [UInt64(3), 4])
    func quantiles(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var values: [UInt64] = []
        var histogram = LatencyHistogram()
        for _ in 0..<10_000 {
            // Of every size, from nanoseconds to minutes.
            let value = random.next() >> UInt64(28 + random.next() % 36)
            values.append(value)
            histogram.record(nanoseconds: value)
        }
        values.sort()
        #expect(histogram.count == 10_000)
        #expect(histogram.maximumNanoseconds == values[9_999])
        for share in [0.0001, 0.1, 0.5, 0.9, 0.99, 0.999, 1] {
            let exact = values[Int((10_000 * share).rounded(.up)) - 1]
            let found = histogram.nanoseconds(atShare: share)
            #expect(found >= exact, "seed \(seed), share \(share)")
            #expect(Double(found) <= Double(exact) * (1 + 1.0 / 64) + 1, "seed \(seed), share \(share)")
        }
        #expect(LatencyHistogram().nanoseconds(atShare: 0.5) == 0)
    }

    private func request(_ path: String) -> [UInt8] {
        Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
    }

    @Test("counts every answer, and those that are no 200 as failures")
    func counts() throws {
        let answered = Counter()
        var router = Router()
        router.on(.get, "/good") { _, writer in
            answered.count.add(1, ordering: .relaxed)
            writer.append(contentsOf: [UInt8](repeating: 65, count: 200_000))
            return .written(status: 200, .bytes)
        }
        router.on(.get, "/bad") { _, _ in throw MartletError(.storeUnavailable, "away") }
        let server = try HTTPServer(HTTPServerSettings(port: 0), router: router)
        defer { server.stop() }
        var load = HTTPLoad(
            port: server.port, requests: [request("/good"), request("/bad")], connections: 3, seconds: 1)
        let report = try load.run()
        #expect(report.latencies.count > 10)
        #expect(Int(report.latencies.count) - report.failures == answered.count.load(ordering: .relaxed))
        #expect(report.failures > 0)
        load.requestsPerSecond = 50
        // The intended moments of a second are fifty, however the machine is loaded.
        #expect(try load.run().latencies.count == 50)
    }

    @Test("a request that waits behind a slow one counts from its intended moment")
    func coordinatedOmission() throws {
        let first = Counter()
        var router = Router()
        router.on(.get, "/") { _, _ in
            .later {
                // The first answer alone takes half a second.
                if first.count.add(1, ordering: .relaxed).oldValue == 0 {
                    try? await Task.sleep(nanoseconds: 500_000_000)
                }
                return Response(body: [65])
            }
        }
        let server = try HTTPServer(HTTPServerSettings(port: 0), router: router)
        defer { server.stop() }
        let report = try HTTPLoad(
            port: server.port, requests: [request("/")], connections: 1, seconds: 1, requestsPerSecond: 100
        ).run()
        #expect(report.latencies.count == 100)
        // Of the fifty that were meant to leave meanwhile, half waited a quarter of a second or more.
        #expect(report.latencies.nanoseconds(atShare: 0.8) > 200_000_000)
    }

    @Test("says where nothing listens")
    func nobody() throws {
        let server = try HTTPServer(HTTPServerSettings(port: 0), router: Router())
        let port = server.port
        server.stop()
        #expect(throws: MartletError.self) {
            try HTTPLoad(port: port, requests: [[0]], connections: 1, seconds: 1).run()
        }
    }

    private final class Counter: Sendable { let count = Atomic(0) }
}
