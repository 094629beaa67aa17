internal import Glibc
internal import MartletCore
internal import Synchronization

/// The servers of a Redis, one or a cluster: sends each command to the one that has its slot, follows redirections, and
/// repeats what failed, until the deadline. Every command that is given to it may be run twice.
final class RedisNodes: Sendable {
    typealias Endpoint = RedisSettings.Endpoint

    let settings: RedisSettings
    private let time: any TimeSource
    private let state = Mutex(State())

    private struct State: Sendable {
        var pools: [Endpoint: RedisPool] = [:]
        var slots = RedisSlotMap()
        var isStale = true
        var statistics = StoreStatistics()
    }

    init(_ settings: RedisSettings, _ time: any TimeSource) {
        self.settings = settings
        self.time = time
    }

    var statistics: StoreStatistics {
        let (own, pools) = state.withLock { ($0.statistics, Array($0.pools.values)) }
        var sum = own
        for pool in pools { sum += pool.statistics }
        return sum
    }

    /// All servers that have data.
    func masters(by deadline: Deadline) throws -> [Endpoint] {
        guard settings.isCluster else { return settings.endpoints }
        state.withLock { $0.isStale = true }
        try refreshSlots(deadline)
        return state.withLock { $0.slots.endpoints }
    }

    /// Runs the commands and returns their replies, in order; errors that are no redirections are replies too.
    /// - Throws: `storeUnavailable`.
    func run(_ batch: RedisBatch, by deadline: Deadline) throws -> RedisReplies {
        if !settings.isCluster { return try run(batch, on: settings.endpoints[0], by: deadline) }
        let replies = RedisReplies(count: batch.count)
        var pending = (0..<batch.count).map { Pending(command: $0) }
        var pauseMilliseconds = 2
        while true {
            var failure: (any Error)?
            do {
                try refreshSlots(deadline)
                pending = try round(pending, batch, replies, deadline, &failure)
            } catch {
                failure = error
            }
            if pending.isEmpty { return replies }
            let isWaiting = failure != nil || pending.contains { $0.isWaiting }
            state.withLock { $0.statistics.retries += isWaiting ? 1 : 0 }
            if deadline.isOver || (isWaiting && deadline.remainingMilliseconds <= pauseMilliseconds) {
                throw failure
                    ?? MartletError(
                        .storeUnavailable, "the Redis cluster did not settle who has a key in time",
                        fix: "check CLUSTER INFO")
            }
            if isWaiting {
                usleep(UInt32(pauseMilliseconds) * 1_000)
                pauseMilliseconds = min(2 * pauseMilliseconds, 100)
            }
        }
    }

    /// Runs the commands on one server, once more on a new connection where an old one turns out to be broken.
    func run(_ batch: RedisBatch, on endpoint: Endpoint, by deadline: Deadline) throws -> RedisReplies {
        let pool = pool(endpoint)
        for isFresh in [false, true] {
            let connection = try pool.take(by: deadline, isFresh: isFresh)
            defer { pool.giveBack(connection) }
            let isReused = connection.lastUsedNanoseconds != 0
            do {
                return try connection.run(batch, by: deadline)
            } catch {
                pool.discardIdle()
                // One that rested may have been closed long ago: that says nothing of the server now.
                guard isReused, !isFresh, !deadline.isOver else {
                    pool.failed()
                    throw error
                }
                state.withLock { $0.statistics.retries += 1 }
            }
        }
        preconditionFailure("the second connection is not a used one")
    }

    private struct Pending {
        var command: Int
        /// Where it was told to ask.
        var asking: Endpoint?
        var isWaiting = false
    }

    private struct Share {
        var pool: RedisPool
        var connection: RedisConnection
        var endpoint: Endpoint
        var pending: [Pending]
    }

    /// Sends what is pending to the nodes, all before the first reply is waited for.
    /// - Returns: what must be sent again.
    private func round(
        _ pending: [Pending], _ batch: RedisBatch, _ replies: RedisReplies, _ deadline: Deadline,
        _ failure: inout (any Error)?
    ) throws -> [Pending] {
        var byEndpoint: [Endpoint: [Pending]] = [:]
        let slots = state.withLock { $0.slots }
        var again: [Pending] = []
        for item in pending {
            if let endpoint = item.asking ?? slots.owner(of: batch.slots[item.command]) {
                byEndpoint[endpoint, default: []].append(item)
            } else {
                state.withLock { $0.isStale = true }
                again.append(Pending(command: item.command, isWaiting: true))
            }
        }
        var shares: [Share] = []
        defer { for share in shares { share.pool.giveBack(share.connection) } }
        for (endpoint, items) in byEndpoint {
            let pool = pool(endpoint)
            do {
                let connection = try pool.take(by: deadline)
                shares.append(Share(pool: pool, connection: connection, endpoint: endpoint, pending: items))
                for item in items {
                    if item.asking != nil { Self.asking.send(0, to: connection) }
                    batch.send(item.command, to: connection)
                }
                try connection.flush(by: deadline)
            } catch {
                failure = error
            }
        }
        for share in shares { try collect(share, batch, replies, deadline, &again, &failure) }
        let done = Set(shares.flatMap { $0.pending.map(\.command) })
        for items in byEndpoint.values {
            for item in items where !done.contains(item.command) { again.append(Pending(command: item.command)) }
        }
        if failure != nil { state.withLock { $0.isStale = true } }
        return again
    }

    private static let asking: RedisBatch = {
        var batch = RedisBatch()
        batch.add("ASKING")
        return batch
    }()

    private func collect(
        _ share: Share, _ batch: RedisBatch, _ replies: RedisReplies, _ deadline: Deadline, _ again: inout [Pending],
        _ failure: inout (any Error)?
    ) throws {
        for (index, item) in share.pending.enumerated() {
            do {
                if item.asking != nil { try share.connection.reply(by: deadline).free() }
                let reply = try share.connection.reply(by: deadline)
                guard let error = reply.error,
                    let redirection = RedisRedirection(error, asked: share.endpoint)
                else {
                    replies.set(reply, at: item.command)
                    continue
                }
                reply.free()
                again.append(follow(redirection, item))
            } catch {
                failure = error
                share.pool.failed()
                share.pool.discardIdle()
                again += share.pending[index...].map { Pending(command: $0.command) }
                return
            }
        }
    }

    private func follow(_ redirection: RedisRedirection, _ item: Pending) -> Pending {
        state.withLock { state in
            switch redirection {
            case .moved(let slot, let endpoint):
                state.statistics.redirects += 1
                state.slots.set(endpoint, for: slot...slot)
                // Seldom alone: the others are learned at once.
                state.isStale = true
                return Pending(command: item.command)
            case .ask(let endpoint):
                state.statistics.redirects += 1
                return Pending(command: item.command, asking: endpoint)
            case .later:
                state.isStale = true
                return Pending(command: item.command, isWaiting: true)
            }
        }
    }

    /// Asks the known nodes, then those of the settings, which node has which slot.
    private func refreshSlots(_ deadline: Deadline) throws {
        let (isStale, known) = state.withLock { ($0.isStale, $0.slots.endpoints) }
        guard isStale else { return }
        var batch = RedisBatch()
        batch.add("CLUSTER", "SLOTS")
        var failure: (any Error)?
        for endpoint in known + settings.endpoints.filter({ !known.contains($0) }) {
            do {
                let limit = deadline.limited(milliseconds: settings.connectTimeoutMilliseconds)
                let replies = try run(batch, on: endpoint, by: limit)
                if let slots = RedisSlotMap(replies[0], asked: endpoint) {
                    state.withLock { state in
                        state.slots = slots
                        state.isStale = false
                    }
                    return
                }
                failure = MartletError(
                    .storeUnavailable, "the Redis at \(endpoint) is no node of a cluster with slots",
                    fix: "use redis:// for a single server")
            } catch {
                failure = error
            }
        }
        throw failure ?? MartletError(.storeUnavailable, "no node of the Redis cluster answers")
    }

    private func pool(_ endpoint: Endpoint) -> RedisPool {
        state.withLock { state in
            if let pool = state.pools[endpoint] { return pool }
            let pool = RedisPool(endpoint, settings, time)
            state.pools[endpoint] = pool
            return pool
        }
    }
}
