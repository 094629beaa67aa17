#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

// MHD_start_daemon and MHD_get_connection_info are variadic, and MHD_Result and MHD_ValueKind import without their
// cases: these wrappers give Swift plain functions.

struct cmartlet_http_settings {
    MHD_socket listener;
    unsigned int threads;
    unsigned int connection_limit;
    unsigned int idle_timeout_seconds;
    size_t connection_memory_bytes;
};

// TLS 1.2 and 1.3; older ones are broken.
#define CMARTLET_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

// With `certificate` it speaks TLS, and asks it for the certificate of each handshake.
static inline struct MHD_Daemon *cmartlet_http_start(
    struct cmartlet_http_settings settings, MHD_AccessHandlerCallback handler, MHD_RequestCompletedCallback completed,
    MHD_NotifyConnectionCallback connection, gnutls_certificate_retrieve_function3 *certificate, void *context) {
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    const struct MHD_OptionItem pool[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)settings.threads, NULL}, {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, settings.listener, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings.connection_limit, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)settings.idle_timeout_seconds, NULL},
        // HTTP/1.1 as it is written: no request without a Host, none with spaces before a colon.
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings.connection_memory_bytes, NULL},
        // One thread is no pool: MHD refuses a pool of one.
        {settings.threads < 2 ? MHD_OPTION_END : MHD_OPTION_ARRAY, 0, (void *)pool},
        {MHD_OPTION_END, 0, NULL}};
    if (certificate)
        return MHD_start_daemon(
            flags | MHD_USE_TLS, 0, NULL, NULL, handler, context,
            MHD_OPTION_NOTIFY_COMPLETED, completed, context,
            MHD_OPTION_NOTIFY_CONNECTION, connection, context,
            MHD_OPTION_HTTPS_PRIORITIES, CMARTLET_TLS_PRIORITIES,
            MHD_OPTION_HTTPS_CERT_CALLBACK2, certificate,
            MHD_OPTION_ARRAY, options,
            MHD_OPTION_END);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, handler, context,
        MHD_OPTION_NOTIFY_COMPLETED, completed, context,
        MHD_OPTION_NOTIFY_CONNECTION, connection, context,
        MHD_OPTION_ARRAY, options,
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

// The socket of a connection, and where it comes from; NULL where that is not known.
static inline MHD_socket cmartlet_http_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static inline const struct sockaddr *cmartlet_http_client(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

static inline const char *cmartlet_http_header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

// What a request's head says of its body: the value and the number of its Content-Length headers, and the value of
// Transfer-Encoding; one walk over all headers.
struct cmartlet_http_framing {
    const char *length;
    unsigned int length_count;
    const char *encoding;
};

static inline enum MHD_Result cmartlet_http_frame(
    void *context, enum MHD_ValueKind kind, const char *name, size_t name_count, const char *value, size_t count) {
    struct cmartlet_http_framing *framing = (struct cmartlet_http_framing *)context;
    (void)kind;
    (void)count;
    if (name_count == 14 && strcasecmp(name, "Content-Length") == 0) {
        framing->length = value;
        framing->length_count++;
    } else if (name_count == 17 && strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encoding = value;
    }
    return MHD_YES;
}

static inline struct cmartlet_http_framing cmartlet_http_framing_of(struct MHD_Connection *connection) {
    struct cmartlet_http_framing framing = {NULL, 0, NULL};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, cmartlet_http_frame, &framing);
    return framing;
}

static inline const char *cmartlet_http_query(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

// The bytes belong to the caller and must live until the response is sent.
static inline struct MHD_Response *cmartlet_http_response(const void *bytes, size_t count) {
    return MHD_create_response_from_buffer(count, (void *)bytes, MHD_RESPMEM_PERSISTENT);
}

// A certificate chain with its private key.
struct cmartlet_tls {
    gnutls_x509_crt_t *chain;
    unsigned int count;
    gnutls_x509_privkey_t key;
};

enum {
    cmartlet_tls_loaded,
    cmartlet_tls_no_certificate,
    cmartlet_tls_no_key,
    cmartlet_tls_encrypted_key,
    cmartlet_tls_mismatch
};

static inline void cmartlet_tls_free(struct cmartlet_tls *tls) {
    for (unsigned int index = 0; index < tls->count; index++) gnutls_x509_crt_deinit(tls->chain[index]);
    gnutls_free(tls->chain);
    if (tls->key) gnutls_x509_privkey_deinit(tls->key);
    memset(tls, 0, sizeof *tls);
}

// Reads PEM. On anything but cmartlet_tls_loaded, `tls` holds nothing.
static inline int cmartlet_tls_load(
    const void *certificates, size_t certificates_count, const void *key, size_t key_count, struct cmartlet_tls *tls) {
    memset(tls, 0, sizeof *tls);
    const gnutls_datum_t chain = {(unsigned char *)certificates, (unsigned int)certificates_count};
    const gnutls_datum_t secret = {(unsigned char *)key, (unsigned int)key_count};
    if (gnutls_x509_crt_list_import2(&tls->chain, &tls->count, &chain, GNUTLS_X509_FMT_PEM, 0) < 0 || !tls->count) {
        memset(tls, 0, sizeof *tls);
        return cmartlet_tls_no_certificate;
    }
    int status = gnutls_x509_privkey_init(&tls->key);
    if (status >= 0) status = gnutls_x509_privkey_import2(tls->key, &secret, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (status < 0) {
        cmartlet_tls_free(tls);
        return status == GNUTLS_E_DECRYPTION_FAILED ? cmartlet_tls_encrypted_key : cmartlet_tls_no_key;
    }
    unsigned char certified[64], own[64];
    size_t certified_count = sizeof certified, own_count = sizeof own;
    if (gnutls_x509_crt_get_key_id(tls->chain[0], 0, certified, &certified_count) < 0 ||
        gnutls_x509_privkey_get_key_id(tls->key, 0, own, &own_count) < 0 || certified_count != own_count ||
        memcmp(certified, own, own_count) != 0) {
        cmartlet_tls_free(tls);
        return cmartlet_tls_mismatch;
    }
    return cmartlet_tls_loaded;
}

// Seconds since 1970; -1 where the certificate does not say.
static inline long cmartlet_tls_expiry(const struct cmartlet_tls *tls) {
    return (long)gnutls_x509_crt_get_expiration_time(tls->chain[0]);
}

// Copies for one handshake, which frees them itself.
static inline int cmartlet_tls_copy(
    const struct cmartlet_tls *tls, gnutls_pcert_st **certificates, unsigned int *count, gnutls_privkey_t *key) {
    gnutls_pcert_st *list = (gnutls_pcert_st *)gnutls_calloc(tls->count, sizeof *list);
    if (!list) return GNUTLS_E_MEMORY_ERROR;
    unsigned int made = 0;
    int status = 0;
    while (status >= 0 && made < tls->count) {
        status = gnutls_pcert_import_x509(&list[made], tls->chain[made], 0);
        if (status >= 0) made++;
    }
    gnutls_privkey_t secret = NULL;
    if (status >= 0) status = gnutls_privkey_init(&secret);
    if (status >= 0) status = gnutls_privkey_import_x509(secret, tls->key, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (status < 0) {
        if (secret) gnutls_privkey_deinit(secret);
        while (made > 0) gnutls_pcert_deinit(&list[--made]);
        gnutls_free(list);
        return status;
    }
    *certificates = list;
    *count = made;
    *key = secret;
    return 0;
}
