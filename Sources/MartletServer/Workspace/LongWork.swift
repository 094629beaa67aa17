internal import Dispatch
internal import MartletCore

/// Work of requests that may outlast the server's patience with them: told to stop when the server does, so that it can
/// end its own processes and remove its files.
final class LongWork: Sendable {
    /// More than a Spark run takes to end.
    private static let endSeconds = 15

    private let cancellation = Cancellation()
    private let running = DispatchGroup()

    func run<T>(_ body: (Cancellation) throws -> T) rethrows -> T {
        running.enter()
        defer { running.leave() }
        return try body(cancellation)
    }

    /// Runs `body` on a thread of its own: nobody waits for it but `end`.
    func start(
        _ body: @escaping @Sendable (Cancellation) throws -> Void,
        onFailure: @escaping @Sendable (any Error) -> Void
    ) {
        startThread(group: running, isPatient: true) { [cancellation] in
            do {
                try body(cancellation)
            } catch {
                onFailure(error)
            }
        }
    }

    /// Cancels what runs and waits for its end.
    func end() {
        cancellation.cancel()
        _ = running.wait(timeout: .now() + .seconds(Self.endSeconds))
    }
}
