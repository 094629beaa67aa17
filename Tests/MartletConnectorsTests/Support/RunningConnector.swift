import Dispatch
import MartletConnectors
import MartletCore
import MartletTestSupport
import Testing

/// Runs a connector on a thread of its own until `finish`.
final class RunningConnector {
    let connector: any Connector
    private let group = DispatchGroup()

    init(_ connector: any Connector) {
        self.connector = connector
        startThread(group: group) { connector.run() }
    }

    deinit { finish() }

    func finish() {
        connector.stop()
        group.wait()
    }

    /// Waits until the condition holds.
    func wait(_ event: String, seconds: Int = 60, _ holds: () -> Bool) throws {
        guard waitFor(seconds: seconds, { holds() ? true : nil }) != nil else {
            throw MartletError(.internalFault, "no \(event) within \(seconds) s; \(connector.status)")
        }
    }
}

let quickRetries: ConnectorLimits = {
    var limits = ConnectorLimits()
    limits.firstPause = TimeSpan(microseconds: 20_000)
    limits.longestPause = TimeSpan(microseconds: 500_000)
    return limits
}()
