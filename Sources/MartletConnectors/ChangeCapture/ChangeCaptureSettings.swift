package import MartletCore

/// What a capture of a table's changes needs to know.
package struct ChangeCaptureSettings: Sendable, Hashable {
    /// The source as it is declared.
    package var source: String
    /// With the password in it: never shown, never stored.
    package var url: String
    package var schema: String
    package var table: String
    package var slot: String
    package var publication: String
    /// How often the server is told what is safe here; it gives up on a client after a minute (`wal_sender_timeout`).
    package var feedback = TimeSpan(microseconds: 1_000_000)
    /// How often an idle database is given something to send, so that it can let go of its change log, and asked how
    /// much it keeps for us.
    package var heartbeat = TimeSpan(microseconds: 10_000_000)

    /// - Parameter table: `schema.table`, or a table of `public`.
    package init(source: String, url: String, table: String, slot: String, publication: String) {
        self.source = source
        self.url = url
        let parts = table.split(separator: ".", maxSplits: 1)
        schema = parts.count == 2 ? String(parts[0]) : "public"
        self.table = String(parts.last ?? "")
        self.slot = slot
        self.publication = publication
    }

    /// Under which its position is stored.
    package var stream: String { "postgres:\(slot)" }
}
