internal import Dispatch
internal import MartletCore
internal import MartletQuery
internal import Synchronization

/// Carries batches from a thread that makes them to the engine that reads them, a few at a time.
final class BatchPipe: BatchCursor {
    private struct State {
        var waiting: [RecordBatch] = []
        var failure: (any Error)?
        var isFinished = false
        var isAbandoned = false
    }

    private let state = Mutex(State())
    private let room: DispatchSemaphore
    private let ready = DispatchSemaphore(value: 0)

    /// - Parameter capacity: batches that may wait.
    init(capacity: Int) {
        room = DispatchSemaphore(value: 0)
        // Signalled up, not made with a value: a semaphore may not be freed below its first value.
        for _ in 0..<capacity { room.signal() }
    }

    /// Waits for room.
    /// - Throws: `cancelled` once nobody reads any more.
    func push(_ batch: RecordBatch) throws {
        room.wait()
        try state.withLock { state in
            if state.isAbandoned { throw MartletError(.cancelled, "nobody reads these rows any more") }
            state.waiting.append(batch)
        }
        ready.signal()
    }

    func finish(_ failure: (any Error)? = nil) {
        state.withLock { state in
            state.isFinished = true
            state.failure = failure
        }
        ready.signal()
    }

    /// Lets the maker stop.
    func abandon() {
        state.withLock { $0.isAbandoned = true }
        room.signal()
    }

    func next() throws -> RecordBatch? {
        ready.wait()
        let batch: RecordBatch? = try state.withLock { state in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            if let failure = state.failure { throw failure }
            return nil
        }
        // The end stays readable.
        if batch == nil { ready.signal() } else { room.signal() }
        return batch
    }
}
