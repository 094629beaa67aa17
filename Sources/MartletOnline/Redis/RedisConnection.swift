internal import CHiredis
internal import Glibc
internal import MartletCore

/// One connection to a Redis by hiredis, whose socket never blocks: every wait ends at a deadline. Belongs to one
/// caller at a time.
final class RedisConnection: @unchecked Sendable {
    // @unchecked: the pool gives a connection to one caller at a time.
    private let context: UnsafeMutablePointer<redisContext>
    let endpoint: RedisSettings.Endpoint
    /// Commands without their reply yet. A connection that is given back with some is not used again.
    private var unanswered = 0
    private var isBroken = false
    var lastUsedNanoseconds: UInt64 = 0

    /// - Throws: `storeUnavailable`.
    init(_ endpoint: RedisSettings.Endpoint, by deadline: Deadline) throws {
        guard let context = redisConnectNonBlock(endpoint.host, Int32(endpoint.port)) else {
            throw MartletError(.storeUnavailable, "no memory for a connection to Redis")
        }
        self.context = context
        self.endpoint = endpoint
        if context.pointee.err != 0 { throw failure("cannot be reached") }
        try wait(for: POLLOUT, deadline, "cannot be reached")
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(context.pointee.fd, SOL_SOCKET, SO_ERROR, &code, &size)
        if code != 0 {
            isBroken = true
            throw unavailable("cannot be reached: \(String(cString: strerror(code)))")
        }
    }

    deinit { redisFree(context) }

    var isReusable: Bool { !isBroken && unanswered == 0 }

    /// Whether the server closed it, or said something unasked, while it was idle.
    var isDisturbed: Bool {
        var descriptor = pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) != 0
    }

    /// Adds a command to what `flush` sends.
    func append(_ arguments: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>, _ sizes: UnsafeBufferPointer<Int>) {
        redisAppendCommandArgv(context, Int32(arguments.count), arguments.baseAddress, sizes.baseAddress)
        unanswered += 1
    }

    func flush(by deadline: Deadline) throws {
        var isDone: Int32 = 0
        while true {
            guard redisBufferWrite(context, &isDone) == REDIS_OK else { throw failure("broke off") }
            if isDone != 0 { return }
            try wait(for: POLLOUT, deadline, "takes no commands")
        }
    }

    /// The reply to the oldest command without one; the caller frees it.
    func reply(by deadline: Deadline) throws -> RedisReply {
        while true {
            var raw: UnsafeMutableRawPointer?
            guard redisGetReplyFromReader(context, &raw) == REDIS_OK else { throw failure("broke off") }
            if let raw {
                unanswered -= 1
                return RedisReply(raw)
            }
            try wait(for: POLLIN, deadline, "gave no answer in time")
            guard redisBufferRead(context) == REDIS_OK else { throw failure("broke off") }
        }
    }

    private func wait(for event: Int32, _ deadline: Deadline, _ failing: String) throws {
        while true {
            var descriptor = pollfd(fd: context.pointee.fd, events: Int16(event), revents: 0)
            let count = poll(&descriptor, 1, Int32(deadline.remainingMilliseconds))
            if count > 0 { return }
            if count == 0, deadline.isOver {
                isBroken = true
                throw unavailable(failing)
            }
            if count < 0, errno != EINTR { throw failure(failing) }
        }
    }

    private func failure(_ what: String) -> MartletError {
        isBroken = true
        let reason = withUnsafeBytes(of: context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // hiredis quotes the byte that it did not expect, which is nobody's secret.
        return unavailable(reason.isEmpty ? what : "\(what): \(reason)")
    }

    private func unavailable(_ what: String) -> MartletError {
        MartletError(
            .storeUnavailable, "the Redis at \(endpoint) \(what)",
            fix: "check that it runs, and `online` in martlet.yaml")
    }
}
