package import MartletCore
internal import MartletOnline
internal import Synchronization

/// A view as it was when the checkpoint began, to be stored by any thread while events go on being counted.
///
/// A crash on the way is made good by replaying the log from the last position: a record that is stored beyond it says
/// so in its mark. Rows that wait for their moment are told apart by the position alone: their entities are stored with
/// it, in one transaction where the store has such.
package struct StreamCheckpoint: Sendable {
    package let position: StreamPosition
    let view: StreamedView
    let keysThatWaited: Set<[UInt8]>

    /// How many records are written while a shard is locked: a fraction of a millisecond.
    private static let takeLimit = 32
    private static let settleLimit = 256
    private static let chunkRecords = 65_536

    /// - Parameter chunkBytes: of records that are held at once and stored in one transaction.
    /// - Returns: how many records were stored.
    /// - Throws: what the store throws; all that was to be stored is left to the next checkpoint then.
    @discardableResult
    package func store(at now: Timestamp, chunkBytes: Int = 16 << 20) throws -> Int {
        var taken = [[Int32]](repeating: [], count: view.shards.count)
        do {
            let count = try storeAll(at: now, chunkBytes, &taken)
            settle()
            view.feed.withLock { $0.counts.storedAt = now.microseconds }
            return count
        } catch {
            for (shard, taken) in zip(view.shards, taken) {
                shard.entities.withLock { $0.abandonCheckpoint(taken: taken) }
            }
            view.feed.withLock { $0.keysThatWaited.formUnion(keysThatWaited) }
            throw error
        }
    }

    private func storeAll(at now: Timestamp, _ chunkBytes: Int, _ taken: inout [[Int32]]) throws -> Int {
        var count = 0
        var last: [ResidentEntities.StoredRecord] = []
        var part: [ResidentEntities.StoredRecord] = []
        var partBytes = 0
        // A few of each shard in turn: whoever waits for one has it while the others are gone through.
        var open = Array(view.shards.indices)
        while !open.isEmpty {
            open = try open.filter { number in
                let records = try view.shards[number].entities.withLock { entities in
                    try entities.takeRecords(limit: Self.takeLimit, taken: &taken[number])
                }
                for record in records ?? [] {
                    if keysThatWaited.contains(record.key) {
                        last.append(record)
                    } else {
                        part.append(record)
                        partBytes += record.record.count
                    }
                }
                count += records?.count ?? 0
                return records != nil
            }
            if partBytes >= chunkBytes || part.count >= Self.chunkRecords {
                try write(part, cursor: nil)
                part = []
                partBytes = 0
            }
        }
        let cursor = LoadCursor(upTo: now, input: position.text, rows: count, isComplete: true)
        if last.isEmpty { last = part } else if !part.isEmpty { try write(part, cursor: nil) }
        if last.isEmpty {
            try view.store.setCursor(cursor, of: view.view.identity)
        } else {
            try write(last, cursor: cursor)
        }
        return count
    }

    private func write(_ part: [ResidentEntities.StoredRecord], cursor: LoadCursor?) throws {
        var keys = EntityKeys()
        for (key, _) in part { key.withUnsafeBytes { keys.append(encoded: $0) } }
        let order = keys.sortedOrder()
        var chunk = RecordChunk(records: order.map { part[Int($0)].record })
        chunk.ttl = view.view.ttl
        _ = try view.store.write(chunk, keys: keys, order: order[...], to: view.handle, cursor: cursor)
    }

    /// Only now is all in the store.
    private func settle() {
        let bytes = view.shards.reduce(0) { $0 + $1.entities.withLock { $0.byteCount } }
        var first = 0
        var hasMore = true
        while hasMore {
            hasMore = false
            for shard in view.shards {
                shard.entities.withLock { entities in
                    entities.settle(first..<(first + Self.settleLimit), evicts: bytes > view.memoryBytes)
                    hasMore = hasMore || entities.entities.count > first + Self.settleLimit
                }
            }
            first += Self.settleLimit
        }
    }
}

extension StreamedView {
    /// Begins to store what changed since the last checkpoint. By the thread that feeds, between two calls; O(shards).
    /// The one before must have ended.
    package func beginCheckpoint() -> StreamCheckpoint {
        let (position, keysThatWaited) = feed.withLock { feed in
            let waiting = (feed.waiting?.positions ?? []) + feed.resumedWaiting
            let before = feed.keysThatWaited
            feed.keysThatWaited = feed.waiting.map { keys(of: $0) } ?? []
            return (StreamPosition(endOffset: feed.endOffset, waiting: waiting.sorted()), before)
        }
        for shard in shards { shard.entities.withLock { $0.beginCheckpoint() } }
        return StreamCheckpoint(position: position, view: self, keysThatWaited: keysThatWaited)
    }

    /// Stores what changed, all at once.
    /// - Returns: how many records were stored.
    @discardableResult
    package func checkpoint(at now: Timestamp) throws -> Int { try beginCheckpoint().store(at: now) }

    func keys(of rows: StreamRows) -> Set<[UInt8]> {
        guard let keys = try? EntityKeys(rows.keys, keys: view.keys) else { return [] }
        return Set((0..<keys.uniqueCount).map { keys.withKey($0) { Array($0) } })
    }
}
