internal import MartletConnectors
internal import MartletCore
internal import MartletHTTP
internal import MartletLog
internal import MartletPlatform
internal import MartletStreams

/// Events on their way, as Prometheus reads it: the log, landing, the views that follow the log, connectors.
func writeLiveMetrics(_ live: LiveEvents, labels: String, to writer: inout ByteWriter) {
    func metric(_ name: String, _ kind: String, _ help: String, _ values: [(String, Double)]) {
        guard !values.isEmpty else { return }
        var text = "# HELP martlet_\(name) \(help)\n# TYPE martlet_\(name) \(kind)\n"
        for (more, value) in values {
            let shown = value == value.rounded() && abs(value) < 1e15 ? Int64(value).description : value.description
            text += "martlet_\(name){\(labels)\(more.isEmpty ? "" : ",")\(more)} \(shown)\n"
        }
        writer.append(text: text)
    }
    guard let status = live.status else { return }
    metric("log_end_offset", "gauge", "Behind the last durable event.", [("", Double(status.endOffset))])
    metric("log_bytes", "gauge", "Of the log on the disk.", [("", Double(status.logBytes))])
    metric("events_stored_total", "counter", "Events made durable.", [("", Double(status.log.storedEvents))])
    metric(
        "events_duplicate_total", "counter", "Events that were there before.",
        [("", Double(status.log.duplicateEvents))])
    metric(
        "log_failed", "gauge", "1 once a write or sync has failed: nothing is acknowledged any more.",
        [
            ("", status.logFailure == nil ? 0 : 1)
        ])
    metric(
        "dead_letters", "gauge", "What did not fit, by source and state.",
        status.deadLetters.map {
            ("source=\"\($0.key.source)\",state=\"\($0.key.state)\"", Double($0.value))
        }.sorted { $0.0 < $1.0 })
    metric(
        "dead_letters_repeated_total", "counter", "What did not fit and was among the dead letters already.",
        [("", Double(status.repeatedLetters))])
    metric(
        "dead_letter_attempts_total", "counter", "Times that dead letters were tried again by themselves.",
        [("", Double(status.retries.attempts))])
    metric(
        "dead_letters_escalated_total", "counter", "Dead letters given up, which a person has to look at.",
        [("", Double(status.retries.escalated))])
    metric(
        "future_events", "gauge", "Dead letters that happened too far ahead of the clock.",
        [("", Double(status.futureEvents))])
    let landing = status.landing
    metric(
        "landing_lag_events", "gauge", "Durable events that are in no table yet.",
        [("", Double(max(0, status.endOffset - landing.landedOffset)))])
    metric(
        "landed_offset", "gauge", "Events with smaller offsets are in their tables.",
        [("", Double(landing.landedOffset))])
    metric(
        "log_compacted_events_total", "counter", "Events that newer ones of their key replaced in the log.",
        [("", Double(landing.compactedEvents))])
    metric("log_compacted_bytes_total", "counter", "Freed by compaction.", [("", Double(landing.compactedBytes))])
    metric("landing_failures_total", "counter", "Steps of landing that failed.", [("", Double(landing.failures))])
    metric(
        "landing_stopped", "gauge", "Sources that a failed critical check holds back.",
        [("", Double(landing.stopped.count))])
    let views = status.streaming.views.map { (view: "view=\"\($0.name)\"", counts: $0.counts) }
    func counts(_ value: (StreamCounts) -> Double) -> [(String, Double)] { views.map { ($0.view, value($0.counts)) } }
    metric("stream_offset", "gauge", "Events with smaller offsets are counted.", counts { Double($0.endOffset) })
    metric(
        "stream_lag_events", "gauge", "Durable events not counted yet.",
        counts { Double(status.endOffset - $0.endOffset) })
    metric("stream_applied_total", "counter", "Rows counted.", counts { Double($0.applied) })
    metric("stream_late_total", "counter", "Rows that happened before one counted earlier.", counts { Double($0.late) })
    metric("stream_replayed_total", "counter", "Rows that were counted before.", counts { Double($0.replayed) })
    metric("stream_beyond_reach_total", "counter", "Rows older than any window.", counts { Double($0.beyondReach) })
    metric("stream_waiting", "gauge", "Rows that happen later than now.", counts { Double($0.waiting) })
    metric("stream_resident", "gauge", "Entities in memory.", counts { Double($0.resident) })
    metric("stream_dirty", "gauge", "Entities not stored yet.", counts { Double($0.dirty) })
    metric(
        "stream_checkpoint_age_seconds", "gauge", "Since the view was stored.",
        views.compactMap { view in
            view.counts.storedAt.map { (view.view, Double(status.now.microseconds - $0) / 1e6) }
        })
    writeFreshness(status.streaming.freshness, labels, to: &writer)
    metric(
        "connector_messages_total", "counter", "Durable messages.",
        status.connectors.map { ("source=\"\($0.source)\",kind=\"\($0.kind)\"", Double($0.messages)) })
    metric(
        "connector_reconnects_total", "counter", "Times that a connector had to begin again.",
        status.connectors.map { ("source=\"\($0.source)\",kind=\"\($0.kind)\"", Double($0.reconnects)) })
    metric(
        "connector_redeliveries_total", "counter", "Messages that came again.",
        status.connectors.map { ("source=\"\($0.source)\",kind=\"\($0.kind)\"", Double($0.redeliveries)) })
    metric(
        "connector_lag_seconds", "gauge", "From the last durable message until now, while there are later ones.",
        status.connectors.flatMap { connector in
            connector.lags.compactMap { lag in
                lag.seconds.map { ("source=\"\(connector.source)\",stream=\"\(lag.stream)\"", $0) }
            }
        })
    metric(
        "connector_up", "gauge", "1 while the connector reads.",
        status.connectors.map { connector in
            let isUp = [.streaming, .snapshot, .paused].contains(connector.state)
            return ("source=\"\(connector.source)\",kind=\"\(connector.kind)\"", isUp ? 1 : 0)
        })
    metric(
        "connector_lag_messages", "gauge", "Messages behind the last durable one.",
        status.connectors.flatMap { connector in
            connector.lags.compactMap { lag in
                lag.messages.map { ("source=\"\(connector.source)\",stream=\"\(lag.stream)\"", Double($0)) }
            }
        })
    metric(
        "connector_lag_bytes", "gauge", "Bytes that the database keeps for the connector.",
        status.connectors.flatMap { connector in
            connector.lags.compactMap { lag in
                lag.bytes.map { ("source=\"\(connector.source)\",stream=\"\(lag.stream)\"", Double($0)) }
            }
        })
}

private func writeFreshness(_ freshness: FreshnessHistogram, _ labels: String, to writer: inout ByteWriter) {
    guard freshness.count > 0 else { return }
    let name = "martlet_stream_freshness_seconds"
    var text = "# HELP \(name) From its arrival until an event is served.\n# TYPE \(name) histogram\n"
    var total = 0
    for (bound, count) in zip(FreshnessHistogram.bounds, freshness.buckets) {
        total += count
        text += "\(name)_bucket{\(labels),le=\"\(Double(bound) / 1e6)\"} \(total)\n"
    }
    text += "\(name)_bucket{\(labels),le=\"+Inf\"} \(freshness.count)\n"
    text += "\(name)_sum{\(labels)} \(Double(freshness.sumMicroseconds) / 1e6)\n"
    text += "\(name)_count{\(labels)} \(freshness.count)\n"
    writer.append(text: text)
}
