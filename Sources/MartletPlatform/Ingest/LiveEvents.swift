internal import Dispatch
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
    private let opening = DispatchGroup()
    private let state = Mutex(State.opening)

    private enum State {
        case opening
        case open(EventDoor, Lander, StreamRunner, ConnectorRunner)
        case closed(any Error)
    }

    /// How long the first reader waits for the log: a short one is open by then, and the lock of any is taken.
    private static let patienceMilliseconds = 25

    /// Begins to open all of it. A long log takes a while, for which only those wait who push.
    /// - Parameter isRunning: whether what comes in is landed, and counted by the views that follow the log.
    package init(_ workspace: Workspace, isRunning: Bool = true) {
        self.workspace = workspace
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
            let (door, lander) = (try EventDoor(workspace), try Lander(workspace))
            let streams = try StreamRunner(workspace, serving: try store.get())
            let connectors = try ConnectorRunner(workspace)
            opened = .open(door, lander, streams, connectors)
            if isRunning {
                lander.start()
                streams.start()
                connectors.start()
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
            case .open(let door, _, _, _): return door
            case .closed(let error): throw error
            case .opening: preconditionFailure("the log is open, or closed")
            }
        }
    }

    /// How all of it is doing; nil where this process takes no events in.
    package var status: LiveStatus? {
        state.withLock { state in
            guard case .open(_, let lander, let streams, let connectors) = state, let intake = try? workspace.intake
            else { return nil }
            return LiveStatus(
                now: workspace.time.now(), startOffset: intake.log.startOffset, endOffset: intake.log.endOffset,
                logBytes: intake.log.sizeBytes,
                log: intake.log.counts, logFailure: intake.log.failure, deadLetters: intake.deadLetters.counts,
                futureEvents: intake.deadLetters.count { $0.reason.hasSuffix(": in the future") },
                landing: lander.status, streaming: streams.status, connectors: connectors.statuses)
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

    /// Waits until the views that follow the log have counted all events with smaller offsets.
    /// - Throws: why they have not for now.
    package func counted(upTo end: Int64) async throws {
        waitUntilOpen()
        let streams = state.withLock { state -> StreamRunner? in
            if case .open(_, _, let streams, _) = state { streams } else { nil }
        }
        try await streams?.counted(upTo: end)
    }

    package func definitionsChanged() {
        waitUntilOpen()
        state.withLock { state in
            guard case .open(let door, _, let streams, let connectors) = state else { return }
            door.definitionsChanged()
            streams.definitionsChanged()
            connectors.definitionsChanged()
        }
    }

    /// Ends the landing after its step; what is not landed stays in the log.
    package func stop() {
        waitUntilOpen()
        let running = state.withLock { state -> (Lander, StreamRunner, ConnectorRunner)? in
            guard case .open(_, let lander, let streams, let connectors) = state else { return nil }
            state = .closed(MartletError(.cancelled, "the server ends"))
            return (lander, streams, connectors)
        }
        running?.2.stop()
        running?.0.stop()
        running?.1.stop()
    }
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
    package let landing: LanderStatus
    package let streaming: StreamStatus
    package let connectors: [ConnectorStatus]
}
