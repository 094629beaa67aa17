internal import CSQLite
internal import Glibc
internal import MartletCore
internal import Synchronization

/// A SQLite file in write-ahead mode, every commit synced to disk. One connection: the registry is read a few times a command.
package final class SQLiteDatabase: Database {
    private let session: Mutex<SQLiteSession>

    /// Opens or makes the file; `:memory:` is a database that ends with the object.
    /// - Throws: `fileSystem` where it cannot be opened, `corruptData` where it is no SQLite file.
    package init(path: String) throws {
        session = Mutex(try SQLiteSession(path: path))
    }

    package func read<T>(_ body: (any DatabaseSession) throws -> T) throws -> T {
        try transaction("BEGIN DEFERRED", body)
    }

    package func write<T>(_ body: (any DatabaseSession) throws -> T) throws -> T {
        try transaction("BEGIN IMMEDIATE", body)
    }

    private func transaction<T>(_ begin: String, _ body: (any DatabaseSession) throws -> T) throws -> T {
        // The result leaves the lock as a value of its own; nothing of the session escapes with it.
        nonisolated(unsafe) var result: T?
        try session.withLock { session in
            try session.runScript(begin)
            do {
                result = try body(session)
                try session.runScript("COMMIT")
            } catch {
                try? session.runScript("ROLLBACK")
                throw error
            }
        }
        guard let result else { preconditionFailure("a transaction that does not throw has a result") }
        return result
    }
}

/// The connection with its prepared statements. Used only under the database's lock.
private final class SQLiteSession: DatabaseSession {
    private var handle: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]
    private static let statementsMax = 64

    init(path: String) throws {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let state = unsafe sqlite3_open_v2(path, &handle, flags, nil)
        guard state == SQLITE_OK else {
            let error = failure(state, path)
            _ = unsafe sqlite3_close_v2(handle)
            throw error
        }
        _ = unsafe sqlite3_extended_result_codes(handle, 1)
        _ = unsafe sqlite3_busy_timeout(handle, 10_000)
        do {
            try runScript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        } catch {
            _ = unsafe sqlite3_close_v2(handle)
            throw error
        }
    }

    deinit {
        for statement in statements.values { _ = unsafe sqlite3_finalize(statement) }
        _ = unsafe sqlite3_close_v2(handle)
    }

    func runScript(_ sql: String) throws {
        let state = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        if state != SQLITE_OK { throw failure(state) }
    }

    func execute(_ sql: String, _ values: [Value]) throws -> Int {
        _ = try query(sql, values)
        return unsafe Int(sqlite3_changes(handle))
    }

    func query(_ sql: String, _ values: [Value]) throws -> [DatabaseRow] {
        let statement = try prepared(sql)
        defer {
            _ = unsafe sqlite3_reset(statement)
            _ = unsafe sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() {
            let state = unsafe bind(value, statement, Int32(index + 1))
            if state != SQLITE_OK { throw failure(state) }
        }
        var rows: [DatabaseRow] = []
        while true {
            let state = unsafe sqlite3_step(statement)
            if state == SQLITE_DONE { return rows }
            guard state == SQLITE_ROW else { throw failure(state) }
            rows.append(unsafe row(statement))
        }
    }

    private func prepared(_ sql: String) throws -> OpaquePointer? {
        if let known = unsafe statements[sql] { return unsafe known }
        var statement: OpaquePointer?
        let state = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard state == SQLITE_OK, let statement = unsafe statement else { throw failure(state) }
        if statements.count >= Self.statementsMax, let (oldest, pointer) = unsafe statements.first {
            _ = unsafe sqlite3_finalize(pointer)
            statements.removeValue(forKey: oldest)
        }
        unsafe statements[sql] = statement
        return unsafe statement
    }

    private func bind(_ value: Value, _ statement: OpaquePointer?, _ index: Int32) -> Int32 {
        switch value {
        case .null: return unsafe sqlite3_bind_null(statement, index)
        case .bool(let x): return unsafe sqlite3_bind_int64(statement, index, x ? 1 : 0)
        case .int32(let x): return unsafe sqlite3_bind_int64(statement, index, Int64(x))
        case .int64(let x): return unsafe sqlite3_bind_int64(statement, index, x)
        case .float32(let x): return unsafe sqlite3_bind_double(statement, index, Double(x))
        case .float64(let x): return unsafe sqlite3_bind_double(statement, index, x)
        case .timestamp(let x): return unsafe sqlite3_bind_int64(statement, index, x.microseconds)
        case .string(let x):
            return unsafe sqlite3_bind_text(statement, index, x, Int32(x.utf8.count), cmartlet_sqlite_transient())
        case .bytes(let x):
            return unsafe sqlite3_bind_blob(statement, index, x, Int32(x.count), cmartlet_sqlite_transient())
        }
    }

    private func row(_ statement: OpaquePointer?) -> DatabaseRow {
        var values: [String: Value] = [:]
        for column in 0..<(unsafe sqlite3_column_count(statement)) {
            let name = unsafe String(cString: sqlite3_column_name(statement, column))
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            switch unsafe sqlite3_column_type(statement, column) {
            case SQLITE_INTEGER: values[name] = unsafe .int64(sqlite3_column_int64(statement, column))
            case SQLITE_FLOAT: values[name] = unsafe .float64(sqlite3_column_double(statement, column))
            case SQLITE_TEXT:
                let text = unsafe UnsafeBufferPointer(start: sqlite3_column_text(statement, column), count: count)
                values[name] = unsafe .string(String(decoding: text, as: UTF8.self))
            case SQLITE_BLOB:
                let bytes = unsafe UnsafeRawBufferPointer(start: sqlite3_column_blob(statement, column), count: count)
                values[name] = unsafe .bytes(Array(bytes))
            default: values[name] = .null
            }
        }
        return DatabaseRow(values)
    }

    private func failure(_ state: Int32, _ path: String? = nil) -> MartletError {
        let reason = unsafe handle.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
        let place = path.map { MartletError.Place(file: $0) }
        switch state & 0xFF {
        case SQLITE_FULL: return MartletError(.diskFull, "the registry cannot grow: \(reason)", place: place)
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return MartletError(
                .corruptData, "the registry is damaged: \(reason)", place: place, fix: "restore the file from a backup")
        case SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_READONLY, SQLITE_PERM:
            return MartletError(.fileSystem, "the registry cannot be used: \(reason)", place: place)
        case SQLITE_BUSY, SQLITE_LOCKED:
            return MartletError(.conflict, "the registry is being written by another process", fix: "try again")
        case SQLITE_CONSTRAINT: return MartletError(.conflict, "the registry refuses this: \(reason)")
        default: return MartletError(.internalFault, "the registry: \(reason)")
        }
    }
}
