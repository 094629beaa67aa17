internal import MartletCore
internal import MartletHTTP
internal import MartletPlatform
internal import Synchronization

/// How other processes of the same user find this server while it has the workspace's log.
final class OwnerAddress: Sendable {
    private let workspace: Workspace
    private let token = RunningServer.randomToken()
    private let published = Mutex<RunningServer?>(nil)
    private let isWithdrawn = Atomic<Bool>(false)

    init(_ workspace: Workspace) { self.workspace = workspace }

    /// - Parameter isSecret: whether it speaks TLS; the command line then needs its certificate to be known here.
    /// - Throws: what writing the address throws.
    func publish(host: String, port: UInt16, isSecret: Bool) throws {
        // The log of a server that ends at once may be open only then.
        if isWithdrawn.load(ordering: .acquiring) { return }
        // From this machine: where it listens on all addresses, by the one that is its own.
        let name = ["0.0.0.0", "::", ""].contains(host) ? "127.0.0.1" : host
        let server = RunningServer(
            url: "http\(isSecret ? "s" : "")://\(name.contains(":") ? "[\(name)]" : name):\(port)", token: token)
        try workspace.publish(server)
        published.withLock { $0 = server }
    }

    func withdraw() {
        isWithdrawn.store(true, ordering: .releasing)
        if let server = published.withLock({ $0.take() }) { workspace.withdraw(server) }
    }

    /// - Throws: `accessDenied` for a request without the token.
    func require(_ request: borrowing Request) throws {
        let sent = request.header("Authorization") ?? ""
        let isAccepted = published.withLock { server in
            sent.hasPrefix("Bearer ") && server?.accepts(String(sent.dropFirst(7))) ?? false
        }
        guard isAccepted else {
            throw MartletError(
                .notFound, "there is nothing at this path", fix: "the command line asks here, with the server's token")
        }
    }
}
