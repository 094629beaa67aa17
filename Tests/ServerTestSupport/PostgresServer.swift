internal import Glibc
internal import MartletCore
internal import MartletTestSupport

/// A PostgreSQL 15 of Debian's with folders and a port of its own, set up for logical decoding; ended with the last
/// reference to it. It refuses to run as root and then runs as `postgres`, the user that its package brings.
package final class PostgresServer {
    private static let programs = "/usr/lib/postgresql/15/bin"
    private let folder = TemporaryFolder()
    private var process: RunningProcess?
    package let port = freePort()
    private var data: String { "\(folder.path)/data" }

    /// - Throws: `missingLibrary` where PostgreSQL is not installed: run `scripts/bootstrap`.
    package init(settings: [String: String] = [:]) throws {
        guard access("\(Self.programs)/initdb", X_OK) == 0 else {
            throw MartletError(.missingLibrary, "PostgreSQL 15 is missing", fix: "run scripts/bootstrap")
        }
        chmod(folder.path, 0o777)
        let made = try runProcess(
            Self.asServer([
                "\(Self.programs)/initdb", "-D", data, "-U", "martlet", "--auth=trust", "-E", "UTF8",
                "--no-locale", "--no-sync",
            ]))
        guard made.status == 0 else { throw MartletError(.internalFault, "initdb ended: \(made.errors)") }
        var lines = [
            "listen_addresses = '127.0.0.1'", "port = \(port)", "unix_socket_directories = ''",
            "wal_level = logical", "max_wal_senders = 10", "max_replication_slots = 10",
            "shared_buffers = 32MB",
        ]
        lines += settings.map { "\($0) = '\($1)'" }
        folder.write(lines.joined(separator: "\n") + "\n", to: "settings.conf")
        try start()
    }

    deinit { stop() }

    /// Where a client connects; the user may do everything.
    package var url: String { "postgresql://martlet@127.0.0.1:\(port)/postgres" }

    /// Starts it again after it was ended.
    package func start() throws {
        let started = try RunningProcess(
            Self.asServer([
                "\(Self.programs)/postgres", "-D", data, "-c", "config_file=\(folder.path)/settings.conf", "-c",
                "data_directory=\(data)", "-c", "hba_file=\(data)/pg_hba.conf", "-c",
                "ident_file=\(data)/pg_ident.conf",
            ]), directory: "/")
        process = started
        try started.wait(for: "a PostgreSQL that answers") {
            try runProcess(["\(Self.programs)/pg_isready", "-q", "-h", "127.0.0.1", "-p", "\(port)"]).status == 0
        }
    }

    /// Ends it at once, as a crash of the machine would: what was not synced by then is recovered from its log.
    package func kill() {
        signalServer(SIGQUIT)
        process = nil
    }

    package func stop() {
        guard process != nil else { return }
        signalServer(SIGINT)
        process = nil
    }

    /// To the server's own process, which its first line of `postmaster.pid` names: `runuser` stands before it.
    private func signalServer(_ number: Int32) {
        let first = folder.text(of: "data/postmaster.pid").split(separator: "\n").first
        guard let server = first.flatMap({ pid_t($0) }), server > 1 else { return }
        Glibc.kill(server, number)
        _ = process?.wait()
    }

    private static func asServer(_ arguments: [String]) -> [String] {
        geteuid() == 0 ? ["/usr/sbin/runuser", "-u", "postgres", "--"] + arguments : arguments
    }
}
