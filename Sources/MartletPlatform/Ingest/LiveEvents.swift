internal import MartletCore
internal import Synchronization

/// What a server runs for the events of a workspace: the door they come in by, and the landing of what the log holds.
/// Where another process takes the workspace's events in, it does neither, and says so to those who push.
package final class LiveEvents: Sendable {
    private let workspace: Workspace
    private let state: Mutex<State>

    private enum State {
        case open(EventDoor, Lander)
        case closed(any Error)
    }

    /// - Parameter isLanding: whether what comes in is landed by itself.
    package init(_ workspace: Workspace, isLanding: Bool = true) {
        self.workspace = workspace
        do {
            let (door, lander) = (try EventDoor(workspace), try Lander(workspace))
            state = Mutex(.open(door, lander))
            if isLanding { lander.start() }
        } catch {
            state = Mutex(.closed(error))
        }
    }

    /// - Throws: why no events are taken in here.
    package func openDoor() throws -> EventDoor {
        try state.withLock {
            switch $0 {
            case .open(let door, _): return door
            case .closed(let error): throw error
            }
        }
    }

    package var landing: LanderStatus? {
        state.withLock { if case .open(_, let lander) = $0 { lander.status } else { nil } }
    }

    /// Lands and refines all events with smaller offsets. Blocks.
    package func land(upTo end: Int64) throws { _ = try workspace.landAll(upTo: end) }

    package func definitionsChanged() { try? openDoor().definitionsChanged() }

    /// Ends the landing after its step; what is not landed stays in the log.
    package func stop() {
        let lander = state.withLock { state -> Lander? in
            guard case .open(_, let lander) = state else { return nil }
            state = .closed(MartletError(.cancelled, "the server ends"))
            return lander
        }
        lander?.stop()
    }
}
