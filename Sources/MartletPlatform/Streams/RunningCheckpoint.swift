internal import Dispatch
internal import MartletCore
internal import MartletStreams
internal import Synchronization

/// Checkpoints that a thread of their own stores, while events go on being counted.
final class RunningCheckpoint: Sendable {
    private let checkpoints: [StreamCheckpoint]
    private let thread = DispatchGroup()
    private let outcome = Mutex<Result<Void, any Error>?>(nil)

    init(_ checkpoints: [StreamCheckpoint], _ time: any TimeSource) {
        self.checkpoints = checkpoints
        startThread(group: thread) { [self] in
            let result = Result { for checkpoint in checkpoints { try checkpoint.store(at: time.now()) } }
            outcome.withLock { $0 = result }
        }
    }

    var isDone: Bool { outcome.withLock { $0 != nil } }

    func wait() { thread.wait() }

    /// Waits for the end.
    /// - Returns: what is stored.
    /// - Throws: what the store threw.
    func stored() throws -> [StreamCheckpoint] {
        wait()
        try outcome.withLock { try $0?.get() }
        return checkpoints
    }
}
