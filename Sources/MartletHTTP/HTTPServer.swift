internal import CMicroHTTP
internal import Glibc
internal import MartletCore
internal import Synchronization

/// An HTTP/1.1 server: libmicrohttpd's epoll threads, which run the handlers inline.
package final class HTTPServer: Sendable {
    /// The port it listens on.
    package let port: UInt16
    private let core: ServerCore
    private let daemon: Mutex<Daemon?>

    /// Starts listening; handlers run from now on.
    /// - Throws: `portInUse`, `invalidSettings`, or `storeUnavailable` where the threads cannot be started.
    package init(
        _ settings: HTTPServerSettings, router: Router, observer: (any RequestObserver)? = nil
    ) throws {
        let listener = try Listener(host: settings.host, port: settings.port)
        port = listener.port
        let core = ServerCore(settings, router, observer)
        self.core = core
        let native = cmartlet_http_settings(
            listener: listener.socket, threads: UInt32(max(1, settings.threads)),
            connection_limit: UInt32(max(settings.threads, settings.connectionLimit)),
            idle_timeout_seconds: UInt32(settings.idleTimeoutSeconds),
            connection_memory_bytes: settings.headerLimitBytes)
        // The daemon's callbacks borrow the core, which this object holds until the daemon has stopped.
        let context = Unmanaged.passUnretained(core).toOpaque()
        let started = cmartlet_http_start(native, handleRequest, completeRequest, changeConnection, context)
        guard let started else {
            close(listener.socket)
            throw MartletError(.storeUnavailable, "the HTTP server cannot start its threads")
        }
        daemon = Mutex(Daemon(handle: started))
    }

    deinit { stop() }

    /// Accepts no more connections, lets running requests end for at most `drainSeconds`, answers 503 to those that
    /// wait for work longer than that, and closes everything. Blocks; a second call does nothing.
    package func stop() {
        guard let daemon = daemon.withLock({ $0.take() }) else { return }
        let socket = MHD_quiesce_daemon(daemon.handle)
        if socket >= 0 { close(socket) }
        core.drain()
        MHD_stop_daemon(daemon.handle)
    }

    package var isDraining: Bool { core.isDraining }
}

// @unchecked: libmicrohttpd's calls on a daemon may come from any thread; `stop` takes it out of its mutex, so one
// call ends it.
private struct Daemon: @unchecked Sendable {
    let handle: OpaquePointer
}
