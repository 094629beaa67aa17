internal import Glibc
internal import MartletCore
package import MartletTestSupport
internal import Synchronization

/// A server that a test started, in a folder of its own; it ends with the last reference to it and with the process of
/// the tests, however that ends.
package final class ChildServer: Sendable {
    package let folder: TemporaryFolder
    private let arguments: [String]
    private let state = Mutex(State())

    private struct State: Sendable {
        /// The shell that ends the server when the pipe to it is closed.
        var shell: pid_t = 0
        var lifeline: Int32 = -1
    }

    package init(_ arguments: [String], folder: TemporaryFolder = TemporaryFolder()) throws {
        self.arguments = arguments
        self.folder = folder
        try start()
    }

    deinit { stop() }

    /// The server's own process.
    package var process: Int32 {
        Int32(folder.text(of: "pid").split(separator: "\n").first.flatMap { Int32($0) } ?? 0)
    }

    package func start() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw MartletError(.internalFault, "no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        for descriptor in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, "\(folder.path)/log", O_WRONLY | O_CREAT | O_APPEND, 0o644)
        }
        // The pipe ends with the process that holds its other end, even where that is killed.
        let script =
            "pid=$1; shift; \"$@\" & echo $! >\"$pid.new\"; mv \"$pid.new\" \"$pid\"; cat >/dev/null; kill -9 $!"
        let full = ["/bin/sh", "-c", script, "sh", "\(folder.path)/pid"] + arguments
        unlink("\(folder.path)/pid")
        var pointers = full.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, full[0], &actions, nil, &pointers, environ)
        close(ends[0])
        guard code == 0 else {
            close(ends[1])
            throw MartletError(.internalFault, "cannot start \(arguments[0]): \(code)")
        }
        state.withLock { $0 = State(shell: identifier, lifeline: ends[1]) }
        guard waitFor(seconds: 10, { process > 0 ? true : nil }) != nil else {
            throw MartletError(.internalFault, "\(arguments[0]) did not start")
        }
    }

    package var hasEnded: Bool { !isRunning(Int(process)) }

    package var log: String { folder.text(of: "log") }

    /// A signal to the server alone.
    package func signal(_ number: Int32) { kill(process, number) }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    package func stop() {
        let (shell, lifeline) = state.withLock { state in
            defer { state = State() }
            return (state.shell, state.lifeline)
        }
        guard shell > 0 else { return }
        close(lifeline)
        let process = process
        // Another child that was made in the same moment may hold the pipe.
        if process > 0 { kill(process, SIGKILL) }
        kill(shell, SIGKILL)
        var status: Int32 = 0
        while waitpid(shell, &status, 0) < 0, errno == EINTR {}
        _ = waitFor(seconds: 10) { process == 0 || !isRunning(Int(process)) ? true : nil }
    }
}

/// Whether something on the port answers `question` with a text that holds `answer`.
package func answers(_ port: Int, _ question: String, with answer: String) -> Bool {
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(connection) }
    var timeout = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = loopback(port)
    let isConnected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard isConnected,
        question.utf8.withContiguousStorageIfAvailable({
            send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count
        }) == true
    else { return false }
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = recv(connection, &buffer, buffer.count, 0)
    return count > 0 && String(decoding: buffer[..<count], as: UTF8.self).contains(answer)
}

func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
