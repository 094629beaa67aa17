internal import MartletConnectors
package import MartletCore

extension WorkspaceStatus {
    /// As `GET /v1/status` and `martlet status --json` give it.
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("workspace", workspace)
            json.member("served", isServed)
            json.key("log")
            json.object {
                $0.member("start_offset", startOffset)
                $0.member("end_offset", endOffset)
                $0.member("bytes", logBytes)
                if let logFailure { $0.member("failure", logFailure) }
                if let storedEvents { $0.member("stored", storedEvents) }
                if let duplicateEvents { $0.member("duplicates", duplicateEvents) }
            }
            json.key("landing")
            json.object { json in
                json.member("offset", landedOffset)
                json.member("lag", max(0, endOffset - landedOffset))
                if let landingFailure { json.member("last_failure", landingFailure) }
                json.key("stopped")
                json.object { json in
                    for (source, reason) in stoppedSources.sorted(by: { $0.key < $1.key }) {
                        json.member(source, reason)
                    }
                }
            }
            json.key("views")
            json.array { json in for view in views { view.write(to: &json, endOffset: endOffset) } }
            if let streamingFailure { json.member("streaming_failure", streamingFailure) }
            json.key("freshness")
            json.object {
                $0.member("events", freshness.count)
                if let half = freshness.bound(0.5) { $0.member("p50_at_most_ms", half) }
                if let most = freshness.bound(0.99) { $0.member("p99_at_most_ms", most) }
            }
            json.key("dead_letters")
            json.array { json in
                for letters in deadLetters {
                    json.object {
                        $0.member("source", letters.source)
                        $0.member("state", letters.state)
                        $0.member("count", letters.count)
                    }
                }
            }
            json.member("future_events", futureEvents)
            json.key("connectors")
            json.array { json in for connector in connectors { connector.write(to: &json) } }
        }
    }
}

extension WorkspaceStatus.View {
    fileprivate func write(to json: inout JSONWriter, endOffset: Int64) {
        json.object {
            $0.member("view", name)
            $0.member("offset", offset)
            $0.member("lag", max(0, endOffset - offset))
            let counts: [(String, Int?)] = [
                ("applied", applied), ("late", late), ("beyond_reach", beyondReach), ("replayed", replayed),
                ("waiting", waiting), ("resident", resident), ("dirty", dirty),
            ]
            for case (let name, let count?) in counts { $0.member(name, count) }
            if let checkpointAgeSeconds { $0.member("checkpoint_age_seconds", checkpointAgeSeconds) }
        }
    }
}

extension ConnectorStatus {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("source", source)
            json.member("kind", kind)
            json.member("state", state.rawValue)
            json.member("messages", messages)
            json.member("redeliveries", redeliveries)
            json.member("reconnects", reconnects)
            json.member("poison", poison)
            if let slotState { json.member("slot", slotState) }
            if let lastError { json.member("last_error", lastError) }
            json.key("lags")
            json.array { json in
                for lag in lags {
                    json.object {
                        $0.member("stream", lag.stream)
                        if let messages = lag.messages { $0.member("messages", messages) }
                        if let bytes = lag.bytes { $0.member("bytes", bytes) }
                        if let seconds = lag.seconds { $0.member("seconds", seconds) }
                    }
                }
            }
        }
    }
}

extension FreshnessHistogram {
    /// The upper end of the bucket in which this share of the events is reached, milliseconds; nil where that is beyond
    /// all bounds, or there are none.
    fileprivate func bound(_ share: Double) -> Int? {
        var seen = 0
        for (bound, count) in zip(Self.bounds, buckets) {
            seen += count
            if count > 0, Double(seen) >= share * Double(self.count) { return Int(bound / 1_000) }
        }
        return nil
    }
}
