internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

/// What the server itself does at this moment, as Prometheus reads it: connections, work, what was refused, the access
/// log, the certificate.
func writeActivityMetrics(_ activity: ServerActivity, labels: String, to writer: inout ByteWriter) {
    let family = MetricFamily(labels)
    family.write("http_connections", .gauge, "Connections that are open.", activity.connections, to: &writer)
    family.write(
        "http_busy_connections", .gauge, "Connections whose request is received or answered.",
        activity.busyConnections, to: &writer)
    family.write(
        "http_slow_connections_total", .counter, "Connections ended because their clients were too slow.",
        activity.slowConnections, to: &writer)
    family.write(
        "http_evicted_connections_total", .counter, "Idle connections ended for others to have their places.",
        activity.evictedConnections, to: &writer)
    family.write(
        "http_work", .gauge, "Requests that wait for work, by kind.",
        [
            ("kind=\"online\"", activity.online), ("kind=\"work\"", activity.work),
            ("kind=\"long_work\"", activity.longWork),
        ], to: &writer)
    family.write("http_body_bytes", .gauge, "Memory of long bodies.", activity.bodyBytes, to: &writer)
    family.write(
        "http_refused_total", .counter, "Requests refused with 503 and Retry-After, by reason.",
        activity.refused.map { ("reason=\"\($0.reason)\"", $0.count) }, to: &writer)
    if let lines = activity.accessLogLines, let dropped = activity.accessLogDropped {
        family.write("access_log_lines_total", .counter, "Lines of the access log.", lines, to: &writer)
        family.write(
            "access_log_dropped_total", .counter, "Requests that left no line, since the log did not follow.", dropped,
            to: &writer)
    }
    if let expiry = activity.certificateExpiry {
        family.write(
            "tls_certificate_expiry_seconds", .gauge, "When the certificate ends, in seconds since 1970.",
            Int(expiry.microseconds / 1_000_000), to: &writer)
    }
}

/// The connections to a store that is another process.
func writeStoreMetrics(_ store: StoreStatistics, labels: String, to writer: inout ByteWriter) {
    let family = MetricFamily(labels)
    family.write(
        "store_connections", .gauge, "Connections to the online store, by state.",
        [("state=\"idle\"", store.idleConnections), ("state=\"busy\"", store.busyConnections)], to: &writer)
    family.write(
        "store_connections_total", .counter, "Connections to the online store, by what became of them.",
        [
            ("outcome=\"opened\"", store.connectionsOpened), ("outcome=\"failed\"", store.connectionsFailed),
            ("outcome=\"discarded\"", store.connectionsDiscarded),
        ], to: &writer)
    family.write(
        "store_longest_busy_milliseconds", .gauge, "For how long the oldest busy connection has been so.",
        store.longestBusyMilliseconds, to: &writer)
    family.write(
        "store_pool_exhaustions_total", .counter, "Calls that found all connections busy until their deadline.",
        store.exhaustions, to: &writer)
    family.write(
        "store_circuit_open", .gauge, "1 while calls fail at once, since the store did not answer.",
        store.isCircuitOpen ? 1 : 0, to: &writer)
    family.write(
        "store_circuit_openings_total", .counter, "How often that began.", store.circuitOpenings, to: &writer)
    family.write("store_retries_total", .counter, "Requests that were sent again.", store.retries, to: &writer)
    family.write(
        "store_redirects_total", .counter, "Commands that a cluster sent to another node.", store.redirects,
        to: &writer)
}

/// Writes metrics in Prometheus' text format that all carry the same labels.
private struct MetricFamily {
    enum Kind: String { case counter, gauge }

    private let labels: String

    init(_ labels: String) { self.labels = labels }

    func write(
        _ name: String, _ kind: Kind, _ help: String, _ value: Int, to writer: inout ByteWriter
    ) {
        write(name, kind, help, [("", value)], to: &writer)
    }

    func write(
        _ name: String, _ kind: Kind, _ help: String, _ values: [(labels: String, value: Int)],
        to writer: inout ByteWriter
    ) {
        var text = "# HELP martlet_\(name) \(help)\n# TYPE martlet_\(name) \(kind.rawValue)\n"
        for (more, value) in values {
            text += "martlet_\(name){\(labels)\(more.isEmpty ? "" : ",")\(more)} \(value)\n"
        }
        writer.append(text: text)
    }
}
