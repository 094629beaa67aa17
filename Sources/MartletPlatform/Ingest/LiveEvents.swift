internal import Dispatch
internal import Glibc
package import MartletConnectors
package import MartletCore
package import MartletLog
package import MartletOnline
internal import MartletStreams
internal import Synchronization

/// What a server runs for the events of a workspace: the door they come in by, the connectors of its sources, the
/// landing of what the log holds, and the views that follow it. Where another process takes the workspace's events in,
/// it does none of that, and says so to those who push.
package final class LiveEvents: Sendable {
    private let workspace: Workspace
    private let store: Result<StreamStore, any Error>
    private let tell: @Sendable (String) -> Void
    private let whenOpen: @Sendable () -> Void
    private let opening = DispatchGroup()
    private let state = Mutex(State.opening)

    private enum State {
        case opening
        case open(Parts)
        case closed(any Error)
    }

    private struct Parts {
        let door: EventDoor
        let lander: Lander
        let streams: StreamRunner
        let connectors: ConnectorRunner
        let retrier: LetterRetrier
    }

    /// How long the first reader waits for the log: a short one is open by then, and the lock of any is taken.
    private static let patienceMilliseconds = 25

    /// Begins to open all of it. A long log takes a while, for which only those wait who push.
    /// - Parameters:
    ///   - isRunning: whether what comes in is landed, and counted by the views that follow the log.
    ///   - tell: takes a line for whoever watches the server.
    ///   - whenOpen: called once this process has the log.
    package init(
        _ workspace: Workspace, isRunning: Bool = true, tell: @escaping @Sendable (String) -> Void = tellStandardError,
        whenOpen: @escaping @Sendable () -> Void = {}
    ) {
        self.workspace = workspace
        self.tell = tell
        self.whenOpen = whenOpen
        store = Result { StreamStore(try workspace.onlineStore()) }
        workspace.beginServing()
        startThread(group: opening) { [self] in open(isRunning) }
        if isRunning {
            _ = opening.wait(timeout: .now() + .milliseconds(Self.patienceMilliseconds))
        } else {
            waitUntilOpen()
        }
    }

    private func open(_ isRunning: Bool) {
        let opened: State
        do {
            let parts = Parts(
                door: try EventDoor(workspace), lander: try Lander(workspace),
                streams: try StreamRunner(workspace, serving: try store.get()),
                connectors: try ConnectorRunner(workspace), retrier: try LetterRetrier(workspace, tell: tell))
            opened = .open(parts)
            whenOpen()
            if isRunning {
                parts.lander.start()
                parts.streams.start()
                parts.connectors.start()
                parts.retrier.start()
            }
        } catch {
            opened = .closed(error)
        }
        state.withLock { $0 = opened }
    }

    private func waitUntilOpen() { opening.wait() }

    /// Waits for the log to be open.
    /// - Throws: why no events are taken in here.
    package func openDoor() throws -> EventDoor {
        waitUntilOpen()
        return try state.withLock {
            switch $0 {
            case .open(let parts): return parts.door
            case .closed(let error): throw error
            case .opening: preconditionFailure("the log is open, or closed")
            }
        }
    }

    /// How all of it is doing; nil where this process takes no events in.
    package var status: LiveStatus? {
        state.withLock { state in
            guard case .open(let parts) = state, let intake = try? workspace.intake else { return nil }
            return LiveStatus(
                now: workspace.time.now(), startOffset: intake.log.startOffset, endOffset: intake.log.endOffset,
                logBytes: intake.log.sizeBytes,
                log: intake.log.counts, logFailure: intake.log.failure, deadLetters: intake.deadLetters.counts,
                futureEvents: intake.deadLetters.count { $0.reason.hasSuffix(": in the future") },
                repeatedLetters: intake.deadLetters.repeated, retries: parts.retrier.status,
                landing: parts.lander.status, streaming: parts.streams.status, connectors: parts.connectors.statuses)
        }
    }

    /// The online store, with the views that follow the log as they are in memory.
    package func onlineStore() throws -> any OnlineStore {
        try store.get()
    }

    /// Lands and refines all events with smaller offsets. Blocks.
    package func land(upTo end: Int64) throws { _ = try workspace.landAll(upTo: end) }

    /// As `land(upTo:)`.
    /// - Throws: `checkFailed` where a critical check holds events of the source back.
    package func land(upTo end: Int64, of source: String) throws {
        for landing in try workspace.landAll(upTo: end) where landing.source == source {
            if let failure = landing.criticalFailure { throw failure }
        }
    }

    /// Tries once the dead letters that are due, on the calling thread. Blocks.
    package func retryLetters() throws {
        waitUntilOpen()
        let retrier = state.withLock { state -> LetterRetrier? in
            if case .open(let parts) = state { parts.retrier } else { nil }
        }
        try retrier?.step()
    }

    /// Waits until the views that follow the log have counted all events with smaller offsets.
    /// - Throws: why they have not for now.
    package func counted(upTo end: Int64) async throws {
        waitUntilOpen()
        let streams = state.withLock { state -> StreamRunner? in
            if case .open(let parts) = state { parts.streams } else { nil }
        }
        try await streams?.counted(upTo: end)
    }

    package func definitionsChanged() {
        waitUntilOpen()
        state.withLock { state in
            guard case .open(let parts) = state else { return }
            parts.door.definitionsChanged()
            parts.streams.definitionsChanged()
            parts.connectors.definitionsChanged()
            parts.retrier.definitionsChanged()
        }
    }

    /// Ends the landing after its step; what is not landed stays in the log.
    package func stop() {
        waitUntilOpen()
        let running = state.withLock { state -> Parts? in
            guard case .open(let parts) = state else { return nil }
            state = .closed(MartletError(.cancelled, "the server ends"))
            return parts
        }
        running?.connectors.stop()
        running?.retrier.stop()
        running?.lander.stop()
        running?.streams.stop()
    }
}

/// Writes a line for whoever watches a server.
package func tellStandardError(_ line: String) {
    let bytes = Array("martlet: \(line)\n".utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// What becomes of events in a running server.
package struct LiveStatus: Sendable {
    package let now: Timestamp
    /// Events with smaller offsets were let go of.
    package let startOffset: Int64
    /// Behind the last durable event.
    package let endOffset: Int64
    package let logBytes: Int
    package let log: LogCounts
    /// Why nothing is acknowledged any more.
    package let logFailure: MartletError?
    package let deadLetters: [DeadLetterCount: Int]
    /// Dead letters that happened too far ahead of the clock.
    package let futureEvents: Int
    /// Letters that came again while they were open, and were not kept twice.
    package let repeatedLetters: Int
    package let retries: RetryStatus
    package let landing: LanderStatus
    package let streaming: StreamStatus
    package let connectors: [ConnectorStatus]
}
