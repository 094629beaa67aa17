package import MartletCore

/// Loads one view into an online store: in parts, each cut into chunks of ascending keys, each chunk one transaction
/// with the cursor. Interrupted, it goes on where it was when an equal load begins; repeated, it changes nothing.
/// Reads are never held up.
///
/// ```swift
/// var load = try OnlineLoad(LoadIdentity(view: view.identity, upTo: time, input: "silver.payments@12"), of: view,
/// into: store) try load.write(values)
/// let counts = try load.finish()
/// ```
package struct OnlineLoad: ~Copyable {
    package static let defaultChunkRows = 16_384

    private let identity: LoadIdentity
    private let view: OnlineView
    private let store: any OnlineStore
    private let handle: ViewHandle
    private let chunkRows: Int
    private let mark: Int64
    private let progress: any ProgressReporter
    private let cancellation: Cancellation
    private let resumed: LoadCursor?
    private var part = 0
    private var rows = 0
    private var counts = WriteCounts()

    /// - Parameters:
    ///   - mark: of all records: one with a greater mark takes the place of any with a smaller one.
    ///   - isRestarted: whether to write everything again although an equal load was interrupted or complete.
    package init(
        _ identity: LoadIdentity, of view: OnlineView, into store: any OnlineStore,
        chunkRows: Int = defaultChunkRows, mark: Int64 = 0, isRestarted: Bool = false,
        progress: any ProgressReporter = SilentProgress(), cancellation: Cancellation = Cancellation()
    ) throws {
        precondition(identity.view == view.identity, "the load is for the view")
        let handle = try store.handle(for: view.identity)
        let cursor = isRestarted ? nil : try store.cursor(of: view.identity)
        self.identity = identity
        self.view = view
        self.store = store
        self.handle = handle
        self.chunkRows = max(1, chunkRows)
        self.mark = mark
        self.progress = progress
        self.cancellation = cancellation
        resumed = cursor.flatMap { $0.belongs(to: identity) ? $0 : nil }
    }

    /// Writes the next part. Blocks on the store; where it is cancelled it stops between chunks.
    /// - Throws: `missingColumn` or `typeMismatch` where the columns are not those of the view, `invalidInput` where
    ///   they differ in length, `diskFull`, `cancelled`.
    package mutating func write(_ values: LatestValues) throws {
        try checkLatest(values, view)
        let keys = try EntityKeys(values.keys, keys: view.keys)
        let winners = winners(keys) { left, right in
            let before = (values.eventTimes[left], values.createdTimes?[left] ?? 0, values.positions?[left] ?? 0)
            let after = (values.eventTimes[right], values.createdTimes?[right] ?? 0, values.positions?[right] ?? 0)
            return before <= after
        }
        let mark = mark
        try writePart(keys, winners) { RecordChunk(values, rows: $0, mark: mark) }
    }

    /// Writes the next part of a windowed view; of repeated keys the last wins.
    package mutating func write(_ tiles: TileStates) throws {
        guard case .windowed = view.kind else {
            throw MartletError(.typeMismatch, "the view \(view.name) has latest values, not windows")
        }
        guard tiles.eventTimes.count == tiles.count, tiles.arrivalTimes.map({ $0.count == tiles.count }) ?? true,
            tiles.keys.allSatisfy({ $0.count == tiles.count })
        else { throw MartletError(.invalidInput, "the columns to load into \(view.name) differ in length") }
        let keys = try EntityKeys(tiles.keys, keys: view.keys)
        let mark = mark
        try writePart(keys, winners(keys) { _, _ in true }) { RecordChunk(tiles, rows: $0, mark: mark) }
    }

    /// Deletes entities of which nothing is left. Repeated, it changes nothing.
    package mutating func delete(_ deletions: Deletions) throws {
        counts += try store.delete(deletions, of: view, mark: mark)
    }

    /// Marks the load as complete.
    package consuming func finish() throws -> WriteCounts {
        if resumed?.isComplete != true {
            try store.setCursor(
                LoadCursor(
                    upTo: identity.upTo, input: identity.input, part: part, rows: rows, isComplete: true),
                of: view.identity)
        }
        return counts
    }

    private mutating func writePart(
        _ keys: EntityKeys, _ winners: [Int32], _ encode: (ArraySlice<Int32>) -> RecordChunk
    ) throws {
        defer { part += 1 }
        counts.nullKeys += keys.rows.count { $0 < 0 }
        let order = keys.sortedOrder()
        var next = firstRow(of: order, in: keys)
        counts.resumed += next
        rows += next
        while next < order.count {
            if cancellation.isCancelled {
                throw MartletError(
                    .cancelled, "loading \(view.name) was cancelled after \(rows) rows",
                    fix: "run it again: it goes on from there")
            }
            let chunk = order[next..<min(order.count, next + chunkRows)]
            var records = encode(chunk.map { winners[Int($0)] }[...])
            records.ttl = view.ttl
            rows += chunk.count
            let last = keys.withKey(Int(chunk[chunk.endIndex - 1])) { Array($0) }
            let cursor = LoadCursor(
                upTo: identity.upTo, input: identity.input, part: part, lastKey: last, rows: rows)
            counts += try store.write(records, keys: keys, order: chunk, to: handle, cursor: cursor)
            next = chunk.endIndex
            progress.report("load \(view.name)", done: rows, total: nil)
        }
    }

    /// How many keys of the part were stored before the load was interrupted.
    private func firstRow(of order: [Int32], in keys: EntityKeys) -> Int {
        guard let resumed else { return 0 }
        if resumed.isComplete || part < resumed.part { return order.count }
        guard part == resumed.part else { return 0 }
        return order.count { index in
            keys.withKey(Int(index)) { key in
                resumed.lastKey.withUnsafeBytes { compareBytes(key, $0) <= 0 }
            }
        }
    }
}

/// For each unique key the row that counts. `mayReplace(a, b)` says whether the later row b takes the place of a.
func winners(_ keys: EntityKeys, _ mayReplace: (Int, Int) -> Bool) -> [Int32] {
    var winners = [Int32](repeating: -1, count: keys.uniqueCount)
    for (row, key) in keys.rows.enumerated() where key >= 0 {
        let known = winners[Int(key)]
        if known < 0 || mayReplace(Int(known), row) { winners[Int(key)] = Int32(row) }
    }
    return winners
}

private func checkLatest(_ values: LatestValues, _ view: OnlineView) throws {
    guard case .latest = view.kind else {
        throw MartletError(.typeMismatch, "the view \(view.name) has windows, not latest values")
    }
    guard values.features.count == view.features.count else {
        throw MartletError(
            .missingColumn, "the view \(view.name) has \(view.features.count) features, not \(values.features.count)")
    }
    for (column, feature) in zip(values.features, view.features) where column.type != feature.type {
        throw MartletError(
            .typeMismatch, "the feature \(view.name):\(feature.name) is \(feature.type), not \(column.type)")
    }
    let count = values.count
    guard values.keys.allSatisfy({ $0.count == count }), values.features.allSatisfy({ $0.count == count }),
        values.createdTimes.map({ $0.count == count }) ?? true, values.positions.map({ $0.count == count }) ?? true
    else { throw MartletError(.invalidInput, "the columns to load into \(view.name) differ in length") }
}
