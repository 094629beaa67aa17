package import MartletCore

/// What a new version of a source may change in its columns, as Confluent's schema registry defines the words.
package enum SchemaCompatibility: String, Sendable, Hashable, CaseIterable {
    /// Anything.
    case none
    /// Who reads by the new version can read what was written by the old one: columns may go, and new ones may be
    /// empty. Readers change first, so a member of an event that no column reads does not fit.
    case backward
    /// Who reads by the old version can read what is written by the new one: columns may come, and those may go that
    /// could be empty. Writers change first.
    case forward
    case full

    private var isBackward: Bool { self == .backward || self == .full }
    private var isForward: Bool { self == .forward || self == .full }

    /// Whether events may bring members that no column reads.
    package var takesUnknownMembers: Bool { self != .backward }

    /// Why the columns of a new version may not follow those of an old one; empty where they may.
    package func faults(from old: [SourceColumn], to new: [SourceColumn]) -> [String] {
        if self == .none { return [] }
        var faults: [String] = []
        for column in old {
            guard let now = new.first(where: { $0.name == column.name }) else {
                if isForward, !column.isNullable {
                    faults.append("column \(column.name) may not go: who reads by the old version needs it")
                }
                continue
            }
            if now.type != column.type {
                faults.append("column \(column.name) may not become a \(now.type), it is a \(column.type)")
            }
            if isBackward, column.isNullable, !now.isNullable, now.constant == nil {
                faults.append("column \(column.name) may not become required: older events may lack it")
            }
            if isForward, !column.isNullable, now.isNullable {
                faults.append("column \(column.name) may not become nullable: who reads by the old version needs it")
            }
        }
        let names = Set(old.map(\.name))
        for column in new where !names.contains(column.name) {
            if isBackward, !column.isNullable, column.constant == nil {
                faults.append("the new column \(column.name) must be nullable or constant: older events lack it")
            }
        }
        return faults
    }
}

extension SourceDefinition {
    /// - Throws: `checkFailed` where this version may not follow the old one, with all reasons.
    package func checkFollows(_ old: SourceDefinition) throws(MartletError) {
        let faults = compatibility.faults(from: old.columns, to: columns)
        if faults.isEmpty { return }
        throw MartletError(
            .checkFailed,
            "source \(about.name) is to stay compatible (\(compatibility.rawValue)): \(faults.joined(separator: "; "))",
            fix: "change the columns so, or give the source another `compatibility`")
    }
}
