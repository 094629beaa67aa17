package import MartletCore

/// What a server does at one moment, for metrics. What is not a number of now only grows.
package struct ServerActivity: Sendable {
    package var connections: Int
    /// Those whose request is being received or answered.
    package var busyConnections: Int
    /// Ended because their clients were too slow.
    package var slowConnections: Int
    /// Ended while idle, for others to have their places.
    package var evictedConnections: Int
    /// Online requests that wait for a store behind a network.
    package var online: Int
    /// Requests that wait for work.
    package var work: Int
    /// Requests that wait for long work.
    package var longWork: Int
    /// Of bodies in memory.
    package var bodyBytes: Int
    /// Requests refused with 503, by reason.
    package var refused: [(reason: String, count: Int)]
    /// nil where there is no access log.
    package var accessLogLines: Int?
    package var accessLogDropped: Int?
    /// nil where the server speaks no TLS.
    package var certificateExpiry: Timestamp?
}
