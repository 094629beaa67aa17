internal import Dispatch
internal import Glibc
internal import MartletCore

/// Runs `body` with a cancellation that SIGINT and SIGTERM ask for. A second signal ends the process at once.
func cancelledBySignals(_ body: (Cancellation) throws -> Int32) throws -> Int32 {
    let cancellation = Cancellation()
    // Blocked before any thread starts, so that all inherit it and one thread alone takes the signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    startThread(group: DispatchGroup()) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        cancellation.cancel()
        sigwait(&signals, &signal)
        _exit(128 + signal)
    }
    return try body(cancellation)
}
