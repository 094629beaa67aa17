// Fills a durable queue of RabbitMQ with persistent messages and waits until it has them all.
//
// Usage: rabbitmq_queue PORT QUEUE MESSAGES BYTES
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_good(amqp_connection_state_t connection) {
    return amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL;
}

int main(int count, char **words) {
    if (count != 5) return 2;
    int messages = atoi(words[3]), bytes = atoi(words[4]);
    if (messages < 1 || bytes < 80 || bytes > 4096) return 2;
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket || amqp_socket_open(socket, "127.0.0.1", atoi(words[1]))) return 1;
    if (amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest").reply_type !=
        AMQP_RESPONSE_NORMAL)
        return 1;
    amqp_channel_open(connection, 1);
    if (!is_good(connection)) return 1;
    amqp_bytes_t queue = amqp_cstring_bytes(words[2]);
    amqp_queue_declare(connection, 1, queue, 0, 1, 0, 0, amqp_empty_table);
    if (!is_good(connection)) return 1;
    char body[4097], identifier[32];
    for (int number = 0; number < messages; number++) {
        int length = snprintf(body, sizeof body, "{\"number\":%d,\"at\":\"2026-05-01T12:00:00Z\",\"note\":\"", number);
        memset(body + length, 'x', bytes - length);
        memcpy(body + bytes - 2, "\"}", 2);
        snprintf(identifier, sizeof identifier, "m%d", number);
        amqp_basic_properties_t properties = {0};
        properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
        properties.delivery_mode = 2;
        properties.message_id = amqp_cstring_bytes(identifier);
        amqp_bytes_t content = {bytes, body};
        if (amqp_basic_publish(connection, 1, amqp_empty_bytes, queue, 0, 0, &properties, content)) return 1;
    }
    // Behind the messages on the same channel: answered when they are in the queue.
    for (int attempt = 0; attempt < 600; attempt++) {
        amqp_queue_declare_ok_t *answer = amqp_queue_declare(connection, 1, queue, 1, 1, 0, 0, amqp_empty_table);
        if (!is_good(connection)) return 1;
        if (answer && (int)answer->message_count >= messages) return 0;
    }
    return 1;
}
