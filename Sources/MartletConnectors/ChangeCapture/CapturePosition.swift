package import MartletCore

/// How far a change capture has come, as it is stored with its last batch.
package struct CapturePosition: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable {
        /// The table is being read as a whole; a crash begins that again.
        case snapshot
        case streaming
    }

    /// Of the cluster, so that another one under the same address is noticed.
    package var system: String
    package var phase: Phase
    /// All transactions that end here or before are stored.
    package var end: LogSequenceNumber
    /// The next transaction, where some of its changes are stored: where its commit stands.
    package var partialCommit: LogSequenceNumber?
    /// How many of its changes are.
    package var partialChanges: Int

    package init(
        system: String, phase: Phase, end: LogSequenceNumber, partialCommit: LogSequenceNumber? = nil,
        partialChanges: Int = 0
    ) {
        self.system = system
        self.phase = phase
        self.end = end
        self.partialCommit = partialCommit
        self.partialChanges = partialChanges
    }

    package var bytes: [UInt8] {
        var text = "1 \(system) \(phase.rawValue) \(end)"
        if let partialCommit { text += " \(partialCommit) \(partialChanges)" }
        return Array(text.utf8)
    }

    /// - Throws: `corruptData` where the bytes are none of ours.
    package init(bytes: [UInt8]) throws(MartletError) {
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard words.count == 4 || words.count == 6, words[0] == "1", let phase = Phase(rawValue: String(words[2])),
            let end = LogSequenceNumber(words[3])
        else { throw MartletError(.corruptData, "the stored position of the change capture cannot be read") }
        self.init(system: String(words[1]), phase: phase, end: end)
        if words.count == 6 {
            guard let commit = LogSequenceNumber(words[4]), let changes = Int(words[5]) else {
                throw MartletError(.corruptData, "the stored position of the change capture cannot be read")
            }
            partialCommit = commit
            partialChanges = changes
        }
    }
}
