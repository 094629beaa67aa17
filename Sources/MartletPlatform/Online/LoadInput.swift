internal import MartletCore

/// What a load reads and how it is cut, as its cursor in the online store names it: only a load with an equal text may
/// go on from that cursor.
struct LoadInput {
    /// `silver.customers@3,silver.payments@12 since 2026-03-01T12:00:00Z in 2 parts by v1.5.5`.
    let text: String

    /// - Parameter engine: its version, whose hash tells which part an entity is in.
    init(_ plan: MaterializationPlan, engine: String) {
        let tables = plan.tableVersions.sorted { $0.key < $1.key }.map { "\($0.key)@\($0.value)" }
        var text = tables.joined(separator: ",")
        if case .changed(let since) = plan.mode { text += Self.words(since: since) }
        self.text = text + "\(Self.partsWord)\(plan.parts) parts by \(engine)"
    }

    /// Whether a load of what changed since that moment had this text.
    static func isSince(_ moment: Timestamp, _ text: String) -> Bool {
        text.split(separator: Self.partsWord).first?.hasSuffix(words(since: moment)) ?? false
    }

    /// Of a replay, which is never gone on with.
    static func replay(of window: ReplayWindow) -> String { "\(replayWord)\(window)" }
    static func isReplay(_ text: String) -> Bool { text.hasPrefix(replayWord) }
    private static let replayWord = "replay of "

    private static let partsWord = " in "

    private static func words(since moment: Timestamp) -> String { " since \(moment)" }
}
