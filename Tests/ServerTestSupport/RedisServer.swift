internal import Glibc
internal import MartletCore
internal import MartletTestSupport

/// A redis-server on loopback with a free port and a private folder.
package final class RedisServer: Sendable {
    package let port: Int
    private let child: ChildServer

    /// - Parameter options: of the server, such as `["--appendonly", "yes"]`.
    package init(_ options: [String] = []) throws {
        var failure: any Error = MartletError(.internalFault, "redis-server did not start")
        // Somebody else may take the port in between.
        for _ in 0..<5 {
            let port = freePort()
            let folder = TemporaryFolder()
            let child = try ChildServer(
                [
                    "/usr/bin/redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path,
                    "--save", "", "--loglevel", "warning", "--enable-debug-command", "yes",
                ] + options, folder: folder)
            do {
                try Self.waitUntilReady(child, port)
                self.port = port
                self.child = child
                return
            } catch {
                failure = error
            }
        }
        throw failure
    }

    package func stop() { child.stop() }

    /// The same server on the same port again; without `--appendonly yes` it has forgotten everything.
    package func restart() throws {
        child.stop()
        try child.start()
        try Self.waitUntilReady(child, port)
    }

    /// Stops and lets go on, without the server's knowing.
    package func pause() { child.signal(SIGSTOP) }
    package func goOn() { child.signal(SIGCONT) }

    /// What redis-cli prints.
    @discardableResult
    package func command(_ arguments: String...) throws -> String {
        let result = try runProcess(["/usr/bin/redis-cli", "-p", "\(port)"] + arguments)
        guard result.status == 0 else { throw MartletError(.internalFault, "redis-cli: \(result.errors)") }
        return result.output
    }

    private static func waitUntilReady(_ child: ChildServer, _ port: Int) throws {
        let isReady = waitFor(seconds: 20) { () -> Bool? in
            if answers(port, "PING\r\n", with: "PONG") { return true }
            return child.hasEnded ? false : nil
        }
        guard isReady == true else { throw MartletError(.internalFault, "redis-server did not start: \(child.log)") }
    }
}

/// Three masters and a replica of the first.
package final class RedisCluster: Sendable {
    package let masters: [RedisServer]
    package let replica: RedisServer

    package init() throws {
        let options = [
            "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0",
            "--cluster-require-full-coverage", "no",
        ]
        masters = try (0..<3).map { _ in try RedisServer(options) }
        replica = try RedisServer(options)
        let nodes = masters.map { "127.0.0.1:\($0.port)" }
        try Self.cluster(["create"] + nodes + ["--cluster-yes"])
        try waitUntilSettled(masters, nodes: 3)
        let first = try masters[0].command("CLUSTER", "MYID").trimmingNewline
        try Self.cluster(
            ["add-node", "127.0.0.1:\(replica.port)", nodes[0], "--cluster-slave", "--cluster-master-id", first])
        try waitUntilSettled(masters + [replica], nodes: 4)
        let isReplicating = waitFor(seconds: 20) {
            (try? replica.command("INFO", "replication"))?.contains("master_link_status:up") == true ? true : nil
        }
        guard isReplicating != nil else { throw MartletError(.internalFault, "the replica does not follow") }
    }

    package func waitUntilSettled(_ servers: [RedisServer], nodes: Int) throws {
        for server in servers {
            let isSettled = waitFor(seconds: 30) { () -> Bool? in
                guard let info = try? server.command("CLUSTER", "INFO") else { return nil }
                return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:\(nodes)") ? true : nil
            }
            guard isSettled != nil else { throw MartletError(.internalFault, "the cluster did not form") }
        }
    }

    private static func cluster(_ arguments: [String]) throws {
        let result = try runProcess(["/usr/bin/redis-cli", "--cluster"] + arguments)
        guard result.status == 0 else {
            throw MartletError(.internalFault, "redis-cli --cluster: \(result.output)\(result.errors)")
        }
    }
}

extension String {
    package var trimmingNewline: String { split(separator: "\n").first.map(String.init) ?? "" }
}

extension RedisServer {
    /// Moves all keys of a slot that is marked as on its way.
    package func migrateSlot(_ slot: Int, to target: RedisServer) throws {
        let keys = try command("--no-raw", "CLUSTER", "GETKEYSINSLOT", "\(slot)", "10000")
        for line in keys.split(separator: "\n") {
            guard let start = line.firstIndex(of: "\""), let end = line.lastIndex(of: "\""), start < end else {
                continue
            }
            // In lines of its own redis-cli reads the same quoting that it prints.
            let result = try runProcess(
                ["/usr/bin/redis-cli", "-p", "\(port)"],
                input: "MIGRATE 127.0.0.1 \(target.port) \(line[start...end]) 0 5000\n")
            guard result.output.hasPrefix("OK") else {
                throw MartletError(.internalFault, "MIGRATE: \(result.output)")
            }
        }
    }
}
