package import MartletCore
internal import MartletDatabase
internal import MartletLog

/// Brings a PostgreSQL table into the log: once as a whole, then every change of it, by logical replication.
///
/// A batch carries the place in the change log up to which its changes reach; the server is told only what is durable.
/// After a crash of either side the server sends again what it was not told, and what is stored already is left out:
/// every change is stored exactly once, in the order of the commits.
package final class ChangeCapture: Connector {
    private let settings: ChangeCaptureSettings
    private let sink: any RawMessageSink
    private let runner: ConnectorRun

    /// - Parameter seed: of the jitter between attempts.
    package init(
        _ settings: ChangeCaptureSettings, sink: any RawMessageSink, limits: ConnectorLimits = ConnectorLimits(),
        time: any TimeSource = SystemTimeSource(), seed: UInt64
    ) {
        self.settings = settings
        self.sink = sink
        runner = ConnectorRun(source: settings.source, kind: "postgres", limits: limits, time: time, seed: seed)
    }

    package var status: ConnectorStatus { runner.status }
    package func stop() { runner.stop() }

    package func run() {
        runner.repeatSessions(isFinal: { $0.code == .invalidSettings || $0.code == .corruptData }) { whenRunning in
            let session = try CaptureSession(settings, sink: sink, run: runner)
            defer { session.settle() }
            try session.run(whenRunning)
        }
    }
}
