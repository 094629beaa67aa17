internal import CRabbitMQ
internal import Glibc
internal import MartletCore

/// Puts messages into queues and waits for the broker's word that it has them.
package final class RabbitMQPublisher {
    private let connection: amqp_connection_state_t
    private var published: UInt64 = 0
    /// Sent and not confirmed yet.
    private var open: Set<UInt64> = []

    package init(url: String) throws {
        guard let made = amqp_new_connection() else { throw MartletError(.internalFault, "no connection") }
        connection = made
        let text = strdup(url)
        defer { free(text) }
        var parts = amqp_connection_info()
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        guard amqp_parse_url(text, &parts) == 0, let socket = amqp_tcp_socket_new(made),
            amqp_socket_open_noblock(socket, parts.host, parts.port, &timeout) == 0
        else { throw MartletError(.storeUnavailable, "no broker") }
        amqp_set_rpc_timeout(made, &timeout)
        amqp_set_handshake_timeout(made, &timeout)
        let login = cmartlet_amqp_login_plain(made, parts.vhost, 131_072, 0, parts.user, parts.password)
        guard login.reply_type == AMQP_RESPONSE_NORMAL else { throw MartletError(.storeUnavailable, "no login") }
        amqp_channel_open(made, 1)
        try check("channel")
        amqp_confirm_select(made, 1)
        try check("confirms")
    }

    deinit { amqp_destroy_connection(connection) }

    package func declare(_ queue: String, isQuorum: Bool) throws {
        try withText(queue) { name in
            try withText("x-queue-type") { key in
                try withText(isQuorum ? "quorum" : "classic") { kind in
                    var entry = amqp_table_entry_t()
                    entry.key = key
                    entry.value.kind = UInt8(ascii: "S")
                    entry.value.value.bytes = kind
                    withUnsafeMutablePointer(to: &entry) { pointer in
                        _ = amqp_queue_declare(
                            connection, 1, name, 0, 1, 0, 0, amqp_table_t(num_entries: 1, entries: pointer))
                    }
                    try check("queue")
                }
            }
        }
    }

    /// How many messages wait in the queue.
    package func count(_ queue: String) throws -> Int {
        try withText(queue) { name in
            let answer = amqp_queue_declare(
                connection, 1, name, 1, 0, 0, 0, amqp_table_t(num_entries: 0, entries: nil))
            try check("queue")
            return Int(answer?.pointee.message_count ?? 0)
        }
    }

    /// Sends a persistent message; at most 1,000 are on their way unconfirmed.
    package func publish(_ body: String, id: String?, to queue: String) throws {
        let sent = try withText(queue) { name in
            try withText(body) { bytes in
                try withText(id ?? "") { identifier in
                    var properties = amqp_basic_properties_t()
                    // AMQP_BASIC_DELIVERY_MODE_FLAG, _TIMESTAMP_FLAG, _MESSAGE_ID_FLAG
                    properties._flags = 1 << 12 | 1 << 6 | (id == nil ? 0 : 1 << 7)
                    properties.delivery_mode = 2
                    properties.timestamp = UInt64(time(nil))
                    properties.message_id = identifier
                    return amqp_basic_publish(
                        connection, 1, amqp_bytes_t(len: 0, bytes: nil), name, 0, 0, &properties, bytes)
                }
            }
        }
        guard sent == 0 else { throw MartletError(.storeUnavailable, "not sent") }
        published += 1
        open.insert(published)
        if open.count >= 1_000 { try waitForConfirms(leaving: 500) }
    }

    package func flush() throws { try waitForConfirms(leaving: 0) }

    private func waitForConfirms(leaving count: Int) throws {
        while open.count > count {
            amqp_maybe_release_buffers(connection)
            var frame = amqp_frame_t()
            var timeout = timeval(tv_sec: 30, tv_usec: 0)
            guard amqp_simple_wait_frame_noblock(connection, &frame, &timeout) == 0 else {
                throw MartletError(.storeUnavailable, "no confirm")
            }
            // AMQP_FRAME_METHOD with AMQP_BASIC_ACK_METHOD
            guard frame.frame_type == 1, frame.payload.method.id == 0x003C_0050,
                let ack = frame.payload.method.decoded?.assumingMemoryBound(to: amqp_basic_ack_t.self)
            else { throw MartletError(.storeUnavailable, "refused") }
            let tag = ack.pointee.delivery_tag
            if ack.pointee.multiple != 0 { open = open.filter { $0 > tag } } else { open.remove(tag) }
        }
    }

    private func withText<R>(_ text: String, _ body: (amqp_bytes_t) throws -> R) throws -> R {
        let copy = strdup(text)
        defer { free(copy) }
        return try body(amqp_bytes_t(len: text.utf8.count, bytes: UnsafeMutableRawPointer(copy)))
    }

    private func check(_ what: String) throws {
        guard amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL else {
            throw MartletError(.storeUnavailable, "no \(what)")
        }
    }
}
