internal import MartletCore
internal import Synchronization

/// What all connectors share: their status, the wish to stop, and attempts one after the other with pauses between.
final class ConnectorRun: Sendable {
    let wake = WakePipe()
    let limits: ConnectorLimits
    let time: any TimeSource
    let seed: UInt64
    private let shared: Mutex<ConnectorStatus>
    private let isStopping = Atomic(false)

    init(source: String, kind: String, limits: ConnectorLimits, time: any TimeSource, seed: UInt64) {
        self.limits = limits
        self.time = time
        self.seed = seed
        shared = Mutex(ConnectorStatus(source: source, kind: kind))
    }

    var status: ConnectorStatus { shared.withLock { $0 } }
    var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    func update(_ body: (inout ConnectorStatus) -> Void) { shared.withLock { body(&$0) } }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.signal()
    }

    /// Runs sessions until asked to stop. A session returns when it is asked to, and throws what ended it.
    /// - Parameter isFinal: whether no further session can mend the failure.
    func repeatSessions(isFinal: (MartletError) -> Bool, _ session: (_ whenRunning: () -> Void) throws -> Void) {
        var delay = RetryDelay(limits, seed: seed)
        while !shouldStop {
            do {
                update { $0.state = .starting }
                try session { delay.reset() }
            } catch {
                let failure = error as? MartletError ?? MartletError(.internalFault, "\(error)")
                let ends = isFinal(failure)
                update { status in
                    status.lastError = failure.description
                    status.reconnects += 1
                    status.state = ends ? .failed : .waiting
                }
                if ends { return }
                pause(milliseconds: delay.next())
            }
        }
        update { $0.state = .stopped }
    }

    func pause(milliseconds: Int32) {
        let end = time.monotonicNanoseconds() + UInt64(milliseconds) * 1_000_000
        while !shouldStop {
            let now = time.monotonicNanoseconds()
            if now >= end { return }
            wake.wait(milliseconds: Int32((end - now) / 1_000_000) + 1)
        }
    }
}
