internal import CRabbitMQ
internal import Glibc
internal import MartletCore

/// A connection to a RabbitMQ broker with one channel, by librabbitmq. Belongs to one thread.
final class RabbitMQConnection {
    private let connection: amqp_connection_state_t
    private static let channel: amqp_channel_t = 1

    /// - Throws: `invalidSettings` where the URL is none, else `storeUnavailable`.
    init(_ url: String, heartbeatSeconds: Int32, connect: TimeSpan) throws(MartletError) {
        guard let made = amqp_new_connection() else {
            throw MartletError(.storeUnavailable, "no memory for a RabbitMQ connection")
        }
        connection = made
        // Parsed in place: its parts point into the copy.
        let text = strdup(url)
        defer { free(text) }
        var parts = amqp_connection_info()
        guard amqp_parse_url(text, &parts) == 0, parts.ssl == 0 else {
            throw MartletError(
                .invalidSettings, "the RabbitMQ URL cannot be read",
                fix:
                    "write amqp://USER:PASSWORD@HOST:PORT/VIRTUAL-HOST, special characters as %XX; amqps is not known"
            )
        }
        var timeout = Self.interval(connect)
        guard let socket = amqp_tcp_socket_new(made),
            amqp_socket_open_noblock(socket, parts.host, parts.port, &timeout) == 0
        else { throw MartletError(.storeUnavailable, "cannot connect to RabbitMQ at \(String(cString: parts.host))") }
        amqp_set_handshake_timeout(made, &timeout)
        amqp_set_rpc_timeout(made, &timeout)
        try Self.check(
            cmartlet_amqp_login_plain(made, parts.vhost, 131_072, heartbeatSeconds, parts.user, parts.password),
            "RabbitMQ lets us not in")
        amqp_channel_open(made, Self.channel)
        try reply("RabbitMQ opens no channel")
    }

    deinit { amqp_destroy_connection(connection) }

    var descriptor: Int32 { amqp_get_sockfd(connection) }

    /// - Returns: how many messages wait in the queue.
    @discardableResult
    func declare(_ queue: String, _ declaration: RabbitMQSettings.Declaration) throws(MartletError) -> Int64 {
        let name = strdup(queue)
        let kind = strdup("x-queue-type")
        let quorum = strdup("quorum")
        defer { for text in [name, kind, quorum] { free(text) } }
        var entry = amqp_table_entry_t()
        entry.key = amqp_cstring_bytes(kind)
        entry.value.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
        entry.value.value.bytes = amqp_cstring_bytes(quorum)
        let answer = withUnsafeMutablePointer(to: &entry) { pointer in
            let isPassive = declaration == .passive
            let table = amqp_table_t(num_entries: isPassive ? 0 : 1, entries: isPassive ? nil : pointer)
            return amqp_queue_declare(
                connection, Self.channel, amqp_cstring_bytes(name), isPassive ? 1 : 0, 1, 0, 0, table)
        }
        try reply("RabbitMQ has no such queue")
        return Int64(answer?.pointee.message_count ?? 0)
    }

    func consume(_ queue: String, prefetch: UInt16) throws(MartletError) {
        amqp_basic_qos(connection, Self.channel, 0, prefetch, 0)
        try reply("RabbitMQ takes no prefetch")
        let name = strdup(queue)
        defer { free(name) }
        let none = amqp_bytes_t(len: 0, bytes: nil)
        amqp_basic_consume(
            connection, Self.channel, amqp_cstring_bytes(name), none, 0, 0, 0,
            amqp_table_t(num_entries: 0, entries: nil))
        try reply("RabbitMQ lets us not consume")
    }

    /// The next message that has come; nil where there is none now. Answers heartbeats too.
    func receive() throws(MartletError) -> RabbitMQDelivery? {
        amqp_maybe_release_buffers(connection)
        var envelope = amqp_envelope_t()
        var timeout = timeval(tv_sec: 0, tv_usec: 0)
        let answer = amqp_consume_message(connection, &envelope, &timeout, 0)
        if answer.reply_type == AMQP_RESPONSE_NORMAL {
            defer { amqp_destroy_envelope(&envelope) }
            return RabbitMQDelivery(envelope)
        }
        if answer.library_error == AMQP_STATUS_TIMEOUT.rawValue { return nil }
        // Another frame than a delivery: the queue was deleted, the channel or the connection closed.
        try Self.check(answer, "RabbitMQ sends no more")
        return nil
    }

    /// Acknowledges all deliveries up to this one.
    func acknowledge(upTo tag: UInt64) throws(MartletError) {
        guard amqp_basic_ack(connection, Self.channel, tag, 1) == 0 else {
            throw MartletError(.storeUnavailable, "the connection to RabbitMQ is lost")
        }
    }

    /// Tells the broker that we live, while we read nothing.
    func beat() throws(MartletError) {
        var frame = amqp_frame_t()
        frame.frame_type = UInt8(AMQP_FRAME_HEARTBEAT)
        guard amqp_send_frame(connection, &frame) == 0 else {
            throw MartletError(.storeUnavailable, "the connection to RabbitMQ is lost")
        }
    }

    func close() {
        _ = amqp_channel_close(connection, Self.channel, 200)
        _ = amqp_connection_close(connection, 200)
    }

    private func reply(_ what: String) throws(MartletError) { try Self.check(amqp_get_rpc_reply(connection), what) }

    /// What failed by its number; the broker's sentences are not repeated.
    private static func check(_ answer: amqp_rpc_reply_t, _ what: String) throws(MartletError) {
        switch answer.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw MartletError(.storeUnavailable, "\(what): it refused")
        default:
            let reason = amqp_error_string2(answer.library_error).map { String(cString: $0) } ?? "no answer"
            throw MartletError(.storeUnavailable, "\(what): \(reason)")
        }
    }

    private static func interval(_ span: TimeSpan) -> timeval {
        timeval(tv_sec: Int(span.microseconds / 1_000_000), tv_usec: Int(span.microseconds % 1_000_000))
    }
}
