internal import Glibc
internal import MartletCore
internal import Synchronization

/// What the connections of one server share.
final class ServerCore: Sendable {
    let settings: HTTPServerSettings
    let router: Router
    let observer: (any RequestObserver)?
    let executor = BlockingExecutor()
    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])
    private let waiting = Atomic<Int>(0)
    private let draining = Atomic<Bool>(false)

    init(_ settings: HTTPServerSettings, _ router: Router, _ observer: (any RequestObserver)?) {
        self.settings = settings
        self.router = router
        self.observer = observer
    }

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func add(_ connection: Connection) { connections.withLock { $0[ObjectIdentifier(connection)] = connection } }

    func remove(_ connection: Connection) {
        connections.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    /// Takes one of the places for requests that wait; false where none is free.
    func beginWaiting() -> Bool {
        let count = waiting.add(1, ordering: .relaxed).newValue
        if count <= settings.waitingLimit { return true }
        waiting.subtract(1, ordering: .relaxed)
        return false
    }

    func endWaiting() { waiting.subtract(1, ordering: .relaxed) }

    func drain() {
        draining.store(true, ordering: .relaxed)
        if waitUntilIdle(seconds: settings.drainSeconds) { return }
        // libmicrohttpd must not be stopped while a connection is suspended.
        let late = Response(status: 503, headers: [("Connection", "close")], body: Array("{}".utf8))
        for connection in connections.withLock({ Array($0.values) }) { connection.resume(with: late) }
        _ = waitUntilIdle(seconds: 1)
    }

    private func waitUntilIdle(seconds: Int) -> Bool {
        let clock = SystemTimeSource()
        let end = clock.monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
        while connections.withLock({ $0.values.contains { $0.isBusy } }) {
            if clock.monotonicNanoseconds() > end { return false }
            usleep(2_000)
        }
        return true
    }
}
