/// Where a server listens and what it lets a client use. Every limit has an answer: 413 for the body, 431 for the
/// headers, 503 with `Retry-After` for connections, work and memory; a client that is too slow is disconnected.
package struct HTTPServerSettings: Sendable, Hashable {
    /// An address or a host name.
    package var host: String
    /// 0 means any free port; `HTTPServer.port` tells which.
    package var port: UInt16
    /// With it the server speaks TLS, 1.2 and 1.3, and nothing else.
    package var tls: TLSFiles?
    /// Event loops, each a thread.
    package var threads: Int
    /// Connections that are served at once, and so requests that are answered inline. The next ones take the place of
    /// those that have been idle for longest; where none is, their requests are refused with 503 and they are closed.
    package var connectionLimit: Int
    /// A connection that says nothing for so long is closed.
    package var idleTimeoutSeconds: Int
    /// The largest body of a request.
    package var bodyLimitBytes: Int
    /// Memory for the request line and the headers of one connection.
    package var headerLimitBytes: Int
    /// How long the head of a request may take, and its body or its answer, which have a second more for each
    /// `slowestBytesPerSecond`.
    package var requestSeconds: Int
    /// A client that sends or takes less is disconnected in the end.
    package var slowestBytesPerSecond: Int
    /// Requests that wait at the same moment for work which may block.
    package var waitingLimit: Int
    /// Of long work, such as loads and training sets, with a bound of its own.
    package var longWorkLimit: Int
    /// Memory for the bodies that are being received, beyond the first 64 KiB of each.
    package var bodyMemoryBytes: Int
    /// How long `stop` goes on serving everyone while `/ready` and `Connection: close` send clients elsewhere.
    package var drainDelaySeconds: Int
    /// How long `stop` waits after that for requests that are being answered.
    package var drainSeconds: Int
    /// Answers of text from this size on are coded with brotli or gzip for clients that take it: smaller ones fit into
    /// few packets as they are.
    package var compressionBytes: Int

    package init(
        host: String = "127.0.0.1", port: UInt16 = 6_566, threads: Int = 2, connectionLimit: Int = 1_024,
        idleTimeoutSeconds: Int = 60, requestSeconds: Int = 30, slowestBytesPerSecond: Int = 16 << 10,
        bodyLimitBytes: Int = 8 << 20, headerLimitBytes: Int = 8 << 10, waitingLimit: Int = 64, longWorkLimit: Int = 16,
        bodyMemoryBytes: Int = 1 << 30, drainDelaySeconds: Int = 0, drainSeconds: Int = 10,
        compressionBytes: Int = 4_096, tls: TLSFiles? = nil
    ) {
        self.host = host
        self.port = port
        self.threads = threads
        self.connectionLimit = connectionLimit
        self.idleTimeoutSeconds = idleTimeoutSeconds
        self.bodyLimitBytes = bodyLimitBytes
        self.headerLimitBytes = headerLimitBytes
        self.requestSeconds = requestSeconds
        self.slowestBytesPerSecond = slowestBytesPerSecond
        self.waitingLimit = waitingLimit
        self.longWorkLimit = longWorkLimit
        self.bodyMemoryBytes = bodyMemoryBytes
        self.drainDelaySeconds = drainDelaySeconds
        self.drainSeconds = drainSeconds
        self.compressionBytes = compressionBytes
        self.tls = tls
    }

    /// Connections beyond the limit that are taken on to be refused; further ones wait in the kernel's queue.
    var refusedConnectionLimit: Int { max(64, connectionLimit / 4) }
}
