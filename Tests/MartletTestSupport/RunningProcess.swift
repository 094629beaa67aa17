internal import Glibc
internal import MartletCore

/// What a program printed and how it ended.
package struct ProcessResult: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String
}

/// A program that a test started; killed with the last reference to it if it still runs.
package final class RunningProcess {
    private let process: pid_t
    private let folder = TemporaryFolder()
    private var ended: Int32?

    /// - Parameters:
    ///   - directory: where it runs.
    ///   - environment: variables set beside this process's own.
    package init(_ arguments: [String], directory: String, environment: [String: String] = [:], input: String = "")
        throws
    {
        folder.write(input, to: "input")
        // `env` changes the folder and the variables in the child alone.
        let full = ["/usr/bin/env", "-C", directory] + environment.map { "\($0)=\($1)" } + arguments
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "\(folder.path)/input", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(folder.path)/output", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, "\(folder.path)/errors", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        var pointers = full.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, full[0], &actions, nil, &pointers, environ)
        guard code == 0 else { throw MartletError(.internalFault, "cannot start \(arguments[0]): \(code)") }
        process = identifier
    }

    deinit {
        if ended == nil {
            kill(process, SIGKILL)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
    }

    /// What it has printed so far.
    package var output: String { folder.text(of: "output") }

    /// Of the process; `env` has given way to the program.
    package var identifier: Int { Int(process) }

    package func signal(_ number: Int32) { kill(process, number) }

    /// Waits for its end.
    package func wait() -> ProcessResult {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        // 128 and the signal, as shells have it.
        let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        ended = code
        return ProcessResult(status: code, output: folder.text(of: "output"), errors: folder.text(of: "errors"))
    }

    /// Waits until the output holds `text`.
    /// - Throws: where that takes longer than `seconds`, or the process ends before.
    package func waitForOutput(_ text: String, seconds: Int = 60) throws {
        try wait(for: "\"\(text)\"", seconds: seconds) { output.contains(text) }
    }

    /// Waits until a condition holds that the running process brings about.
    /// - Parameter event: what that is, for the error.
    /// - Throws: where that takes longer than `seconds`, or the process ends before.
    package func wait(for event: String, seconds: Int = 60, until holds: () throws -> Bool) throws {
        for _ in 0..<(seconds * 200) {
            if try holds() { return }
            var status: Int32 = 0
            if waitpid(process, &status, WNOHANG) == process {
                ended = status
                throw MartletError(.internalFault, "it ended: \(folder.text(of: "errors"))")
            }
            usleep(5_000)
        }
        throw MartletError(.internalFault, "no \(event) within \(seconds) s: \(output)")
    }
}

/// Runs a program to its end.
package func runProcess(
    _ arguments: [String], directory: String = "/", environment: [String: String] = [:], input: String = ""
) throws -> ProcessResult {
    try RunningProcess(arguments, directory: directory, environment: environment, input: input).wait()
}
