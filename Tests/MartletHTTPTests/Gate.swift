import Dispatch

/// Holds a handler until the test lets it go on.
final class Gate: Sendable {
    private let entered = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)

    func wait() {
        entered.signal()
        _ = opened.wait(timeout: .now() + 10)
    }

    func waitUntilEntered() { _ = entered.wait(timeout: .now() + 10) }
    func open() { opened.signal() }
}

/// A thread of the test's own.
final class Thread: Sendable {
    private let done = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () -> Void) {
        DispatchQueue.global().async { [done] in
            body()
            done.signal()
        }
    }

    func join() { _ = done.wait(timeout: .now() + 10) }
}
