package import MartletCore

/// What a connector may take of memory and time. Each has a line in docs/connectors.md.
package struct ConnectorLimits: Sendable, Hashable {
    /// Bytes of messages that wait for the append before them; beyond it the connector stops reading. About twice as
    /// much is held at most: as much again may be on its way to the disk.
    package var waitingBytes = 16 << 20
    /// Messages that one append takes.
    package var appendMessages = 50_000
    /// The longest message that is taken.
    package var messageBytes = 16 << 20
    /// How long messages on their way are waited for when a stream is given away or the connector stops.
    package var drain = TimeSpan(microseconds: 20_000_000)
    /// The first and the longest pause before another attempt; doubled in between, with jitter.
    package var firstPause = TimeSpan(microseconds: 100_000)
    package var longestPause = TimeSpan(microseconds: 10_000_000)
    /// How long a connection may take to come about.
    package var connect = TimeSpan(microseconds: 10_000_000)

    package init() {}
}
