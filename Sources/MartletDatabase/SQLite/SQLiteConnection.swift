internal import CSQLite
internal import MartletCore

/// One connection with its prepared statements.
///
/// Unchecked because SQLite is opened without its own lock: `SQLiteDatabase` gives a connection to one thread at a
/// time.
final class SQLiteConnection: @unchecked Sendable {
    private let handle: OpaquePointer
    private let path: String
    private let statementLimit: Int
    private let interceptor: SQLiteOptions.Interceptor?
    private var statements: [String: OpaquePointer] = [:]
    /// Whether a body of `read` or `write` runs; statements outside of one are a fault of the caller.
    private(set) var isInTransaction = false
    /// Set where the disk failed while writing or a transaction could not be undone: what is on the disk is not known
    /// then.
    private(set) var isBroken = false

    init(path: String, options: SQLiteOptions, isWriter: Bool) throws {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (isWriter && options.creates ? SQLITE_OPEN_CREATE : 0)
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            defer { sqlite3_close_v2(opened) }
            throw sqliteError(code, opened, path: path, during: "opening it")
        }
        handle = opened
        self.path = path
        statementLimit = options.cachedStatements
        interceptor = options.interceptor
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, Int32(clamping: options.busyTimeoutMilliseconds))
        do {
            try configure(options, isWriter: isWriter)
        } catch {
            sqlite3_close_v2(handle)
            throw error
        }
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    private func configure(_ options: SQLiteOptions, isWriter: Bool) throws {
        // Acknowledged means fsynced: NORMAL would lose the last transactions with the power.
        var settings = [
            "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF",
            "PRAGMA temp_store=MEMORY",
        ]
        if isWriter {
            settings.insert("PRAGMA journal_mode=WAL", at: 0)
            if let limit = options.maximumSizeBytes {
                settings.append("PRAGMA max_page_count=\(max(1, limit / 4_096))")
            }
        } else {
            settings.append("PRAGMA query_only=ON")
        }
        for setting in settings { try script(setting, during: "setting it up") }
    }

    /// Runs the body between `BEGIN` and `COMMIT`, or undoes what it did.
    func transaction<Result>(isWriting: Bool, _ body: (SQLiteConnection) throws -> Result) throws -> Result {
        precondition(!isInTransaction, "transactions do not nest")
        guard !isBroken else {
            throw MartletError(
                .storeUnavailable, "the database failed while writing and is closed", place: .init(file: path),
                fix: "look at the disk, then start again")
        }
        try script(isWriting ? "BEGIN IMMEDIATE" : "BEGIN", during: "beginning a transaction")
        isInTransaction = true
        defer { isInTransaction = false }
        do {
            let result = try body(self)
            try script("COMMIT", during: "committing")
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    private func rollBack() {
        // SQLite undoes a transaction itself after some failures, a full disk among them.
        guard sqlite3_get_autocommit(handle) == 0 else { return }
        if sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) != SQLITE_OK { isBroken = true }
    }

    private func script(_ sql: String, during action: String) throws {
        try interceptor?(sql)
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code, during: action) }
    }

    private func failure(_ code: Int32, during action: String) -> MartletError {
        // A failed write or fsync is never tried again: the kernel may have dropped the pages.
        if code & 0xff == SQLITE_IOERR { isBroken = true }
        return sqliteError(code, handle, path: path, during: action)
    }
}

extension SQLiteConnection: DatabaseWriting {
    func executeScript(_ sql: String) throws {
        precondition(isInTransaction, "a connection is used only within its transaction")
        try script(sql, during: "running a script")
    }

    func execute(_ sql: String, _ values: [DatabaseValue]) throws -> Int {
        try forEachRow(sql, values) { _ in }
        return Int(sqlite3_changes(handle))
    }

    func tableNames() throws -> Set<String> {
        let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        return Set(try rows(names).map { try $0.text(0) })
    }

    func forEachRow(_ sql: String, _ values: [DatabaseValue], _ body: (DatabaseRow) throws -> Void) throws {
        precondition(isInTransaction, "a connection is used only within its transaction")
        try interceptor?(sql)
        let statement = try takeStatement(sql)
        defer { giveBack(statement, sql) }
        try bind(values, to: statement)
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw failure(code, during: "running a statement") }
            try body(row(statement))
        }
    }

    /// A prepared statement, which leaves the cache while it is used, so that its rows may run the same statement
    /// again.
    private func takeStatement(_ sql: String) throws -> OpaquePointer {
        if let statement = statements.removeValue(forKey: sql) { return statement }
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK else { throw failure(code, during: "preparing a statement") }
        guard let prepared else { throw MartletError(.internalFault, "an empty statement was given to the database") }
        return prepared
    }

    private func giveBack(_ statement: OpaquePointer, _ sql: String) {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
        if statements.count >= statementLimit, let (other, old) = statements.first {
            statements[other] = nil
            sqlite3_finalize(old)
        }
        if let other = statements.updateValue(statement, forKey: sql) { sqlite3_finalize(other) }
    }

    private func bind(_ values: [DatabaseValue], to statement: OpaquePointer) throws {
        let count = sqlite3_bind_parameter_count(statement)
        guard count == values.count else {
            throw MartletError(.internalFault, "a statement with \(count) parameters was given \(values.count) values")
        }
        // To SQLite `$2` is a name, numbered by its first use, so the value is found by the name.
        for index in 1..<(count + 1) {
            guard let name = sqlite3_bind_parameter_name(statement, index).map({ String(cString: $0) }),
                let number = Int(name.dropFirst()), values.indices.contains(number - 1)
            else { throw MartletError(.internalFault, "a statement has a parameter that is not $1, $2, …") }
            let code =
                switch values[number - 1] {
                case .null: sqlite3_bind_null(statement, index)
                case .integer(let value): sqlite3_bind_int64(statement, index, value)
                case .real(let value): sqlite3_bind_double(statement, index, value)
                case .text(var text):
                    // Empty text may have no address, and a null pointer would bind null.
                    text.isEmpty
                        ? sqlite3_bind_text(statement, index, "", 0, transient)
                        : text.withUTF8 { utf8 in
                            utf8.withMemoryRebound(to: CChar.self) { characters in
                                sqlite3_bind_text64(
                                    statement, index, characters.baseAddress, UInt64(characters.count), transient,
                                    UInt8(SQLITE_UTF8))
                            }
                        }
                case .bytes(let bytes):
                    bytes.isEmpty
                        ? sqlite3_bind_zeroblob(statement, index, 0)
                        : sqlite3_bind_blob64(statement, index, bytes, UInt64(bytes.count), transient)
                }
            guard code == SQLITE_OK else { throw failure(code, during: "giving a statement its values") }
        }
    }

    private func row(_ statement: OpaquePointer) -> DatabaseRow {
        let count = sqlite3_column_count(statement)
        return DatabaseRow(
            values: (0..<count).map { column in
                switch sqlite3_column_type(statement, column) {
                case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
                case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, column))
                case SQLITE_TEXT:
                    let start = sqlite3_column_text(statement, column)
                    let length = Int(sqlite3_column_bytes(statement, column))
                    return .text(String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self))
                case SQLITE_BLOB:
                    let start = sqlite3_column_blob(statement, column)
                    let length = Int(sqlite3_column_bytes(statement, column))
                    return .bytes(Array(UnsafeRawBufferPointer(start: start, count: length)))
                default: return .null
                }
            })
    }
}

/// SQLite's `SQLITE_TRANSIENT`, a macro of a cast that Swift does not import: the value is copied before the call
/// returns. The bit cast is safe because SQLite compares this pointer and never calls it.
private let transient = cmartlet_sqlite_transient()
