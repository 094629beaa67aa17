package import MartletCore
internal import MartletObjects
internal import MartletQuery
internal import Synchronization

/// A Delta Lake table. Any number of threads and processes, ours and others', may read and append at the same time;
/// of concurrent commits each one either becomes a version of its own or fails as a whole.
///
/// All calls block; they are made from threads that may.
package final class DeltaTable: Sendable {
    package let name: TableName
    let log: TableLog
    let context: TableContext
    private let cached = Mutex<Snapshot?>(nil)

    init(name: TableName, log: TableLog, context: TableContext) {
        self.name = name
        self.log = log
        self.context = context
    }

    /// The table's folder, for messages and for other tools.
    package var location: String { log.location }

    package func exists() throws -> Bool { try currentSnapshot() != nil }

    /// The newest version. O(new commits) after the first call.
    /// - Throws: `notFound` where there is no table, `corruptData` with the file and the line of a damaged log,
    ///   `invalidInput` for a table that needs features which Martlet lacks.
    package func snapshot() throws -> Snapshot {
        guard let snapshot = try currentSnapshot() else { throw absent }
        return snapshot
    }

    /// The table as it was at a version.
    package func snapshot(version: Int64) throws -> Snapshot {
        if let snapshot = cached.withLock({ $0 }), snapshot.version == version { return snapshot }
        guard version >= 0, let snapshot = try log.load(version, context.engine.connect) else {
            throw try exists()
                ? MartletError(.notFound, "the table \(name) has no version \(version)") : absent
        }
        return snapshot
    }

    /// The table as it was at a moment: its newest version committed at or before it.
    /// - Throws: `notFound` where the table is younger, with the time of its first version.
    package func snapshot(at time: Timestamp) throws -> Snapshot {
        let versions = try versionTimes()
        guard let version = versions.last(where: { $0.time <= time })?.version else {
            guard let first = versions.first else { throw absent }
            throw MartletError(
                .notFound, "the table \(name) has no version as old as \(time)",
                fix: "its version \(first.version) was committed at \(first.time)")
        }
        return try snapshot(version: version)
    }

    /// nil where there is no table.
    func currentSnapshot() throws -> Snapshot? {
        let known = cached.withLock { $0 }
        let fresh = try known.map { try log.advance($0) } ?? log.load(nil, context.engine.connect)
        if let fresh { remember(fresh) }
        return fresh
    }

    func remember(_ snapshot: Snapshot) {
        cached.withLock { if ($0?.version ?? -1) < snapshot.version { $0 = snapshot } }
    }

    /// The versions with the time of their commit: the modification time of its file, made to rise where clocks went
    /// back.
    package func versionTimes() throws -> [(version: Int64, time: Timestamp)] {
        var last = Timestamp(microseconds: .min)
        return try log.list(from: 0).commits.sorted { $0.key < $1.key }.map { version, modified in
            let millisecond = TimeSpan(microseconds: 1_000)
            let time = modified.floored(to: millisecond)
            last = time > last ? time : last + millisecond
            return (version, last)
        }
    }

    var absent: MartletError {
        MartletError(.notFound, "there is no table \(name)", fix: "its folder would be \(location)")
    }
}

/// What all tables of a workspace share.
struct TableContext: Sendable {
    let engine: QueryEngine
    let time: any TimeSource
    let random: @Sendable () -> UInt64
    let sleep: @Sendable (_ microseconds: UInt32) -> Void
    let limits: TableLimits
}

package struct TableLimits: Sendable {
    /// How often a commit is tried when other writers keep taking its version.
    package var commitAttempts = 60
    /// How long a writer waits at most before it tries again.
    package var backoffMicrosecondsMax: UInt32 = 500_000
    /// How long removed files are remembered in checkpoints.
    package var removedFileRetention = TimeSpan.days(7)

    package init() {}
}
