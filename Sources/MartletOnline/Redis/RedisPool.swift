internal import Dispatch
internal import MartletCore
internal import Synchronization

/// The connections to one server: at most so many, taken and given back, looked at before they are used again.
final class RedisPool: Sendable {
    private let endpoint: RedisSettings.Endpoint
    private let settings: RedisSettings
    private let time: any TimeSource
    /// One permit for each connection that may be busy.
    private let permits: DispatchSemaphore
    private let state: Mutex<State>

    /// A connection that rested so long is asked whether it still works.
    private static let restLimitNanoseconds: UInt64 = 15_000_000_000

    private struct State: Sendable {
        var idle: [RedisConnection] = []
        /// Since when each busy connection is so.
        var busySince: [ObjectIdentifier: UInt64] = [:]
        var breaker = CircuitBreaker()
        var random: SeededRandom
        var statistics = StoreStatistics()
    }

    init(_ endpoint: RedisSettings.Endpoint, _ settings: RedisSettings, _ time: any TimeSource) {
        self.endpoint = endpoint
        self.settings = settings
        self.time = time
        permits = DispatchSemaphore(value: 0)
        // Counted up, because a semaphore that ends below its first value traps.
        for _ in 0..<settings.connections { permits.signal() }
        state = Mutex(State(random: SeededRandom(seed: time.monotonicNanoseconds())))
    }

    /// A connection of the caller's own until it gives it back.
    /// - Parameter isFresh: whether it must be a new one.
    /// - Throws: `storeUnavailable`.
    func take(by deadline: Deadline, isFresh: Bool = false) throws -> RedisConnection {
        let now = time.monotonicNanoseconds()
        guard state.withLock({ $0.breaker.mayTry(at: now) }) else {
            throw MartletError(
                .storeUnavailable, "the Redis at \(endpoint) failed repeatedly and is left alone for a moment",
                fix: "check that it runs")
        }
        guard permits.wait(timeout: .now() + .milliseconds(deadline.remainingMilliseconds)) == .success else {
            state.withLock {
                $0.statistics.exhaustions += 1
                $0.breaker.abandoned()
            }
            throw MartletError(
                .storeUnavailable, "all \(settings.connections) connections to the Redis at \(endpoint) are busy",
                fix: "raise `connections` in the URL of the online store, or send fewer requests at once")
        }
        do {
            let connection = try isFresh ? open(deadline) : rested(deadline) ?? open(deadline)
            state.withLock { $0.busySince[ObjectIdentifier(connection)] = now }
            return connection
        } catch {
            permits.signal()
            failed()
            throw error
        }
    }

    /// Takes a connection back. One that is broken, or still waits for replies, is closed.
    func giveBack(_ connection: RedisConnection) {
        let now = time.monotonicNanoseconds()
        state.withLock { state in
            state.busySince[ObjectIdentifier(connection)] = nil
            if connection.isReusable {
                connection.lastUsedNanoseconds = now
                state.idle.append(connection)
                state.breaker.succeeded()
            }
        }
        permits.signal()
    }

    /// Notes that the server failed a caller.
    func failed() {
        let now = time.monotonicNanoseconds()
        state.withLock { state in
            state.statistics.connectionsFailed += 1
            state.breaker.failed(at: now, jitter: state.random.uniform())
        }
    }

    /// Closes what is idle: after a failure the others are not to be trusted either.
    func discardIdle() {
        state.withLock { state in
            state.statistics.connectionsDiscarded += state.idle.count
            state.idle.removeAll()
        }
    }

    var statistics: StoreStatistics {
        let now = time.monotonicNanoseconds()
        return state.withLock { state in
            var statistics = state.statistics
            statistics.idleConnections = state.idle.count
            statistics.busyConnections = state.busySince.count
            statistics.longestBusyMilliseconds = Int((now - (state.busySince.values.min() ?? now)) / 1_000_000)
            statistics.circuitOpenings = state.breaker.openings
            statistics.isCircuitOpen = state.breaker.isOpen
            return statistics
        }
    }

    /// The connection that was used last and still works.
    private func rested(_ deadline: Deadline) throws -> RedisConnection? {
        while let connection = state.withLock({ $0.idle.popLast() }) {
            let restedNanoseconds = time.monotonicNanoseconds() &- connection.lastUsedNanoseconds
            if !connection.isDisturbed,
                restedNanoseconds < Self.restLimitNanoseconds || answersPing(connection, deadline)
            {
                return connection
            }
            state.withLock { $0.statistics.connectionsDiscarded += 1 }
        }
        return nil
    }

    private func answersPing(_ connection: RedisConnection, _ deadline: Deadline) -> Bool {
        var batch = RedisBatch()
        batch.add("PING")
        let replies = try? connection.run(batch, by: deadline.limited(milliseconds: 100))
        return replies?[0].string == "PONG"
    }

    private func open(_ deadline: Deadline) throws -> RedisConnection {
        let connection = try RedisConnection(
            endpoint, by: deadline.limited(milliseconds: settings.connectTimeoutMilliseconds))
        state.withLock { $0.statistics.connectionsOpened += 1 }
        var batch = RedisBatch()
        if let password = settings.password {
            if let username = settings.username {
                batch.add("AUTH", username, password)
            } else {
                batch.add("AUTH", password)
            }
        }
        if settings.database != 0 { batch.add("SELECT", "\(settings.database)") }
        guard batch.count > 0 else { return connection }
        let replies = try connection.run(batch, by: deadline)
        for index in 0..<batch.count {
            guard let error = replies[index].error else { continue }
            throw MartletError(
                .storeUnavailable, "the Redis at \(endpoint) refuses the connection: \(error)",
                fix: "check MARTLET_REDIS_USERNAME, MARTLET_REDIS_PASSWORD and the number of the database")
        }
        return connection
    }
}

extension RedisConnection {
    /// Sends the commands together and waits for all replies.
    func run(_ batch: RedisBatch, by deadline: Deadline) throws -> RedisReplies {
        for index in 0..<batch.count { batch.send(index, to: self) }
        try flush(by: deadline)
        let replies = RedisReplies(count: batch.count)
        for index in 0..<batch.count { replies.set(try reply(by: deadline), at: index) }
        return replies
    }
}
