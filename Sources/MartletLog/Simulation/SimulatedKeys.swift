internal import MartletCore

/// Which events of a simulation stand for the same thing: those of one source with related ids.
struct SimulatedKeys: CompactionKeys {
    static let source = "source0"
    let sources: Set<String> = [source]

    func keys(_ batch: LoggedBatch) throws(MartletError) -> [[UInt8]?] {
        (0..<batch.events.count).map { row in Self.key(simulatedToken(batch, row)).map { Array($0.utf8) } }
    }

    /// - Returns: nil for events that compaction leaves.
    static func key(_ token: String) -> String? {
        guard token.hasPrefix("\(source)/id"), let number = Int(token.dropFirst(source.count + 3)) else { return nil }
        // So many that the newest of some is old enough to be compacted.
        return "\(number % 64)"
    }
}
