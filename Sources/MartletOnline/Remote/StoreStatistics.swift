/// What a remote store's connections did, for metrics. Counters only grow.
package struct StoreStatistics: Sendable, Hashable {
    package var connectionsOpened = 0
    package var connectionsFailed = 0
    /// Connections that were found closed or silent when they were wanted.
    package var connectionsDiscarded = 0
    package var idleConnections = 0
    package var busyConnections = 0
    /// How long the oldest busy connection has been so; far beyond the timeout it was lost.
    package var longestBusyMilliseconds = 0
    /// Calls that found all connections busy until their deadline.
    package var exhaustions = 0
    /// How often the circuit opened.
    package var circuitOpenings = 0
    package var isCircuitOpen = false
    /// Requests that were sent again.
    package var retries = 0
    /// Commands that a cluster sent to another node.
    package var redirects = 0

    package init() {}

    static func += (left: inout StoreStatistics, right: StoreStatistics) {
        left.connectionsOpened += right.connectionsOpened
        left.connectionsFailed += right.connectionsFailed
        left.connectionsDiscarded += right.connectionsDiscarded
        left.idleConnections += right.idleConnections
        left.busyConnections += right.busyConnections
        left.longestBusyMilliseconds = max(left.longestBusyMilliseconds, right.longestBusyMilliseconds)
        left.exhaustions += right.exhaustions
        left.circuitOpenings += right.circuitOpenings
        left.isCircuitOpen = left.isCircuitOpen || right.isCircuitOpen
        left.retries += right.retries
        left.redirects += right.redirects
    }
}
