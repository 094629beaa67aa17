internal import Dispatch
package import MartletCore
internal import Synchronization

extension PaymentGenerator {
    /// Hands every batch to `body` in order, while `settings.threads` threads make the next ones; at most two a
    /// thread wait.
    ///
    /// `body` runs on the calling thread. Blocks it; not for use on the cooperative pool.
    /// - Throws: what `body` throws, after the threads have stopped.
    package func forEachBatch(_ body: (Int, RecordBatch) throws -> Void) throws {
        let threads = min(settings.threads, batchCount)
        if threads <= 1 {
            for index in 0..<batchCount { try body(index, batch(index)) }
            return
        }
        let line = AssemblyLine(count: batchCount, room: threads * 2)
        let group = DispatchGroup()
        for _ in 0..<threads {
            // A batch is milliseconds of compute: worth a thread of its own, never a task a row.
            startThread(group: group) {
                while let index = line.claim() { line.deliver(batch(index), index) }
            }
        }
        defer {
            line.stop()
            group.wait()
        }
        for index in 0..<batchCount { try body(index, line.take(index)) }
    }
}

/// Batches on their way from the threads that make them to the one that takes them in order.
private final class AssemblyLine: Sendable {
    private struct State: Sendable {
        var next = 0
        var isStopped = false
        var finished: [Int: RecordBatch] = [:]
    }

    private let count: Int
    private let state = Mutex(State())
    /// One permit for each batch that may be begun.
    private let room: DispatchSemaphore
    /// One for each place in the line; batch `i` waits at place `i % room`, which it has alone.
    private let ready: [DispatchSemaphore]

    init(count: Int, room: Int) {
        self.count = count
        self.room = DispatchSemaphore(value: 0)
        ready = (0..<room).map { _ in DispatchSemaphore(value: 0) }
        // Signalled up, not made with a value: a semaphore may not be freed below its first value.
        for _ in 0..<room { self.room.signal() }
    }

    /// The next batch to make; nil when there is none.
    func claim() -> Int? {
        room.wait()
        let index: Int? = state.withLock {
            guard !$0.isStopped, $0.next < count else { return nil }
            $0.next += 1
            return $0.next - 1
        }
        // The permit goes on to the next thread that waits to learn that nothing is left.
        if index == nil { room.signal() }
        return index
    }

    func deliver(_ batch: RecordBatch, _ index: Int) {
        state.withLock { $0.finished[index] = batch }
        ready[index % ready.count].signal()
    }

    func take(_ index: Int) -> RecordBatch {
        ready[index % ready.count].wait()
        let batch = state.withLock { $0.finished.removeValue(forKey: index) }
        room.signal()
        guard let batch else { preconditionFailure("batch \(index) was signalled and is not there") }
        return batch
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        room.signal()
    }
}
