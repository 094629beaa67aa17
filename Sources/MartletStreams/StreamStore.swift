internal import MartletCore
package import MartletOnline
internal import Synchronization

/// An online store in which some views follow the log: their records come from memory where they are there, all else
/// from the store beneath. Readers wait for nobody but for a moment for each other.
package final class StreamStore: OnlineStore {
    let base: any OnlineStore
    private let views = Mutex<[ViewHandle: StreamedView]>([:])

    package init(_ base: any OnlineStore) { self.base = base }

    /// The views that follow the log, in place of those before.
    package func follow(_ streamed: [StreamedView]) {
        let found = Dictionary(streamed.map { ($0.handle, $0) }) { $1 }
        views.withLock { $0 = found }
    }

    /// The view where it follows the log.
    func followed(_ view: ViewHandle) -> StreamedView? { views.withLock { $0[view] } }

    package func handle(for view: ViewIdentity) throws -> ViewHandle { try base.handle(for: view) }

    package func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        let streamed = views.withLock { views in views.isEmpty ? [] : lookups.map { views[$0.view] } }
        guard streamed.contains(where: { $0 != nil }) else {
            return try base.read(lookups, keys: keys, into: &table, body)
        }
        // What is in memory must stay while it is read.
        var held: [ServedRecord] = []
        var stored = RecordTable()
        stored.allowedStaleness = table.allowedStaleness
        try base.read(lookups, keys: keys, into: &stored) { stored in
            table.removeAll()
            table.isStale = stored.isStale
            for (number, lookup) in lookups.enumerated() {
                table.beginLookup()
                let keys = keys[lookup.keyIndex]
                for index in 0..<keys.uniqueCount {
                    if let view = streamed[number], let record = try keys.withKey(index, view.served) {
                        held.append(record)
                        table.append(record.bytes)
                    } else {
                        table.append(stored.record(lookup: number, key: index))
                    }
                }
            }
            try withExtendedLifetime(held) { try body(table) }
        }
    }

    package func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts {
        try base.write(chunk, keys: keys, order: order, to: view, cursor: cursor)
    }

    package func cursor(of view: ViewIdentity) throws -> LoadCursor? { try base.cursor(of: view) }
    package func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws { try base.setCursor(cursor, of: view) }
    package func drop(_ view: ViewIdentity) throws { try base.drop(view) }
    package func recordCount(of view: ViewIdentity) throws -> Int { try base.recordCount(of: view) }
    package var isRemote: Bool { base.isRemote }
}

extension StreamedView {
    /// The record of an entity; nil where it is not in memory.
    func served(_ key: UnsafeRawBufferPointer) throws -> ServedRecord? {
        try shard(of: key).entities.withLock { try $0.served(key) }
    }
}
