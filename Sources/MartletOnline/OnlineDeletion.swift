internal import MartletCore

extension OnlineStore {
    /// Deletes entities of one view as of a moment each: a tombstone takes the place of what is not newer, and an older
    /// record does not come back after it.
    /// - Throws: `typeMismatch` for keys of other types, `invalidInput` where the columns differ in length.
    /// - Parameter mark: goes before the moments, as `RecordHeader.mayReplace` says.
    package func delete(_ deletions: Deletions, of view: OnlineView, mark: Int64 = 0) throws -> WriteCounts {
        let count = deletions.eventTimes.count
        guard deletions.keys.allSatisfy({ $0.count == count }),
            deletions.createdTimes.map({ $0.count == count }) ?? true,
            deletions.positions.map({ $0.count == count }) ?? true
        else { throw MartletError(.invalidInput, "the columns of deletions from \(view.name) differ in length") }
        let keys = try EntityKeys(deletions.keys, keys: view.keys)
        let newest = winners(keys) { left, right in
            let before = (
                deletions.eventTimes[left], deletions.createdTimes?[left] ?? 0, deletions.positions?[left] ?? 0
            )
            let after = (
                deletions.eventTimes[right], deletions.createdTimes?[right] ?? 0, deletions.positions?[right] ?? 0
            )
            return before <= after
        }
        let kind: RecordHeader.Kind = if case .windowed = view.kind { .tiles } else { .latest }
        let order = keys.sortedOrder()
        let handle = try handle(for: view.identity)
        var counts = WriteCounts()
        counts.nullKeys = keys.rows.count { $0 < 0 }
        var next = 0
        while next < order.count {
            let part = order[next..<min(order.count, next + OnlineLoad.defaultChunkRows)]
            let chunk = RecordChunk(deletions, kind: kind, rows: part.map { newest[Int($0)] }[...], mark: mark)
            counts += try write(chunk, keys: keys, order: part, to: handle, cursor: nil)
            next = part.endIndex
        }
        return counts
    }
}
