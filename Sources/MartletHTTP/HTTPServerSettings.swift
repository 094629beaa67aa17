/// Where a server listens and what it lets a client use. Every limit has an answer: 413 for the body, 431 for the
/// headers, 503 for work in the background; connections beyond theirs wait in the kernel's queue.
package struct HTTPServerSettings: Sendable, Hashable {
    /// An address or a host name.
    package var host: String
    /// 0 means any free port; `HTTPServer.port` tells which.
    package var port: UInt16
    /// Event loops, each a thread.
    package var threads: Int
    package var connectionLimit: Int
    /// A connection that says nothing for so long is closed.
    package var idleTimeoutSeconds: Int
    /// The largest body of a request.
    package var bodyLimitBytes: Int
    /// Memory for the request line and the headers of one connection.
    package var headerLimitBytes: Int
    /// Requests that wait at the same moment for work which may block.
    package var waitingLimit: Int
    /// How long `stop` waits for requests that are being answered.
    package var drainSeconds: Int
    /// Answers of text from this size on are coded with brotli or gzip for clients that take it: smaller ones fit into
    /// few packets as they are.
    package var compressionBytes: Int

    package init(
        host: String = "127.0.0.1", port: UInt16 = 6_566, threads: Int = 2, connectionLimit: Int = 1_024,
        idleTimeoutSeconds: Int = 60, bodyLimitBytes: Int = 8 << 20, headerLimitBytes: Int = 8 << 10,
        waitingLimit: Int = 64, drainSeconds: Int = 10, compressionBytes: Int = 4_096
    ) {
        self.host = host
        self.port = port
        self.threads = threads
        self.connectionLimit = connectionLimit
        self.idleTimeoutSeconds = idleTimeoutSeconds
        self.bodyLimitBytes = bodyLimitBytes
        self.headerLimitBytes = headerLimitBytes
        self.waitingLimit = waitingLimit
        self.drainSeconds = drainSeconds
        self.compressionBytes = compressionBytes
    }
}
