import Dispatch
import FoundationEssentials
import Glibc
import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletOnline
import MartletServer
import Synchronization
import Testing

/// Loads that are more than the server takes, over real connections.
@Suite("A server under more load than it takes", .serialized)
struct OverloadTests {
    /// What became of requests to one path, sent one after another.
    struct Outcomes: Sendable {
        var counts: [Int: Int] = [:]
        var withoutRetryAfter = 0
        var slowestRefusalSeconds = 0.0
    }

    /// Sends a request over and over on connections of its own until `isOver`.
    private func hammer(
        _ port: UInt16, connections: Int, _ path: String, until isOver: @escaping @Sendable () -> Bool
    ) -> Outcomes {
        let all = Mutex(Outcomes())
        let threads = DispatchGroup()
        let clock = SystemTimeSource()
        for _ in 0..<connections {
            startThread(group: threads) {
                var own = Outcomes()
                var client: TestClient?
                while !isOver() {
                    if client == nil { client = try? TestClient(port: port) }
                    let start = clock.monotonicNanoseconds()
                    guard let answer = try? client?.post(path, "") else {
                        own.counts[0, default: 0] += 1
                        client = nil
                        continue
                    }
                    own.counts[answer.status, default: 0] += 1
                    if answer.headers["connection"]?.lowercased() == "close" { client = nil }
                    guard answer.status == 503 else { continue }
                    if answer.headers["retry-after"] == nil { own.withoutRetryAfter += 1 }
                    let seconds = Double(clock.monotonicNanoseconds() - start) / 1e9
                    own.slowestRefusalSeconds = max(own.slowestRefusalSeconds, seconds)
                    usleep(2_000)
                }
                all.withLock { all in
                    all.counts.merge(own.counts, uniquingKeysWith: +)
                    all.withoutRetryAfter += own.withoutRetryAfter
                    all.slowestRefusalSeconds = max(all.slowestRefusalSeconds, own.slowestRefusalSeconds)
                }
            }
        }
        threads.wait()
        return all.withLock { $0 }
    }

    private var request: [UInt8] {
        let body = #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#
        return Array(
            "POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }

    @Test("long work that fills all its places and all processors holds up no online read, and is refused at once")
    func longWork() throws {
        let server = try LongWorkServer()
        defer { server.server.stop() }
        let port = server.server.port
        let isOver = Mutex(false)
        let outcomes = Mutex<Outcomes?>(nil)
        let threads = DispatchGroup()
        startThread(group: threads) {
            let found = hammer(port, connections: 12, "/long") { isOver.withLock { $0 } }
            outcomes.withLock { $0 = found }
        }
        let report = try HTTPLoad(
            port: port, requests: [request], connections: 8, seconds: 3, requestsPerSecond: 400
        ).run()
        isOver.withLock { $0 = true }
        threads.wait()
        let found = try #require(outcomes.withLock { $0 })
        #expect(report.failures == 0)
        #expect(report.latencies.count > 1_000)
        // Without the places of its own and the threads that give way, reads would stand behind 200 ms of work.
        let p99 = Double(report.latencies.nanoseconds(atShare: 0.99)) / 1e6
        #expect(p99 < 200, "99 of 100 reads within \(p99) ms")
        #expect(found.counts[202] ?? 0 > 0)
        #expect(found.counts[503] ?? 0 > 0)
        #expect(Set(found.counts.keys) == [202, 503])
        #expect(found.withoutRetryAfter == 0)
        #expect(found.slowestRefusalSeconds < 1)
    }

    @Test("more connections than there may be: some are served, the others refused at once, none waits without end")
    func connections() throws {
        let test = try TestServer { $0.http.connectionLimit = 16 }
        let end = SystemTimeSource().monotonicNanoseconds() + 3_000_000_000
        let found = hammer(test.server.port, connections: 48, "/get-online-features") {
            SystemTimeSource().monotonicNanoseconds() > end
        }
        // An empty body is a fault of the client: that is an answer.
        #expect(found.counts[422] ?? 0 > 0)
        #expect(found.counts[503] ?? 0 > 0)
        #expect(found.withoutRetryAfter == 0)
        #expect(found.slowestRefusalSeconds < 1)
        let health = try TestClient(port: test.server.port).request("GET", "/health")
        #expect(health.status == 200)
    }

    @Test("definitions applied twenty times under load cost no request")
    func liveReload() throws {
        let server = try WorkspaceServer()
        try server.apply()
        let body = #"{"feature_service":"dispatch","entities":{"driver_id":[1,2]}}"#
        let request = Array(
            "POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
        let port = server.server.port
        let report = Mutex<HTTPLoad.Report?>(nil)
        let threads = DispatchGroup()
        startThread(group: threads) {
            let found = try? HTTPLoad(port: port, requests: [request], connections: 4, seconds: 4).run()
            report.withLock { $0 = found }
        }
        for round in 0..<20 {
            // Every other time the view is another one, with a version of its own.
            let aggregates = round.isMultiple(of: 2) ? "trips: count, best: max(rating)" : "trips: count"
            try server.apply(
                tripDefinitions.replacing("trips: count, rating_sum: sum(rating)", with: aggregates))
        }
        threads.wait()
        let found = try #require(report.withLock { $0 })
        #expect(found.failures == 0)
        #expect(found.latencies.count > 100)
        #expect(try server.get("/v1/health")["services"]?.integer == 1)
    }
}

/// A server over an empty store whose `/long` keeps a processor busy for a fifth of a second, two at once.
private final class LongWorkServer {
    let server: FeatureServer
    private let test: TestServer

    init() throws {
        test = try TestServer()
        var http = HTTPServerSettings(port: 0)
        http.longWorkLimit = 2
        server = try FeatureServer(
            FeatureServerSettings(http: http, workspace: TestServer.workspace), catalog: TestServer.catalog,
            store: test.store,
            routes: { router in
                router.on(.post, "/long", priority: .longWork) { _, _ in
                    .later {
                        let clock = SystemTimeSource()
                        let end = clock.monotonicNanoseconds() + 200_000_000
                        while clock.monotonicNanoseconds() < end {}
                        return Response(status: 202)
                    }
                }
            })
    }
}
