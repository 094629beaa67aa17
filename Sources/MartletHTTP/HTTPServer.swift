internal import CMicroHTTP
internal import Glibc
internal import MartletCore
internal import Synchronization

/// An HTTP/1.1 server: libmicrohttpd's epoll threads, which run the handlers inline.
package final class HTTPServer: Sendable {
    /// The port it listens on.
    package let port: UInt16
    private let core: ServerCore
    private let patrol: Patrol
    private let daemon: Mutex<Daemon?>

    /// Starts listening; handlers run from now on.
    /// - Throws: `portInUse`, `invalidSettings`, `fileSystem` for a certificate that cannot be read, or
    ///   `storeUnavailable` where the threads cannot be started.
    package init(
        _ settings: HTTPServerSettings, router: Router, observer: (any RequestObserver)? = nil,
        accessLog: AccessLog? = nil
    ) throws {
        let core = try ServerCore(settings, router, observer, accessLog)
        let listener = try Listener(host: settings.host, port: settings.port)
        port = listener.port
        self.core = core
        let native = cmartlet_http_settings(
            listener: listener.socket, threads: UInt32(max(1, settings.threads)),
            connection_limit: UInt32(
                max(settings.threads, settings.connectionLimit) + settings.refusedConnectionLimit),
            idle_timeout_seconds: UInt32(settings.idleTimeoutSeconds),
            connection_memory_bytes: settings.headerLimitBytes)
        // The daemon's callbacks borrow the core, which this object holds until the daemon has stopped.
        let context = Unmanaged.passUnretained(core).toOpaque()
        let started = cmartlet_http_start(
            native, handleRequest, completeRequest, changeConnection,
            settings.tls == nil ? nil : provideCertificate, context)
        guard let started else {
            close(listener.socket)
            throw MartletError(.storeUnavailable, "the HTTP server cannot start its threads")
        }
        daemon = Mutex(Daemon(handle: started))
        patrol = Patrol { core.patrol() }
    }

    deinit { stop() }

    /// Goes on serving for `drainDelaySeconds` while it sends its clients elsewhere; then accepts no more connections,
    /// lets running requests end for at most `drainSeconds`, answers 503 to those that wait for work longer than that,
    /// and closes everything. Blocks; a second call does nothing.
    package func stop() {
        guard let daemon = daemon.withLock({ $0.take() }) else { return }
        core.announceDrain()
        sleep(UInt32(core.settings.drainDelaySeconds))
        let socket = MHD_quiesce_daemon(daemon.handle)
        if socket >= 0 { close(socket) }
        core.drain()
        MHD_stop_daemon(daemon.handle)
        patrol.stop()
    }

    package var isDraining: Bool { core.isDraining }

    /// What it does at this moment.
    package var activity: ServerActivity { core.activity }

    /// Reads the certificate and its key again; the handshakes from then on use them. Connections that are open stay.
    /// - Throws: as `init`; the certificate of before stays.
    package func reloadCertificate() throws {
        guard let files = core.settings.tls else { return }
        core.refusedFiles.withLock { $0 = TLSFingerprint(files) }
        let identity = try TLSIdentity(reading: files)
        core.identity.withLock { $0 = identity }
    }

    /// Reads them again where the files are not what they were.
    /// - Returns: whether they were read.
    /// - Throws: as `init`, once for each change that is no good; the certificate of before stays.
    package func reloadChangedCertificate() throws -> Bool {
        guard let files = core.settings.tls else { return false }
        let found = TLSFingerprint(files)
        let isKnown = core.identity.withLock { $0?.fingerprint == found } || core.refusedFiles.withLock { $0 == found }
        guard !isKnown else { return false }
        try reloadCertificate()
        return true
    }
}

// @unchecked: libmicrohttpd's calls on a daemon may come from any thread; `stop` takes it out of its mutex, so one
// call ends it.
private struct Daemon: @unchecked Sendable {
    let handle: OpaquePointer
}
