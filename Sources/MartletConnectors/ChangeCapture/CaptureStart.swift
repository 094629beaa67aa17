internal import MartletCore

/// Where a capture begins, from what is stored and what the server says of the slot.
enum CaptureStart: Equatable {
    /// Read the table as a whole first, by a new slot; an old one goes before.
    case snapshot(dropsSlot: Bool)
    case stream(CapturePosition)

    struct Slot: Equatable {
        var plugin: String
        var database: String
        /// `reserved`, `extended`, `unreserved` or `lost`.
        var state: String
    }

    /// - Throws: `invalidSettings` where another server stands there than before, or the slot is somebody else's.
    static func decide(
        stored: CapturePosition?, system: String, database: String, slot: Slot?
    ) throws(MartletError) -> CaptureStart {
        if let slot, slot.plugin != "pgoutput" || slot.database != database {
            throw MartletError(
                .invalidSettings, "the replication slot belongs to somebody else", fix: "name another `slot`")
        }
        guard let stored else { return .snapshot(dropsSlot: slot != nil) }
        guard stored.system == system else {
            throw MartletError(
                .invalidSettings, "another PostgreSQL cluster answers than the one that was read so far",
                fix: "name another `slot`: its table is then read from the beginning")
        }
        // A snapshot that broke off, or changes that the server no longer has: only the whole table helps.
        guard stored.phase == .streaming, let slot, slot.state != "lost" else {
            return .snapshot(dropsSlot: slot != nil)
        }
        return .stream(stored)
    }
}
