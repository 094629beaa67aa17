internal import CLMDB
internal import MartletCore

/// The one writer of an environment, bound to the thread that began it. It sees what it has written.
package struct WriteTransaction: ~Copyable {
    let handle: OpaquePointer

    package func withValue<Result>(
        for key: [UInt8], in database: Database, _ body: (RawSpan?) throws -> Result
    ) throws -> Result {
        try key.withUnsafeBytes { key in
            guard let value = try lookUp(key, handle, database) else { return try body(nil) }
            return try body(value.bytes)
        }
    }

    package func scan(
        prefix: [UInt8], in database: Database, _ body: (RawSpan, RawSpan) throws -> Bool
    ) throws {
        try scanPairs(prefix, handle, database, body)
    }

    package func count(in database: Database) throws -> Int { try countPairs(handle, database) }

    /// Stores `value` under `key`, replacing what is there.
    package func put(_ value: [UInt8], for key: [UInt8], in database: Database) throws {
        let cursor = try Cursor(handle, database)
        try key.withUnsafeBytes { key in
            try cursor.put(key, byteCount: value.count, isAppending: false) { $0.copyBytes(from: value) }
        }
    }

    /// - Returns: whether the key was there.
    @discardableResult
    package func delete(_ key: [UInt8], in database: Database) throws -> Bool {
        try key.withUnsafeBytes { key in
            var name = MDB_val(mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
            let status = mdb_del(handle, database.index, &name, nil)
            if status == MDB_NOTFOUND { return false }
            try check(status, "deleting from \(database.name)")
            return true
        }
    }

    /// Deletes the pairs whose keys begin with `prefix`, at most `limit` of them: a large range is deleted by several
    /// transactions, so that none of them grows beyond memory.
    /// - Returns: how many were deleted; fewer than `limit` means that none is left.
    package func delete(prefix: [UInt8], limit: Int = .max, in database: Database) throws -> Int {
        let cursor = try Cursor(handle, database)
        var count = 0
        while count < limit, let (key, _) = try cursor.seek(prefix), key.starts(with: prefix) {
            try cursor.deleteCurrent()
            count += 1
        }
        return count
    }

    /// A writer of many pairs of one database, best in the order of their keys.
    package func batch(in database: Database) throws -> WriteBatch { WriteBatch(cursor: try Cursor(handle, database)) }
}

/// Writes many pairs through one cursor: neighbours in key order share the walk down the tree, and keys beyond the
/// last one are appended, which fills pages completely. Must not outlive its transaction.
package struct WriteBatch: ~Copyable {
    private let cursor: Cursor
    // Whether every key from now on lies beyond the database's last: known once one key was found to, as they are
    // sorted.
    private var isAppending = false

    init(cursor: consuming Cursor) { self.cursor = cursor }

    /// Says that keys come in ascending order from `first` on. Where no key at or after it exists, they are appended.
    package mutating func begin(sortedFrom first: UnsafeRawBufferPointer) throws {
        isAppending = try cursor.seek(Array(first)) == nil
    }

    /// The value under `key` now; nil where there is none. Valid until the next write.
    package func value(for key: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        isAppending ? nil : try cursor.value(for: key)
    }

    /// Stores `byteCount` bytes under `key`, written in place by `fill`, which must write each of them.
    package func put(
        _ key: UnsafeRawBufferPointer, byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws {
        try cursor.put(key, byteCount: byteCount, isAppending: isAppending, fill)
    }
}
