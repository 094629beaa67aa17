internal import Glibc
internal import MartletCore
internal import MartletTestSupport

/// A RabbitMQ of Debian's with a node, ports and folders of its own, and with its own port mapper; ended with the last
/// reference to it.
package final class RabbitMQServer {
    private static let programs = "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin"
    private let folder = TemporaryFolder()
    private let mapper: RunningProcess
    private var process: RunningProcess?
    package let port = freePort()
    private let mapperPort = freePort()
    private let distributionPort = freePort()

    /// - Throws: `missingLibrary` where RabbitMQ is not installed: run `scripts/bootstrap`.
    package init() throws {
        guard access("\(Self.programs)/rabbitmq-server", X_OK) == 0 else {
            throw MartletError(.missingLibrary, "RabbitMQ 3.10.8 is missing", fix: "run scripts/bootstrap")
        }
        mapper = try RunningProcess(
            ["/usr/bin/epmd", "-port", "\(mapperPort)", "-address", "127.0.0.1"], directory: "/")
        folder.write("[].\n", to: "enabled_plugins")
        folder.write(
            "log.file.level = error\nloopback_users.guest = false\nvm_memory_high_watermark.absolute = 512MB\n"
                + "disk_free_limit.absolute = 10MB\n", to: "rabbitmq.conf")
        try start()
    }

    deinit { kill() }

    package var url: String { "amqp://guest:guest@127.0.0.1:\(port)/%2F" }

    /// Starts it again after it was ended, with what it had on its disk.
    package func start() throws {
        let started = try RunningProcess(
            ["\(Self.programs)/rabbitmq-server"], directory: folder.path,
            environment: [
                "HOME": folder.path, "ERL_EPMD_PORT": "\(mapperPort)", "ERL_EPMD_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODENAME": "martlet\(port)@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODE_PORT": "\(port)", "RABBITMQ_DIST_PORT": "\(distributionPort)",
                "RABBITMQ_MNESIA_BASE": "\(folder.path)/data", "RABBITMQ_LOG_BASE": "\(folder.path)/log",
                "RABBITMQ_CONFIG_FILE": "\(folder.path)/rabbitmq.conf",
                "RABBITMQ_ENABLED_PLUGINS_FILE": "\(folder.path)/enabled_plugins",
                "RABBITMQ_PID_FILE": "\(folder.path)/process", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
                // The server then takes the place of its script, so that our signals reach it.
                "RUNNING_UNDER_SYSTEMD": "true",
            ])
        process = started
        try started.wait(for: "a RabbitMQ that answers", seconds: 120) {
            (try? RabbitMQPublisher(url: url)) != nil
        }
    }

    /// Waits until the list of quorum queues on the disk has this one: the broker writes it some seconds after it has
    /// made a queue, and one that is not listed does not come up after a kill.
    package func waitUntilListed(_ queue: String) throws {
        let node = "martlet\(port)@localhost"
        let name = Array("%2F_\(queue)".utf8)
        let isListed = waitFor { () -> Bool? in
            let list = folder.bytes(of: "data/\(node)/quorum/\(node)/names.dets")
            return list.indices.contains { list[$0...].starts(with: name) } ? true : nil
        }
        guard isListed == true else { throw MartletError(.internalFault, "\(queue) is not listed") }
    }

    /// Ends it at once, as a crash of the machine would.
    package func kill() {
        process?.signal(SIGKILL)
        _ = process?.wait()
        process = nil
    }
}
