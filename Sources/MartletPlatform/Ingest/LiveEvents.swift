package import MartletConnectors
internal import MartletCore
package import MartletOnline
internal import MartletStreams
internal import Synchronization

/// What a server runs for the events of a workspace: the door they come in by, the connectors of its sources, the landing
/// of what the log holds, and the views that follow it.
/// Where another process takes the workspace's events in, it does neither, and says so to those who push.
package final class LiveEvents: Sendable {
    private let workspace: Workspace
    private let state: Mutex<State>

    private enum State {
        case open(EventDoor, Lander, StreamRunner, ConnectorRunner)
        case closed(any Error)
    }

    /// - Parameter isRunning: whether what comes in is landed, and counted by the views that follow the log.
    package init(_ workspace: Workspace, isRunning: Bool = true) {
        self.workspace = workspace
        do {
            let (door, lander) = (try EventDoor(workspace), try Lander(workspace))
            let streams = try StreamRunner(workspace)
            let connectors = try ConnectorRunner(workspace)
            state = Mutex(.open(door, lander, streams, connectors))
            guard isRunning else { return }
            lander.start()
            streams.start()
            connectors.start()
        } catch {
            state = Mutex(.closed(error))
        }
    }

    /// - Throws: why no events are taken in here.
    package func openDoor() throws -> EventDoor {
        try state.withLock {
            switch $0 {
            case .open(let door, _, _, _): return door
            case .closed(let error): throw error
            }
        }
    }

    package var landing: LanderStatus? {
        state.withLock { if case .open(_, let lander, _, _) = $0 { lander.status } else { nil } }
    }

    package var connectors: [ConnectorStatus] {
        state.withLock { if case .open(_, _, _, let connectors) = $0 { connectors.statuses } else { [] } }
    }

    package var streaming: StreamStatus? {
        state.withLock { if case .open(_, _, let streams, _) = $0 { streams.status } else { nil } }
    }

    /// The online store, with the views that follow the log as they are in memory.
    package func onlineStore() throws -> any OnlineStore {
        let streamed = state.withLock { state -> StreamStore? in
            if case .open(_, _, let streams, _) = state { streams.store } else { nil }
        }
        return try streamed ?? workspace.onlineStore()
    }

    /// Lands and refines all events with smaller offsets. Blocks.
    package func land(upTo end: Int64) throws { _ = try workspace.landAll(upTo: end) }

    package func definitionsChanged() {
        state.withLock { state in
            guard case .open(let door, _, let streams, let connectors) = state else { return }
            door.definitionsChanged()
            streams.definitionsChanged()
            connectors.definitionsChanged()
        }
    }

    /// Ends the landing after its step; what is not landed stays in the log.
    package func stop() {
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
