internal import CSQLite
internal import MartletCore

/// What a result code of SQLite means to the user. The text is SQLite's own: it names tables and columns, never values.
func sqliteError(_ code: Int32, _ connection: OpaquePointer?, path: String, during action: String) -> MartletError {
    let extended = connection.map { sqlite3_extended_errcode($0) } ?? code
    let text = String(cString: connection.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(code))
    let place = MartletError.Place(file: path)
    func error(_ code: MartletError.Code, _ message: String, fix: String? = nil) -> MartletError {
        MartletError(code, "\(message): \(text)", place: place, fix: fix)
    }
    switch code & 0xff {
    case SQLITE_FULL:
        return error(
            .diskFull, "no space left while \(action)", fix: "free space on this disk, then repeat the command")
    case SQLITE_CORRUPT, SQLITE_NOTADB:
        return error(
            .corruptData, "the database is damaged, found while \(action)",
            fix: "restore it from a backup, or move it away and apply the definitions again")
    case SQLITE_BUSY, SQLITE_LOCKED:
        return error(
            .storeUnavailable, "another process holds the database while \(action)",
            fix: "wait for the other command to end")
    case SQLITE_CONSTRAINT: return error(.conflict, "a rule of the database refused \(action)")
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH, SQLITE_NOLFS:
        return error(
            .fileSystem, "cannot open or write the database while \(action)", fix: "check the path and its rights")
    case SQLITE_IOERR: return error(.fileSystem, "the disk failed (\(extended)) while \(action)")
    case SQLITE_NOMEM: return error(.storeUnavailable, "no memory left while \(action)")
    case SQLITE_TOOBIG: return error(.limitExceeded, "a value is too large for the database while \(action)")
    case SQLITE_INTERRUPT: return error(.cancelled, "interrupted while \(action)")
    default: return error(.internalFault, "SQLite failed (\(extended)) while \(action)")
    }
}
