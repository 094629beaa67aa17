#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

// A variadic login, which Swift does not import: PLAIN is the one way that brokers take without certificates.
static inline amqp_rpc_reply_t cmartlet_amqp_login_plain(
    amqp_connection_state_t connection, const char *virtual_host, int frame_bytes_max, int heartbeat_seconds,
    const char *user, const char *password) {
    return amqp_login(
        connection, virtual_host, 0, frame_bytes_max, heartbeat_seconds, AMQP_SASL_METHOD_PLAIN, user, password);
}
