internal import MartletCore
internal import MartletHTTP
internal import MartletPlatform
internal import Synchronization

/// How other processes of the same user find this server: told once it answers and has the workspace's log, whichever
/// comes last.
final class OwnerAddress: Sendable {
    private let workspace: Workspace
    private let token = RunningServer.randomToken()
    private let state = Mutex(State())

    private struct State {
        var server: RunningServer?
        var hasLog = false
        var isWithdrawn = false
    }

    init(_ workspace: Workspace) { self.workspace = workspace }

    func hasLog() {
        state.withLock { $0.hasLog = true }
        publishIfReady()
    }

    /// - Parameter isSecret: whether it speaks TLS; the command line then needs its certificate to be known here.
    func answers(host: String, port: UInt16, isSecret: Bool) {
        // From this machine: where it listens on all addresses, by the one that is its own.
        let name = ["0.0.0.0", "::", ""].contains(host) ? "127.0.0.1" : host
        let server = RunningServer(
            url: "http\(isSecret ? "s" : "")://\(name.contains(":") ? "[\(name)]" : name):\(port)", token: token)
        state.withLock { $0.server = server }
        publishIfReady()
    }

    private func publishIfReady() {
        state.withLock { state in
            guard let server = state.server, state.hasLog, !state.isWithdrawn else { return }
            do {
                try workspace.publish(server)
            } catch {
                // The server does without: only the command line beside it is refused.
                tellStandardError("the command line will not find this server: \(error)")
            }
        }
    }

    func withdraw() {
        state.withLock { state in
            state.isWithdrawn = true
            if let server = state.server { workspace.withdraw(server) }
        }
    }

    /// - Throws: `notFound` for a request without the token.
    func require(_ request: borrowing Request) throws {
        let sent = request.header("Authorization") ?? ""
        let isAccepted = state.withLock { state in
            sent.hasPrefix("Bearer ") && state.server?.accepts(String(sent.dropFirst(7))) ?? false
        }
        guard isAccepted else {
            throw MartletError(
                .notFound, "there is nothing at this path", fix: "the command line asks here, with the server's token")
        }
    }
}
