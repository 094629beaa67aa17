package import MartletCore
internal import MartletOnline
internal import Synchronization

/// Where following the log goes on.
package struct StreamPosition: Sendable, Hashable {
    /// Events with smaller offsets are counted, but for those that wait.
    package var endOffset: Int64
    /// The offsets of events that had not happened yet.
    package var waiting: [Int64]

    package init(endOffset: Int64, waiting: [Int64] = []) {
        self.endOffset = endOffset
        self.waiting = waiting
    }

    /// The first offset to read.
    package var first: Int64 { min(endOffset, waiting.min() ?? endOffset) }

    private static let prefix = "log@"

    /// Whether a view's last load says that it follows the log.
    package static func isNamed(by input: String) -> Bool { input.hasPrefix(prefix) }

    /// As the input of a load.
    var text: String {
        Self.prefix + endOffset.description
            + (waiting.isEmpty ? "" : ";" + waiting.map(\.description).joined(separator: ","))
    }

    init?(_ text: String) {
        guard Self.isNamed(by: text) else { return nil }
        let parts = text.dropFirst(Self.prefix.count).split(separator: ";")
        guard let first = parts.first, let end = Int64(first) else { return nil }
        endOffset = end
        waiting = parts.count > 1 ? parts[1].split(separator: ",").compactMap { Int64($0) } : []
    }
}

extension StreamedView {
    private static let chunkRecords = 65_536

    /// Goes on from what the store holds of the view.
    /// - Returns: nil where the view did not follow the log before: then it is to begin.
    package func resume() throws -> StreamPosition? {
        guard let position = try stored() else { return nil }
        begin(at: position)
        return position
    }

    /// Up to where the store holds the view; nil where it does not follow the log.
    package func stored() throws -> StreamPosition? {
        guard let cursor = try store.cursor(of: view.identity), cursor.isComplete,
            let position = StreamPosition(cursor.input)
        else { return nil }
        return position
    }

    /// Goes on from a position whose events before it are in the store already.
    package func begin(at position: StreamPosition) {
        feed.withLock {
            $0.endOffset = position.endOffset
            $0.resumedWaiting = Set(position.waiting)
        }
    }

    /// Stores what changed, as it is, and then how far the view has come. A crash in between is made good by replaying
    /// the log from the last position: what is stored beyond it says so in its marks.
    /// - Returns: how many records were stored.
    @discardableResult
    package func checkpoint(at now: Timestamp) throws -> Int {
        // What is changed from here on belongs to the next one.
        let (position, generation) = feed.withLock { feed in
            feed.generation += 1
            let waiting = (feed.waiting?.positions ?? []).sorted()
            return (StreamPosition(endOffset: feed.endOffset, waiting: waiting), feed.generation)
        }
        var stored: [([UInt8], [UInt8])] = []
        for shard in shards {
            let dirty = shard.records.withLock { records in records.filter { $0.value.isDirty } }
            for (key, record) in dirty { if let bytes = record.stored(kind) { stored.append((key, bytes)) } }
        }
        let cursor = LoadCursor(upTo: now, input: position.text, rows: stored.count, isComplete: true)
        // Rows that wait are told apart by the position alone: then all is one transaction.
        let size = position.waiting.isEmpty ? Self.chunkRecords : max(1, stored.count)
        for start in stride(from: 0, to: stored.count, by: size) {
            let part = stored[start..<min(stored.count, start + size)]
            try write(Array(part), cursor: part.endIndex == stored.count ? cursor : nil)
        }
        if stored.isEmpty { try store.setCursor(cursor, of: view.identity) }
        settle(stored, generation)
        feed.withLock { $0.counts.storedAt = now.microseconds }
        return stored.count
    }

    private func write(_ part: [([UInt8], [UInt8])], cursor: LoadCursor?) throws {
        var keys = EntityKeys()
        for (key, _) in part { key.withUnsafeBytes { keys.append(encoded: $0) } }
        let order = keys.sortedOrder()
        var chunk = RecordChunk(records: order.map { part[Int($0)].1 })
        chunk.ttl = view.ttl
        _ = try store.write(chunk, keys: keys, order: order[...], to: handle, cursor: cursor)
    }

    /// Of what was stored and has not changed since, nothing is left to store; and what nobody has changed for two
    /// checkpoints is not kept in memory: the store has it.
    private func settle(_ stored: [([UInt8], [UInt8])], _ generation: Int) {
        for (key, _) in stored {
            key.withUnsafeBytes { bytes in
                shard(of: bytes).records.withLock { records in
                    if let held = records[key], held.generation < generation { records[key]?.isDirty = false }
                }
            }
        }
        for shard in shards {
            shard.records.withLock { records in
                records = records.filter { $0.value.isDirty || $0.value.generation >= generation - 2 }
            }
        }
    }
}
