#include <microhttpd.h>

// MHD_start_daemon and MHD_get_connection_info are variadic, and MHD_Result and MHD_ValueKind import without their
// cases: these wrappers give Swift plain functions.

struct cmartlet_http_settings {
    MHD_socket listener;
    unsigned int threads;
    unsigned int connection_limit;
    unsigned int idle_timeout_seconds;
    size_t connection_memory_bytes;
};

static inline struct MHD_Daemon *cmartlet_http_start(
    struct cmartlet_http_settings settings, MHD_AccessHandlerCallback handler, MHD_RequestCompletedCallback completed,
    MHD_NotifyConnectionCallback connection, void *context) {
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    // One thread is no pool: MHD refuses a pool of one.
    if (settings.threads < 2)
        return MHD_start_daemon(
            flags, 0, NULL, NULL, handler, context,
            MHD_OPTION_LISTEN_SOCKET, settings.listener,
            MHD_OPTION_CONNECTION_LIMIT, settings.connection_limit,
            MHD_OPTION_CONNECTION_TIMEOUT, settings.idle_timeout_seconds,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings.connection_memory_bytes,
            MHD_OPTION_NOTIFY_COMPLETED, completed, context,
            MHD_OPTION_NOTIFY_CONNECTION, connection, context,
            MHD_OPTION_END);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, handler, context,
        MHD_OPTION_LISTEN_SOCKET, settings.listener,
        MHD_OPTION_THREAD_POOL_SIZE, settings.threads,
        MHD_OPTION_CONNECTION_LIMIT, settings.connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, settings.idle_timeout_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings.connection_memory_bytes,
        MHD_OPTION_NOTIFY_COMPLETED, completed, context,
        MHD_OPTION_NOTIFY_CONNECTION, connection, context,
        MHD_OPTION_END);
}

static inline enum MHD_Result cmartlet_http_yes(void) { return MHD_YES; }
static inline enum MHD_Result cmartlet_http_no(void) { return MHD_NO; }

static inline int cmartlet_http_is_started(enum MHD_ConnectionNotificationCode code) {
    return code == MHD_CONNECTION_NOTIFY_STARTED;
}

static inline void *cmartlet_http_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static inline const char *cmartlet_http_header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static inline const char *cmartlet_http_query(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

// The bytes belong to the caller and must live until the response is sent.
static inline struct MHD_Response *cmartlet_http_response(const void *bytes, size_t count) {
    return MHD_create_response_from_buffer(count, (void *)bytes, MHD_RESPMEM_PERSISTENT);
}
