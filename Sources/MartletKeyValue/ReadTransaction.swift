internal import CLMDB
package import MartletCore

/// A snapshot of an environment. Whatever it returns lies in the memory map and lives as long as the transaction.
package struct ReadTransaction: ~Copyable {
    let handle: OpaquePointer

    /// Of the snapshot: the number of the commit that it shows.
    package var version: UInt64 { UInt64(mdb_txn_id(handle)) }

    /// The value under `key`, in place; nil where there is none.
    /// - Returns: bytes that are valid until the transaction ends and are at no particular alignment.
    @inline(__always)
    package func value(for key: UnsafeRawBufferPointer, in database: Database) throws(MartletError)
        -> UnsafeRawBufferPointer?
    {
        try lookUp(key, handle, database)
    }

    /// Runs `body` with the value under `key`, or nil where there is none.
    package func withValue<Result>(
        for key: [UInt8], in database: Database, _ body: (RawSpan?) throws -> Result
    ) throws -> Result {
        try key.withUnsafeBytes { key in
            guard let value = try lookUp(key, handle, database) else { return try body(nil) }
            return try body(value.bytes)
        }
    }

    /// Visits the pairs whose keys begin with `prefix`, in the order of their keys, until `body` returns false.
    /// O(pairs).
    package func scan(
        prefix: [UInt8], in database: Database, _ body: (RawSpan, RawSpan) throws -> Bool
    ) throws {
        try scanPairs(prefix, handle, database, body)
    }

    /// The number of pairs in the database.
    package func count(in database: Database) throws -> Int { try countPairs(handle, database) }
}

@inline(__always)
func lookUp(
    _ key: UnsafeRawBufferPointer, _ transaction: OpaquePointer, _ database: Database
) throws(MartletError) -> UnsafeRawBufferPointer? {
    // LMDB takes the key through a mutable pointer and does not write to it.
    var name = MDB_val(mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
    var value = MDB_val()
    let status = mdb_get(transaction, database.index, &name, &value)
    if status == MDB_SUCCESS { return UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size) }
    if status == MDB_NOTFOUND { return nil }
    throw keyValueError(status: status, doing: "reading \(database.name)")
}

func scanPairs(
    _ prefix: [UInt8], _ transaction: OpaquePointer, _ database: Database,
    _ body: (RawSpan, RawSpan) throws -> Bool
) throws {
    let cursor = try Cursor(transaction, database)
    var pair = try cursor.seek(prefix)
    while let (key, value) = pair, key.starts(with: prefix) {
        guard try body(key.bytes, value.bytes) else { return }
        pair = try cursor.next()
    }
}

func countPairs(_ transaction: OpaquePointer, _ database: Database) throws -> Int {
    var statistics = MDB_stat()
    try check(mdb_stat(transaction, database.index, &statistics), "counting \(database.name)")
    return statistics.ms_entries
}
