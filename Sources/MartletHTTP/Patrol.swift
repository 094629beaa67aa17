internal import Dispatch
internal import MartletCore

/// A thread that calls its server once a second until it is stopped.
final class Patrol: Sendable {
    private let stopped = DispatchSemaphore(value: 0)
    private let thread = DispatchGroup()

    init(_ round: @escaping @Sendable () -> Void) {
        startThread(group: thread) { [stopped] in
            while stopped.wait(timeout: .now() + .seconds(1)) == .timedOut { round() }
        }
    }

    /// Blocks until the thread has ended.
    func stop() {
        stopped.signal()
        thread.wait()
    }
}
