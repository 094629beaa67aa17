package import MartletCore
internal import MartletLog

/// Brings a RabbitMQ queue into the log: a message is acknowledged once it is durable, and otherwise comes again.
///
/// The broker keeps no position that we could store with the messages, so one that was durable and not yet acknowledged
/// when something broke comes twice. With a message id the log knows it and stores it once; without one it is stored
/// at least once.
package final class RabbitMQSource: Connector {
    private let settings: RabbitMQSettings
    private let sink: any RawMessageSink
    private let runner: ConnectorRun

    /// - Parameter seed: of the jitter between attempts.
    package init(
        _ settings: RabbitMQSettings, sink: any RawMessageSink, limits: ConnectorLimits = ConnectorLimits(),
        time: any TimeSource = SystemTimeSource(), seed: UInt64
    ) {
        self.settings = settings
        self.sink = sink
        runner = ConnectorRun(source: settings.source, kind: "rabbitmq", limits: limits, time: time, seed: seed)
    }

    package var status: ConnectorStatus { runner.status }
    package func stop() { runner.stop() }

    package func run() {
        // Outlives connections: it is across them that a message comes again.
        var counts = DeliveryCounts()
        runner.repeatSessions(isFinal: { $0.code == .invalidSettings }) { whenRunning in
            let session = try RabbitMQSession(settings, sink: sink, run: runner)
            defer { session.close() }
            try session.run(&counts, whenRunning)
        }
    }
}
