internal import Dispatch
package import MartletCore
internal import Synchronization

/// Somebody to be told once there are events from an offset on, or once there will be none.
struct LogWaiter: Sendable {
    let offset: Int64
    let wake: @Sendable () -> Void
}

extension EventLog {
    /// Calls `body` once: when an event with the offset is durable, when the log fails or is closed. At once on this
    /// thread where that is so already, else on the log's thread, which it must not block.
    /// - Returns: what `stopWaiting` takes.
    @discardableResult
    package func whenReadable(_ offset: Int64, _ body: @escaping @Sendable () -> Void) -> Int {
        let (number, isDue) = shared.withLock { state in
            state.nextWaiter += 1
            let isDue = state.openSegment.endOffset > offset || state.refusal != nil
            if !isDue { state.waiters[state.nextWaiter] = LogWaiter(offset: offset, wake: body) }
            return (state.nextWaiter, isDue)
        }
        if isDue { body() }
        return number
    }

    /// Lets a body that was not called yet never be called.
    package func stopWaiting(_ number: Int) { shared.withLock { _ = $0.waiters.removeValue(forKey: number) } }

    /// Blocks until an event with the offset is durable. Not for threads of the cooperative pool.
    /// - Returns: false where the time ran out, the log failed or was closed.
    package func waitUntilReadable(_ offset: Int64, for span: TimeSpan) -> Bool {
        let semaphore = DispatchSemaphore(value: 0)
        let number = whenReadable(offset) { semaphore.signal() }
        if semaphore.wait(timeout: .now() + .microseconds(Int(span.microseconds))) == .timedOut { stopWaiting(number) }
        return endOffset > offset
    }

    /// Waits without blocking a thread until an event with the offset is durable, or until there will be none: the log
    /// failed or was closed, or the task was cancelled.
    package func readable(_ offset: Int64) async {
        let wait = SuspendedWait()
        let number = Mutex<Int?>(nil)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard wait.begin(continuation) else { return }
                let waiting = whenReadable(offset) { wait.end() }
                number.withLock { $0 = waiting }
            }
        } onCancel: {
            wait.end()
        }
        if let number = number.withLock({ $0 }) { stopWaiting(number) }
    }
}

/// A task that is resumed once, whoever comes first.
private final class SuspendedWait: Sendable {
    private let state = Mutex<(continuation: CheckedContinuation<Void, Never>?, isOver: Bool)>((nil, false))

    /// - Returns: false, with the task resumed, where the wait had ended before.
    func begin(_ continuation: CheckedContinuation<Void, Never>) -> Bool {
        let isOver = state.withLock { state in
            if !state.isOver { state.continuation = continuation }
            return state.isOver
        }
        if isOver { continuation.resume() }
        return !isOver
    }

    func end() {
        let continuation = state.withLock { state in
            defer { state = (nil, true) }
            return state.continuation
        }
        continuation?.resume()
    }
}
