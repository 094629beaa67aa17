import MartletCore
import MartletOnline
import ServerTestSupport
import Testing

@Suite("A DynamoDB that fails", .serialized)
struct DynamoFaultTests {
    private let now = Timestamp(microseconds: 1_000_000)

    private func settings(_ endpoint: String, timeoutMilliseconds: Int) -> DynamoSettings {
        var settings = DynamoSettings(
            region: "eu-central-1", table: "martlet", endpoint: endpoint, accessKey: "a", secretKey: "b")
        settings.readTimeoutMilliseconds = timeoutMilliseconds
        settings.writeTimeoutMilliseconds = timeoutMilliseconds
        return settings
    }

    private func read(_ view: OnlineView, _ store: any OnlineStore) throws -> FeatureStatus {
        try store.read(view, keys: [Column(.int64([1]))], at: now).statuses[0][0]
    }

    @Test("by not being there, or by garbage, is unavailable within the deadline")
    func absent() throws {
        let view = simpleView()
        let garbage = try GarbageServer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n<a>")
        let broken = try GarbageServer("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        for port in [freePort(), garbage.port, broken.port] {
            let store = DynamoOnlineStore(settings("http://127.0.0.1:\(port)", timeoutMilliseconds: 300))
            let start = SystemTimeSource().monotonicNanoseconds()
            #expect(code { _ = try read(view, store) } == .storeUnavailable)
            #expect(SystemTimeSource().monotonicNanoseconds() - start < 3_000_000_000)
            #expect(store.statistics.retries > 0)
        }
    }

    @Test("to have the table says how to make it; slow, is unavailable by the deadline, and then serves again")
    func slowServer() throws {
        let server = try MotoServer()
        let view = simpleView()
        // A busy machine takes its time: only what is measured has a short deadline.
        let patient = DynamoOnlineStore(settings(server.endpoint, timeoutMilliseconds: 60_000))
        let store = DynamoOnlineStore(settings(server.endpoint, timeoutMilliseconds: 2_000))
        #expect(code { _ = try read(view, patient) } == .notFound)
        try patient.createTable()
        try patient.createTable()
        #expect(waitUntil { (try? read(view, store)) == .notFound })
        #expect(try load(values([Row(id: 1, x: 10, event: 5)]), into: view, patient).written == 1)
        server.pause()
        let start = SystemTimeSource().monotonicNanoseconds()
        #expect(code { _ = try read(view, store) } == .storeUnavailable)
        #expect(SystemTimeSource().monotonicNanoseconds() - start < 6_000_000_000)
        server.goOn()
        #expect(waitUntil { (try? read(view, store)) == .present })
        // An item over DynamoDB's limit is refused before it is sent, and says so.
        let text = OnlineView(
            identity: identity("text", tenant: freshTenant()), keys: view.keys, features: [Field("t", .string)])
        let long = LatestValues(
            keys: [Column(.int64([1]))],
            features: [Column(.string(ByteStrings([String(repeating: "x", count: 410_000)])))], eventTimes: [1])
        #expect(code { _ = try load(long, into: text, patient) } == .limitExceeded)
    }

    @Test(
        "is named by a URL without secrets",
        arguments: [
            ("//eu-central-1/martlet?endpoint=http://127.0.0.1:1&consistent=false", nil),
            ("//key:secret@eu-central-1/martlet", .invalidSettings), ("//eu-central-1", .invalidSettings),
            ("//eu-central-1/martlet?speed=high", .invalidSettings), ("martlet", .invalidSettings),
            ("//eu-central-1/martlet?connections=0", .invalidSettings),
        ] as [(String, MartletError.Code?)])
    func locations(location: String, expected: MartletError.Code?) {
        #expect(code { _ = try DynamoSettings(location: location) { _ in "x" } } == expected)
        #expect(code { _ = try DynamoSettings(location: location) { _ in nil } } == .invalidSettings)
    }

    @Test(
        "Redis URLs name a server, or the nodes of a cluster",
        arguments: [
            ("//localhost:6379/0", false, nil), ("//[::1]:6379", false, nil), ("//a:1,b:2", true, nil),
            ("//a:1,b:2", false, .invalidSettings), ("//a:1/3", true, .invalidSettings),
            ("//:secret@a:1", false, .invalidSettings), ("//a:x", false, .invalidSettings),
            ("//", false, .invalidSettings),
        ] as [(String, Bool, MartletError.Code?)])
    func redisLocations(location: String, isCluster: Bool, expected: MartletError.Code?) {
        #expect(code { _ = try RedisSettings(location: location, isCluster: isCluster) { _ in nil } } == expected)
    }
}
