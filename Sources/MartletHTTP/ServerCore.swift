internal import Dispatch
internal import Glibc
internal import MartletCore
internal import Synchronization

/// What the connections of one server share.
final class ServerCore: Sendable {
    let settings: HTTPServerSettings
    let router: Router
    let observer: (any RequestObserver)?
    let accessLog: AccessLog?
    let admission: Admission
    /// Apart from the threads of work, which may all be busy.
    let onlineExecutor = BlockingExecutor(.userInitiated)
    let executor = BlockingExecutor(.default)
    let longWorkExecutor = LongWorkExecutor()
    /// What handshakes use; nil where the server speaks no TLS.
    let identity: Mutex<TLSIdentity?>
    /// Of the files that were read last, good or not.
    let refusedFiles = Mutex<TLSFingerprint?>(nil)
    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])
    private let connectionCount = Atomic<Int>(0)
    private let slowCount = Atomic<Int>(0)
    private let evictedCount = Atomic<Int>(0)
    private let ticks = Atomic<UInt64>(1)
    private let draining = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)

    init(
        _ settings: HTTPServerSettings, _ router: Router, _ observer: (any RequestObserver)?, _ accessLog: AccessLog?
    ) throws {
        self.settings = settings
        self.router = router
        self.observer = observer
        self.accessLog = accessLog
        admission = Admission(settings)
        identity = Mutex(try settings.tls.map { try TLSIdentity(reading: $0) })
    }

    /// Seconds of the patrol, from 1.
    var tick: UInt64 { ticks.load(ordering: .relaxed) }

    /// From then on answers end their connections, and no long work is begun.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// From then on no work is begun.
    var isStopping: Bool { stopping.load(ordering: .relaxed) }

    /// Whether all places for connections are taken.
    var isFull: Bool { connectionCount.load(ordering: .relaxed) > settings.connectionLimit }

    /// - Returns: whether the connection is one too many.
    func add(_ connection: Connection) -> Bool {
        connections.withLock { connections in
            connections[ObjectIdentifier(connection)] = connection
            let count = connectionCount.add(1, ordering: .relaxed).newValue
            guard count > settings.connectionLimit else { return false }
            return !evictIdlest(of: connections)
        }
    }

    func remove(_ connection: Connection) {
        connections.withLock {
            if $0.removeValue(forKey: ObjectIdentifier(connection)) != nil {
                connectionCount.subtract(1, ordering: .relaxed)
            }
        }
    }

    /// Ends the connection that has been between requests for longest, and for more than a moment.
    /// - Returns: whether there was one.
    private func evictIdlest(of connections: [ObjectIdentifier: Connection]) -> Bool {
        var idlest: (connection: Connection, ticks: Int)?
        for connection in connections.values where !connection.isShut {
            guard let ticks = connection.watch.idleTicks(at: tick), ticks >= 2, ticks > idlest?.ticks ?? 0 else {
                continue
            }
            idlest = (connection, ticks)
        }
        guard let idlest else { return false }
        // Under the lock, while the library has not given the socket's number back.
        idlest.connection.shut()
        evictedCount.add(1, ordering: .relaxed)
        return true
    }

    /// Counts a second, and ends the connections of clients that are too slow.
    func patrol() {
        let tick = ticks.add(1, ordering: .relaxed).newValue
        connections.withLock { connections in
            for connection in connections.values where !connection.isShut {
                guard connection.watch.isTooSlow(at: tick, settings) else { continue }
                connection.shut()
                slowCount.add(1, ordering: .relaxed)
            }
        }
    }

    func announceDrain() { draining.store(true, ordering: .relaxed) }

    func drain() {
        stopping.store(true, ordering: .relaxed)
        if waitUntilIdle(seconds: settings.drainSeconds) { return }
        // libmicrohttpd must not be stopped while a connection is suspended.
        let late = Response(status: 503, headers: [("Connection", "close")], body: Array("{}".utf8))
        for connection in connections.withLock({ Array($0.values) }) { connection.resume(with: late) }
        _ = waitUntilIdle(seconds: 1)
    }

    private func waitUntilIdle(seconds: Int) -> Bool {
        let clock = SystemTimeSource()
        let end = clock.monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
        while connections.withLock({ $0.values.contains { $0.watch.isBusy } }) {
            if clock.monotonicNanoseconds() > end { return false }
            usleep(2_000)
        }
        return true
    }

    /// What the connections do at this moment.
    var activity: ServerActivity {
        let (count, busy) = connections.withLock { ($0.count, $0.values.count { $0.watch.isBusy }) }
        let running = admission.running
        return ServerActivity(
            connections: count, busyConnections: busy, slowConnections: slowCount.load(ordering: .relaxed),
            evictedConnections: evictedCount.load(ordering: .relaxed), online: running.online, work: running.work,
            longWork: running.longWork, bodyBytes: running.bodyBytes, refused: admission.refused,
            accessLogLines: accessLog?.counts.written, accessLogDropped: accessLog?.counts.dropped,
            certificateExpiry: identity.withLock { $0?.expiry })
    }
}
