import Dispatch
import Glibc
import MartletCore
import MartletOnline
import ServerTestSupport
import Synchronization
import Testing

@Suite("A Redis that fails", .serialized)
struct RedisFaultTests {
    private let now = Timestamp(microseconds: 1_000_000)

    private func read(_ view: OnlineView, _ store: any OnlineStore, _ ids: [Int64] = [1]) throws -> [FeatureStatus] {
        try store.read(view, keys: [Column(.int64(ids))], at: now).statuses[0]
    }

    private func fastSettings(_ port: Int, timeoutMilliseconds: Int = 300) -> RedisSettings {
        var settings = RedisSettings(endpoints: [.init(host: "127.0.0.1", port: port)])
        settings.readTimeoutMilliseconds = timeoutMilliseconds
        settings.connectTimeoutMilliseconds = timeoutMilliseconds
        settings.writeTimeoutMilliseconds = timeoutMilliseconds
        return settings
    }

    private func milliseconds(_ body: () throws -> Void) rethrows -> Int {
        let start = SystemTimeSource().monotonicNanoseconds()
        try body()
        return Int((SystemTimeSource().monotonicNanoseconds() - start) / 1_000_000)
    }

    @Test("by being killed is unavailable at once, and serves again what it kept when it is back")
    func restart() throws {
        let server = try RedisServer(["--appendonly", "yes", "--appendfsync", "always"])
        let store = RedisOnlineStore(redisSettings([server]))
        let view = simpleView()
        try load(values([Row(id: 1, x: 10, event: 5)]), into: view, store)
        server.stop()
        let took = milliseconds { #expect(code { _ = try read(view, store) } == .storeUnavailable) }
        #expect(took < 5_000)
        try server.restart()
        // The circuit may be open for a moment.
        #expect(waitUntil { (try? read(view, store)) == [.present] })
        // The script went with the process: it is sent again.
        #expect(try load(values([Row(id: 1, x: 11, event: 6)]), into: view, store).written == 1)
        #expect(store.statistics.busyConnections == 0)
    }

    @Test("by being killed under readers and a load loses nothing acknowledged, and hangs nobody")
    func killedDuringLoad() throws {
        let server = try RedisServer(["--appendonly", "yes", "--appendfsync", "always"])
        var settings = redisSettings([server])
        settings.writeTimeoutMilliseconds = 2_000
        let store = RedisOnlineStore(settings)
        let view = simpleView()
        let acknowledged = Atomic<Int>(0)
        let isDone = Atomic<Bool>(false)
        let group = DispatchGroup()
        startThread(group: group) {
            for id in Int64(0)..<100_000 {
                if isDone.load(ordering: .relaxed) { return }
                guard (try? load(values([Row(id: id, x: id, event: 5)]), into: view, store)) != nil else { return }
                acknowledged.store(Int(id) + 1, ordering: .relaxed)
            }
        }
        #expect(waitUntil { acknowledged.load(ordering: .relaxed) > 50 })
        server.stop()
        isDone.store(true, ordering: .relaxed)
        group.wait()
        try server.restart()
        #expect(waitUntil { (try? read(view, store)) == [.present] })
        let ids = (0..<Int64(acknowledged.load(ordering: .relaxed))).map { $0 }
        #expect(try read(view, store, ids) == ids.map { _ in .present })
    }

    @Test("to answer in time is unavailable by the deadline, and the late answer is nobody's")
    func slowServer() throws {
        let server = try RedisServer()
        let view = simpleView()
        let patient = RedisOnlineStore(redisSettings([server]))
        try load(values([Row(id: 1, x: 10, event: 5)]), into: view, patient)
        let store = RedisOnlineStore(fastSettings(server.port))
        #expect(waitUntil { (try? read(view, store)) == [.present] })
        server.pause()
        let took = milliseconds { #expect(code { _ = try read(view, store) } == .storeUnavailable) }
        #expect((250..<2_000).contains(took), "\(took) ms")
        server.goOn()
        #expect(waitUntil { (try? read(view, store)) == [.present] })
        #expect(try read(view, patient, [2, 1]) == [.notFound, .present])
    }

    @Test("repeatedly is left alone for a moment, so that callers fail at once")
    func circuit() throws {
        let port = freePort()
        let store = RedisOnlineStore(fastSettings(port))
        let view = simpleView()
        for _ in 0..<10 { #expect(code { _ = try read(view, store) } == .storeUnavailable) }
        #expect(store.statistics.isCircuitOpen && store.statistics.circuitOpenings >= 1)
        // Fewer connections were tried than calls made.
        #expect(store.statistics.connectionsFailed < 10)
    }

    @Test(
        "by answering with garbage is unavailable",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n\r\n", "\u{0}\u{1}\u{2}garbage", "*99999999999\r\n", "$-5\r\n", ":x\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "-ERR no\r\n", "+OK\r\n", "",
        ])
    func garbage(answer: String) throws {
        let listener = try GarbageServer(answer)
        let store = RedisOnlineStore(fastSettings(listener.port))
        let view = simpleView()
        let found = code { _ = try read(view, store) }
        #expect(
            found == .storeUnavailable || found == .corruptData,
            "\(answer.debugDescription): \(String(describing: found))")
    }

    @Test("to have a free connection in time is told apart")
    func exhaustion() throws {
        let server = try RedisServer()
        var settings = fastSettings(server.port)
        settings.connections = 2
        let view = simpleView()
        let patient = RedisOnlineStore(redisSettings([server]))
        try load(values([Row(id: 1, x: 10, event: 5)]), into: view, patient)
        let store = RedisOnlineStore(settings)
        #expect(waitUntil { (try? read(view, store)) == [.present] })
        server.pause()
        let group = DispatchGroup()
        let codes = Mutex<[MartletError.Code?]>([])
        for _ in 0..<6 {
            startThread(group: group) {
                let found = code { _ = try read(view, store) }
                codes.withLock { $0.append(found) }
            }
        }
        group.wait()
        #expect(codes.withLock { $0 } == Array(repeating: .storeUnavailable, count: 6))
        #expect(store.statistics.exhaustions > 0)
        server.goOn()
        #expect(waitUntil { (try? read(view, store)) == [.present] })
        #expect(store.statistics.busyConnections == 0)
    }

    @Test("to know the password is refused with what to do, and with it serves")
    func password() throws {
        let server = try RedisServer()
        try server.command("CONFIG", "SET", "requirepass", "open sesame")
        let view = simpleView()
        #expect(code { _ = try read(view, RedisOnlineStore(redisSettings([server]))) } == .storeUnavailable)
        let settings = try RedisSettings(
            location: "//127.0.0.1:\(server.port)/3?read_timeout_ms=20000", isCluster: false
        ) { $0 == "MARTLET_REDIS_PASSWORD" ? "open sesame" : nil }
        let store = RedisOnlineStore(settings)
        try load(values([Row(id: 1, x: 10, event: 5)]), into: view, store)
        #expect(try read(view, store) == [.present])
    }
}

@Suite("A Redis cluster that changes", .serialized)
struct RedisClusterTests {
    private let now = Timestamp(microseconds: 1_000_000)

    @Test("is followed while slots move and when a master dies")
    func movesAndFailover() throws {
        let cluster = try RedisCluster()
        let store = RedisOnlineStore(redisSettings(cluster.masters, isCluster: true))
        let view = simpleView()
        let ids = (0..<Int64(2_000)).map { $0 }
        try load(values(ids.map { Row(id: $0, x: $0, event: 5) }), into: view, store)
        func check(_ what: String) throws {
            let answer = try store.read(view, keys: [Column(.int64(ids))], at: now)
            #expect(ids.allSatisfy { answer.columns[0][Int($0)] == .int64($0) }, "\(what)")
        }
        try check("at first")
        // A slot is half-way between two nodes: ASK; then it is there: MOVED.
        let (source, target) = (cluster.masters[0], cluster.masters[1])
        let slot = try #require(
            try (0..<5_000).first { try source.command("CLUSTER", "COUNTKEYSINSLOT", "\($0)") != "0\n" })
        let (sourceID, targetID) = (
            try source.command("CLUSTER", "MYID").trimmingNewline, try target.command("CLUSTER", "MYID").trimmingNewline
        )
        try target.command("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
        try source.command("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
        // Nothing has gone over yet, and new keys already belong to the other: both are served.
        try check("before anything moved")
        let result = try target.command("CLUSTER", "SETSLOT", "\(slot)", "STABLE")
        #expect(result == "OK\n")
        try source.command("CLUSTER", "SETSLOT", "\(slot)", "STABLE")
        try target.command("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
        try source.command("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
        try source.migrateSlot(slot, to: target)
        try check("while the slot moves")
        #expect(store.statistics.redirects > 0)
        for server in [target, source, cluster.masters[2]] {
            try server.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID)
        }
        let before = store.statistics.redirects
        try check("after the slot moved")
        #expect(store.statistics.redirects > before)
        // The first master dies: its replica takes over, and callers wait for that within their deadline.
        let isCaughtUp = waitUntil { (try? cluster.replica.command("DBSIZE")) == (try? source.command("DBSIZE")) }
        #expect(isCaughtUp)
        source.stop()
        try check("after a master died")
        #expect(try load(values(ids.map { Row(id: $0, x: $0, event: 6) }), into: view, store).written == ids.count)
        try check("after a load into the new master")
        #expect(store.statistics.busyConnections == 0)
    }
}

func waitUntil(seconds: Int = 30, _ holds: () -> Bool) -> Bool {
    for _ in 0..<seconds * 50 {
        if holds() { return true }
        usleep(20_000)
    }
    return false
}
