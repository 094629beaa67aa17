internal import CLMDB
internal import MartletCore

/// A position in a database, within one transaction.
struct Cursor: ~Copyable {
    typealias Pair = (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)

    private let handle: OpaquePointer
    private let name: String

    init(_ transaction: OpaquePointer, _ database: Database) throws {
        var cursor: OpaquePointer?
        try check(mdb_cursor_open(transaction, database.index, &cursor), "opening a cursor")
        guard let cursor else { preconditionFailure("LMDB opened no cursor") }
        handle = cursor
        name = database.name
    }

    deinit { mdb_cursor_close(handle) }

    /// Moves to the first key at or after `key`; the empty key means the first of all.
    func seek(_ key: [UInt8]) throws -> Pair? {
        if key.isEmpty { return try move(MDB_FIRST) }
        return try key.withUnsafeBytes { try move(MDB_SET_RANGE, $0) }
    }

    func next() throws -> Pair? { try move(MDB_NEXT) }

    /// Moves to exactly `key`.
    func value(for key: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        try move(MDB_SET_KEY, key)?.value
    }

    /// Stores a value of `byteCount` bytes under `key` and lets `fill` write it in place; every byte must be written.
    func put(
        _ key: UnsafeRawBufferPointer, byteCount: Int, isAppending: Bool,
        _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws {
        var name = MDB_val(mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
        var value = MDB_val(mv_size: byteCount, mv_data: nil)
        let flags = UInt32(MDB_RESERVE) | (isAppending ? UInt32(MDB_APPEND) : 0)
        try check(mdb_cursor_put(handle, &name, &value, flags), "writing \(self.name)")
        fill(UnsafeMutableRawBufferPointer(start: value.mv_data, count: value.mv_size))
    }

    func deleteCurrent() throws { try check(mdb_cursor_del(handle, 0), "deleting from \(name)") }

    /// The pair under the cursor; after a deletion, the one that followed.
    func current() throws -> Pair? { try move(MDB_GET_CURRENT) }

    private func move(_ operation: MDB_cursor_op, _ key: UnsafeRawBufferPointer? = nil) throws -> Pair? {
        var found = MDB_val(
            mv_size: key?.count ?? 0, mv_data: UnsafeMutableRawPointer(mutating: key?.baseAddress))
        var value = MDB_val()
        let status = mdb_cursor_get(handle, &found, &value, operation)
        if status == MDB_NOTFOUND { return nil }
        try check(status, "reading \(name)")
        return (
            UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size),
            UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
        )
    }
}
