package import MartletCore
internal import MartletLog

/// Brings a Kafka topic into the log as a member of a consumer group.
///
/// The next offset of each partition is stored in the same batch as its messages and wins over what the group has
/// committed: a message is stored exactly once, in the order of its partition, whatever breaks. The group is told
/// afterwards, for tools that watch its lag.
package final class KafkaSource: Connector {
    private let settings: KafkaSettings
    private let sink: any RawMessageSink
    private let runner: ConnectorRun

    /// - Parameter seed: of the jitter between attempts.
    package init(
        _ settings: KafkaSettings, sink: any RawMessageSink, limits: ConnectorLimits = ConnectorLimits(),
        time: any TimeSource = SystemTimeSource(), seed: UInt64
    ) {
        self.settings = settings
        self.sink = sink
        runner = ConnectorRun(source: settings.source, kind: "kafka", limits: limits, time: time, seed: seed)
    }

    package var status: ConnectorStatus { runner.status }
    package func stop() { runner.stop() }

    package func run() {
        runner.repeatSessions(isFinal: { $0.code == .invalidSettings || $0.code == .corruptData }) { whenRunning in
            let session = try KafkaSession(settings, sink: sink, run: runner)
            defer { session.close() }
            try session.run(whenRunning)
        }
    }
}
