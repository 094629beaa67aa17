import Dispatch
import Glibc
import MartletCore
import MartletDatabase
import MartletTestSupport
import Synchronization
import Testing

@Suite("A SQLite database")
struct SQLiteTests {
    private let folder = TemporaryFolder()
    private var path: String { "\(folder.path)/data/store.db" }

    private struct Stop: Error {}

    private func open(_ change: (inout SQLiteOptions) -> Void = { _ in }) throws -> SQLiteDatabase {
        var options = SQLiteOptions()
        change(&options)
        return try SQLiteDatabase(path: path, options: options)
    }

    private func makeTable(_ database: SQLiteDatabase) throws {
        try database.write { try $0.executeScript("CREATE TABLE t (id BIGINT PRIMARY KEY, x TEXT NOT NULL)") }
    }

    private func count(_ database: SQLiteDatabase) throws -> Int64 {
        try database.read { try $0.row("SELECT COUNT(*) FROM t")?.integer(0) ?? -1 }
    }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MartletError)?.code
        }
    }

    @Test("values of every kind come back as they went in")
    func values() throws {
        let database = try open()
        let values: [DatabaseValue] = [
            .null, .integer(Int64.min), .real(0.1), .text(""), .text("é\u{0}🐦'"), .bytes([]), .bytes([0, 255]),
        ]
        let row = try database.read { try $0.row("SELECT $1, $2, $3, $4, $5, $6, $7", values) }
        #expect(row?.values == values)
        let reversed = try database.read { try $0.row("SELECT $3, $1, $2, $1", [.text("a"), .text("b"), .text("c")]) }
        #expect(reversed?.values == [.text("c"), .text("a"), .text("b"), .text("a")])
    }

    @Test("a column of another kind than asked for is corrupt data")
    func misfits() throws {
        let row = DatabaseRow(values: [.integer(1), .text("a"), .null])
        #expect(code { _ = try row.text(0) } == .corruptData)
        #expect(code { _ = try row.integer(1) } == .corruptData)
        #expect(code { _ = try row.timestamp(2) } == .corruptData)
        #expect(try row.optionalTimestamp(2) == nil)
        #expect(try row.real(0) == 1)
    }

    @Test("what a write throws undoes everything it did")
    func rollback() throws {
        let database = try open()
        try makeTable(database)
        #expect(throws: Stop.self) {
            try database.write { connection in
                #expect(try connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')") == 2)
                throw Stop()
            }
        }
        #expect(try count(database) == 0)
        let changed = try database.write { connection in
            try connection.execute("INSERT INTO t VALUES ($1, $2)", [.integer(3), .text("c")])
            return try connection.execute("UPDATE t SET x = 'd'")
        }
        #expect(changed == 1)
        #expect(try count(database) == 1)
    }

    @Test("every statement of a write can fail, BEGIN and COMMIT too, and leaves nothing behind")
    func faults() throws {
        let remaining = Mutex(Int.max)
        let database = try open {
            $0.interceptor = { _ in
                let isDue = remaining.withLock { count in
                    count -= 1
                    return count == 0
                }
                if isDue { throw Stop() }
            }
        }
        try makeTable(database)
        for statement in 1...4 {
            remaining.withLock { $0 = statement }
            #expect(throws: Stop.self, "statement \(statement)") {
                try database.write { connection in
                    try connection.execute("INSERT INTO t VALUES (1, 'a')")
                    try connection.execute("INSERT INTO t VALUES (2, 'b')")
                }
            }
            remaining.withLock { $0 = .max }
            #expect(try count(database) == 0)
        }
        try database.write { try $0.execute("INSERT INTO t VALUES (1, 'a')") }
        #expect(try count(database) == 1)
    }

    @Test("a reader sees one state while another writes, and the new one afterwards")
    func snapshot() throws {
        let database = try open()
        try makeTable(database)
        let seen = try database.read { connection in
            let before = try connection.row("SELECT COUNT(*) FROM t")?.integer(0)
            try database.write { try $0.execute("INSERT INTO t VALUES (1, 'a')") }
            return [before, try connection.row("SELECT COUNT(*) FROM t")?.integer(0)]
        }
        #expect(seen == [0, 0])
        #expect(try count(database) == 1)
    }

    @Test("readers cannot write")
    func readOnly() throws {
        let database = try open()
        try makeTable(database)
        #expect(
            code { _ = try database.read { try $0.rows("INSERT INTO t VALUES (1, 'a') RETURNING id") } } == .fileSystem)
        #expect(try count(database) == 0)
    }

    @Test("many threads read and write at once without losing a row")
    func threads() throws {
        let database = try open { $0.readers = 3 }
        try makeTable(database)
        let failures = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            do {
                for index in 0..<25 {
                    try database.write {
                        try $0.execute("INSERT INTO t VALUES ($1, 'x')", [.integer(thread * 1_000 + index)])
                    }
                    try database.read { _ = try $0.rows("SELECT id FROM t") }
                }
            } catch {
                failures.withLock { $0 += 1 }
            }
        }
        #expect(failures.withLock { $0 } == 0)
        #expect(try count(database) == 200)
    }

    @Test("a rule of the schema is a conflict, wrong SQL an internal fault, too many rows a limit")
    func errors() throws {
        let database = try open()
        try makeTable(database)
        try database.write { try $0.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')") }
        #expect(code { _ = try database.write { try $0.execute("INSERT INTO t VALUES (1, 'secret')") } } == .conflict)
        #expect(code { _ = try database.read { try $0.rows("SELEC 1") } } == .internalFault)
        #expect(code { _ = try database.read { try $0.rows("SELECT $1") } } == .internalFault)
        #expect(code { _ = try database.read { try $0.rows("SELECT id FROM t", maximumCount: 1) } } == .limitExceeded)
        do {
            _ = try database.write { try $0.execute("INSERT INTO t VALUES (1, 'secret')") }
        } catch {
            #expect(!"\(error)".contains("secret"), "an error shows no values")
        }
    }

    @Test("a full disk is told as such, nothing half-written stays, and the database goes on")
    func full() throws {
        let database = try open { $0.maximumSizeBytes = 64 * 1_024 }
        try makeTable(database)
        let text = String(repeating: "x", count: 8_000)
        let failure = code {
            try database.write { connection in
                for index in 0..<100 {
                    try connection.execute("INSERT INTO t VALUES ($1, $2)", [.integer(index), .text(text)])
                }
            }
        }
        #expect(failure == .diskFull)
        #expect(try count(database) == 0)
        try database.write { try $0.execute("INSERT INTO t VALUES (1, 'small')") }
        #expect(try count(database) == 1)
        try database.check()
    }

    @Test("a file that is no database is corrupt data")
    func garbage() throws {
        folder.write(String(repeating: "not a database ", count: 400), to: "data/store.db")
        #expect(code { _ = try open() } == .corruptData)
    }

    @Test("damage within the file is found")
    func damage() throws {
        do {
            let database = try open()
            try makeTable(database)
            try database.write { connection in
                for index in 0..<2_000 {
                    try connection.execute(
                        "INSERT INTO t VALUES ($1, $2)", [.integer(index), .text(String(repeating: "y", count: 50))])
                }
            }
        }
        let file = try #require(fopen(path, "r+"))
        fseek(file, 3 * 4_096, SEEK_SET)
        let zeros = [UInt8](repeating: 0xEE, count: 2 * 4_096)
        fwrite(zeros, 1, zeros.count, file)
        fclose(file)
        let database = try open()
        #expect(code { try database.check() } == .corruptData)
    }

    @Test("a path that cannot be is a fault of the file system")
    func impossiblePath() {
        folder.write("a file", to: "file")
        #expect(code { _ = try SQLiteDatabase(path: "\(folder.path)/file/store.db") } == .fileSystem)
        var options = SQLiteOptions()
        options.creates = false
        #expect(code { _ = try SQLiteDatabase(path: "\(folder.path)/none.db", options: options) } == .fileSystem)
        #expect(access("\(folder.path)/none.db", F_OK) != 0)
    }

    @Test("a write waits for another process as long as it may, and then says who holds it")
    func busy() throws {
        let first = try open()
        let second = try open { $0.busyTimeoutMilliseconds = 20 }
        try makeTable(first)
        let failure = try first.write { _ in code { _ = try second.write { try $0.execute("DELETE FROM t") } } }
        #expect(failure == .storeUnavailable)
        try second.write { try $0.execute("INSERT INTO t VALUES (1, 'a')") }
        #expect(try count(first) == 1)
    }

    @Test("a statement runs again within its own rows, and the cache keeps to its size")
    func statements() throws {
        let database = try open { $0.cachedStatements = 2 }
        try makeTable(database)
        try database.write { try $0.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')") }
        let pairs = try database.read { connection in
            var pairs: [Int64] = []
            try connection.forEachRow("SELECT id FROM t ORDER BY id", []) { outer in
                try connection.forEachRow("SELECT id FROM t ORDER BY id", []) { inner in
                    pairs.append(try outer.integer(0) * 10 + inner.integer(0))
                }
                for index in 0..<5 { _ = try connection.row("SELECT \(index)") }
            }
            return pairs
        }
        #expect(pairs == [11, 12, 13, 21, 22, 23, 31, 32, 33])
    }

    @Test("what was written is there when the database is opened again")
    func reopen() throws {
        do {
            let database = try open()
            try makeTable(database)
            try database.write { try $0.execute("INSERT INTO t VALUES (1, 'a')") }
        }
        #expect(try count(open()) == 1)
    }
}
