internal import Dispatch
internal import Glibc
internal import MartletCore
internal import Synchronization

/// A SQLite file in WAL mode: one writer, and readers beside it that it never blocks.
package final class SQLiteDatabase: Database {
    package let path: String
    private let writer: SQLiteConnection
    private let writing = Mutex<Void>(())
    private let readers: Mutex<[SQLiteConnection]>
    private let freeReaders: DispatchSemaphore

    /// - Throws: `fileSystem` where the file cannot be opened, `corruptData` where it is no database.
    package init(path: String, options: SQLiteOptions = SQLiteOptions()) throws {
        precondition(options.readers > 0, "a database has at least one reader")
        self.path = path
        if options.creates { try createFolder(of: path) }
        writer = try SQLiteConnection(path: path, options: options, isWriter: true)
        var connections: [SQLiteConnection] = []
        for _ in 0..<options.readers {
            connections.append(try SQLiteConnection(path: path, options: options, isWriter: false))
        }
        readers = Mutex(connections)
        freeReaders = DispatchSemaphore(value: options.readers)
    }

    package func read<Result: Sendable>(_ body: (any DatabaseReading) throws -> Result) throws -> Result {
        freeReaders.wait()
        defer { freeReaders.signal() }
        guard let reader = readers.withLock({ $0.popLast() }) else {
            preconditionFailure("the semaphore counts the free readers")
        }
        defer { readers.withLock { $0.append(reader) } }
        return try reader.transaction(isWriting: false, body)
    }

    @discardableResult
    package func write<Result: Sendable>(_ body: (any DatabaseWriting) throws -> Result) throws -> Result {
        try writing.withLock { _ in try writer.transaction(isWriting: true, body) }
    }

    /// Looks through the whole file for damage. Linear in its size.
    /// - Throws: `corruptData` with the first damage.
    package func check() throws {
        let finding = try read { try $0.row("PRAGMA quick_check(1)")?.text(0) }
        guard finding == "ok" else {
            throw MartletError(
                .corruptData, "the database is damaged: \(finding ?? "no answer")", place: .init(file: path),
                fix: "restore it from a backup, or move it away and apply the definitions again")
        }
    }
}

/// Makes the folders above a file.
private func createFolder(of path: String) throws {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    var folder = ""
    for (index, part) in parts.enumerated() {
        folder += index == 0 ? String(part) : "/\(part)"
        if folder.isEmpty || part.isEmpty { continue }
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
            throw MartletError(
                errno == ENOSPC ? .diskFull : .fileSystem,
                "cannot make the folder: \(String(cString: strerror(errno)))",
                place: .init(file: folder))
        }
    }
}
