internal import MartletCore
internal import MartletQuery

extension TableLog {
    /// Replays the log up to `target`, or to its newest version.
    /// - Returns: nil where there is no table.
    /// - Throws: `notFound` for a version that is not there, `corruptData` with the file that is missing or damaged.
    func load(_ target: Int64?, _ connection: () throws -> QueryConnection) throws -> Snapshot? {
        let hint = checkpointHint() ?? 0
        var listing = try list(from: target.map { min($0, hint) } ?? hint)
        var start = listing.checkpoints.keys.filter { $0 <= target ?? .max }.max()
        if start == nil || listing.commits.isEmpty, hint > 0 {
            // The hint led nowhere.
            listing = try list(from: 0)
            start = listing.checkpoints.keys.filter { $0 <= target ?? .max }.max()
        }
        guard let newest = listing.commits.keys.max() ?? listing.checkpoints.keys.max() else { return nil }
        let last = max(newest, listing.checkpoints.keys.max() ?? 0)
        if let target, target > last {
            throw MartletError(
                .notFound, "the table \(location) has no version \(target)", fix: "the newest version is \(last)")
        }
        do {
            return try replay(from: start, to: target ?? last, listing, connection)
        } catch let error as MartletError where error.code == .corruptData && start != nil {
            // A damaged checkpoint costs nothing as long as the commits behind it are still there.
            let all = try list(from: 0)
            let older = all.checkpoints.keys.filter { $0 < start ?? 0 }.max()
            guard older != nil || all.commits[0] != nil else { throw error }
            return try replay(from: older, to: target ?? last, all, connection)
        }
    }

    private func replay(
        from checkpoint: Int64?, to target: Int64, _ listing: Listing, _ connection: () throws -> QueryConnection
    ) throws -> Snapshot {
        var state = LogState.Partial()
        if let checkpoint, let names = listing.checkpoints[checkpoint] {
            state.apply(try readCheckpoint(names, connection()))
        }
        for version in ((checkpoint ?? -1) + 1)..<(target + 1) {
            guard listing.commits[version] != nil, let actions = try commit(version) else {
                throw MartletError(
                    .corruptData, "version \(version) is missing from the log of the table",
                    place: .init(file: path(LogFileName.commitName(version))),
                    fix: checkpoint == nil && listing.commits[0] == nil
                        ? "its log was cleaned up: ask for a newer version" : "restore the file from a backup")
            }
            state.apply(actions)
        }
        return try Snapshot(version: target, state: state, location: location)
    }

    /// The snapshot moved on to the newest version, reading only what is new.
    func advance(_ snapshot: Snapshot) throws -> Snapshot {
        var state = snapshot.log.partial
        var version = snapshot.version
        while let actions = try commit(version + 1) {
            state.apply(actions)
            version += 1
        }
        return version == snapshot.version
            ? snapshot : try Snapshot(version: version, state: state, location: location)
    }
}
