internal import MartletCore
package import MartletKeyValue
internal import Synchronization

/// The embedded online store. Three databases: `views` numbers the views, `rows` has the records under the view's
/// number and the entity key, `loads` the cursors.
package final class LMDBOnlineStore: OnlineStore {
    let environment: Environment
    let rows: Database
    private let views: Database
    private let loads: Database
    private let handles = Mutex<[ViewIdentity: ViewHandle]>([:])

    /// Opens the store in the folder `path`, which is created where it is absent.
    /// - Throws: `corruptData`, `fileSystem`, `diskFull`, `conflict` where this process has it open.
    package init(
        path: String, limits: EnvironmentLimits = EnvironmentLimits(), durability: Durability = .synced
    ) throws {
        environment = try Environment(path: path, limits: limits, durability: durability)
        rows = try environment.database("rows")
        views = try environment.database("views")
        loads = try environment.database("loads")
    }

    package func handle(for view: ViewIdentity) throws -> ViewHandle {
        if let known = handles.withLock({ $0[view] }) { return known }
        let name = Array(view.description.utf8)
        let stored = try environment.read { try $0.withValue(for: name, in: views, viewHandle) }
        let handle = try stored ?? addView(name)
        handles.withLock { $0[view] = handle }
        return handle
    }

    package func cursor(of view: ViewIdentity) throws -> LoadCursor? {
        let key = viewPrefix(try handle(for: view))
        let bytes = try environment.read { reader in
            try reader.withValue(for: key, in: loads) { value -> [UInt8]? in
                guard let value else { return nil }
                return value.withUnsafeBytes { Array($0) }
            }
        }
        return try bytes.map { try LoadCursor(decoding: $0) }
    }

    package func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws {
        let key = viewPrefix(try handle(for: view))
        try environment.write { try $0.put(cursor.encoded, for: key, in: loads) }
    }

    package func drop(_ view: ViewIdentity) throws {
        let prefix = viewPrefix(try handle(for: view))
        // The cursor first: a load that begins while rows are deleted must not believe that they are there.
        try environment.write { _ = try $0.delete(prefix, in: loads) }
        let step = 50_000
        while try environment.write({ try $0.delete(prefix: prefix, limit: step, in: rows) }) == step {}
    }

    package func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts {
        guard let first = order.first else { return WriteCounts() }
        var counts = WriteCounts()
        try environment.write { writer in
            var batch = try writer.batch(in: rows)
            var storedKey = StoredKey(view)
            // Hashed keys have an order of their own.
            let isSorted = order.allSatisfy { keys.withKey(Int($0)) { StoredKey.isPlain($0) } }
            if isSorted {
                keys.withKey(Int(first)) { storedKey.set($0) }
                try storedKey.withBytes { try batch.begin(sortedFrom: $0) }
            }
            for (index, key) in order.enumerated() {
                try keys.withKey(Int(key)) { key in
                    try chunk.withRecord(index) { record in
                        try put(record, key, &storedKey, &batch, &counts)
                    }
                }
            }
            if let cursor { try writer.put(cursor.encoded, for: viewPrefix(view), in: loads) }
        }
        return counts
    }

    /// The number of records of the view. O(records).
    package func recordCount(of view: ViewIdentity) throws -> Int {
        let prefix = viewPrefix(try handle(for: view))
        return try environment.read { reader in
            var count = 0
            try reader.scan(prefix: prefix, in: rows) { _, _ in
                count += 1
                return true
            }
            return count
        }
    }

    /// Bytes in use, and how many the limit allows.
    package func usage() -> (usedBytes: Int, limitBytes: Int) { environment.usage() }

    private func addView(_ name: [UInt8]) throws -> ViewHandle {
        try environment.write { writer in
            // Another process may have been first.
            if let known = try writer.withValue(for: name, in: views, viewHandle) { return known }
            let handle = ViewHandle(number: UInt32(try writer.count(in: views)) + 1)
            try writer.put(viewPrefix(handle), for: name, in: views)
            return handle
        }
    }
}

private func viewHandle(_ value: RawSpan?) -> ViewHandle? {
    guard let value, value.byteCount == 4 else { return nil }
    return ViewHandle(number: value.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)) })
}

func viewPrefix(_ view: ViewHandle) -> [UInt8] { withUnsafeBytes(of: view.number.bigEndian) { Array($0) } }

private func put(
    _ record: UnsafeRawBufferPointer, _ key: UnsafeRawBufferPointer, _ storedKey: inout StoredKey,
    _ batch: inout WriteBatch, _ counts: inout WriteCounts
) throws {
    storedKey.set(key)
    var stored = try storedKey.withBytes { try batch.value(for: $0) }
    if storedKey.isHashed {
        // Another key with the same hash keeps its place: the next one is tried.
        while let value = stored, try compareBytes(fullKey(of: value), key) != 0 {
            try storedKey.probe()
            stored = try storedKey.withBytes { try batch.value(for: $0) }
        }
        stored = stored.map { UnsafeRawBufferPointer(rebasing: $0[..<($0.count - key.count - 4)]) }
    }
    if let stored {
        let header = try RecordHeader(unverified: record)
        if compareBytes(stored, record) == 0 {
            counts.unchanged += 1
            return
        }
        // A damaged record, or one of another kind, is nothing to keep.
        if let before = try? RecordHeader(verifying: stored), before.kind == header.kind, !header.mayReplace(before) {
            counts.keptNewer += 1
            return
        }
    }
    let trailerBytes = storedKey.isHashed ? key.count + 4 : 0
    try storedKey.withBytes { name in
        try batch.put(name, byteCount: record.count + trailerBytes) { target in
            target.copyMemory(from: record)
            guard trailerBytes > 0 else { return }
            UnsafeMutableRawBufferPointer(rebasing: target[record.count...]).copyMemory(from: key)
            target.storeBytes(
                of: UInt32(key.count).littleEndian, toByteOffset: record.count + key.count, as: UInt32.self)
        }
    }
    counts.written += 1
}
