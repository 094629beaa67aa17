internal import Synchronization

/// The wish to stop, told by whoever waits for long work to the work itself.
package final class Cancellation: Sendable {
    private struct State {
        var isCancelled = false
        var next = 0
        var handlers: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// May be called from any thread, but not from a signal handler. Later calls do nothing.
    package func cancel() {
        let handlers = state.withLock { state in
            defer { state.isCancelled = true }
            return state.isCancelled ? [] : Array(state.handlers.values)
        }
        for handler in handlers { handler() }
    }

    /// - Throws: `cancelled`. Long work calls it between its pieces.
    package func check() throws(MartletError) {
        if isCancelled { throw MartletError(.cancelled, "stopped as asked") }
    }

    /// Runs `body`; `handler` is called when the wish comes meanwhile, to wake work that cannot ask for itself.
    package func whileRunning<T>(onCancel handler: @escaping @Sendable () -> Void, _ body: () throws -> T) throws -> T {
        let token = try state.withLock { state in
            if state.isCancelled { throw MartletError(.cancelled, "stopped as asked") }
            state.next += 1
            state.handlers[state.next] = handler
            return state.next
        }
        defer { state.withLock { _ = $0.handlers.removeValue(forKey: token) } }
        return try body()
    }
}
