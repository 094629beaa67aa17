internal import Glibc
internal import MartletCore

/// A program in a process group of its own, so that what it starts can be ended together with it. What leaves the group
/// has to end by itself when its parent is gone, as PySpark's workers do.
struct ProcessGroup {
    /// The program, whose number is also the group's.
    private let leader: pid_t

    /// Starts a program with nothing to read, and with no signal blocked or ignored that is meant to end it.
    /// - Parameter log: a file that gets what the program prints; made anew.
    /// - Returns: nil where there is no such program.
    init?(_ words: [String], log: String) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var pointers = words.map { unsafe strdup($0) } + [nil]
        defer { for pointer in pointers { unsafe free(pointer) } }
        var process: pid_t = 0
        guard unsafe posix_spawnp(&process, words[0], &actions, &attributes, &pointers, environ) == 0 else {
            return nil
        }
        leader = process
    }

    /// Waits for the program's end, or for the wish to stop; then nothing of the group runs any more.
    /// - Parameter graceMilliseconds: what is left of the group may take after SIGTERM, before SIGKILL.
    /// - Returns: the exit status, or 128 and the number of the signal that ended it.
    /// - Throws: `cancelled`.
    func wait(graceMilliseconds: Int, cancellation: Cancellation) throws -> Int32 {
        var status = try ended()
        while status == nil, !cancellation.isCancelled {
            pause()
            status = try ended()
        }
        kill(-leader, SIGTERM)
        // A leader that nobody has waited for still counts as one of the group.
        try wait(milliseconds: graceMilliseconds, for: &status)
        if kill(-leader, SIGKILL) == 0 { try wait(milliseconds: 1_000, for: &status) }
        try cancellation.check()
        guard let status else { throw MartletError(.internalFault, "the Spark driver cannot be ended") }
        return status
    }

    /// Waits until nothing of the group runs any more, for so long at most.
    private func wait(milliseconds: Int, for status: inout Int32?) throws {
        for _ in 0..<(milliseconds / Self.pauseMilliseconds) {
            if status == nil { status = try ended() }
            if kill(-leader, 0) != 0 { return }
            pause()
        }
    }

    /// How the program ended; nil where it still runs.
    private func ended() throws -> Int32? {
        var status: Int32 = 0
        switch waitpid(leader, &status, WNOHANG) {
        case leader: return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        case -1 where errno != EINTR: throw MartletError(.internalFault, "the Spark driver is nobody's child")
        default: return nil
        }
    }

    private static let pauseMilliseconds = 20

    private func pause() { usleep(UInt32(Self.pauseMilliseconds) * 1_000) }
}
