internal import Dispatch
internal import MartletCore
internal import Synchronization

extension EventLog {
    /// Lets a thread of the log's write what is appended, from now until `close`. Called once.
    package func start() {
        // The thread keeps the log until `close`.
        startThread(group: threads) { self.writeUntilClosed() }
    }

    private func writeUntilClosed() {
        while true {
            wake.wait()
            while writeGroup() > 0 {}
            if shared.withLock({ $0.isClosed && $0.queue.isEmpty }) { return }
        }
    }

    /// Refuses further appends, writes what waits and ends the thread. Who waits for events is wakened.
    package func close() {
        let wakened = shared.withLock { state in
            state.isClosed = true
            return state.takeWaiters { _ in true }
        }
        wake.signal()
        threads.wait()
        while writeGroup() > 0 {}
        for waiter in wakened { waiter.wake() }
    }
}
