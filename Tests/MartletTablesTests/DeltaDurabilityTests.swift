import Glibc
import MartletCore
import MartletObjects
import MartletQuery
import MartletTables
import MartletTestSupport
import Synchronization
import Testing

@Suite("A Delta table under faults and many writers")
struct DeltaDurabilityTests {
    let test: TestWorkspace
    init() throws { test = try TestWorkspace() }

    private func append(_ table: DeltaTable, _ value: Int64) throws -> WriteResult {
        try table.append(RecordBatch([("a", integers([value]))]))
    }

    @Test("writes a checkpoint every tenth version and reads through it")
    func checkpoints() throws {
        let table = try test.table("bronze.t")
        var options = WriteOptions()
        for number in 0..<25 {
            options.transaction = .init(appID: "app \(number % 2)", version: Int64(number))
            let batch = RecordBatch([("a", integers([Int64(number)]))])
            if number == 12 { try table.overwrite(batch, options) } else { try table.append(batch, options) }
        }
        let names = try test.store.list(prefix: "acme/main/bronze.t/_delta_log/").map {
            $0.key.split(separator: "/").last
        }
        #expect(names.count == 25 + 2 + 1)
        // The commits before the checkpoint are no longer needed.
        for version in 0..<20 { try test.store.delete(test.logKey("bronze.t", logName(version))) }
        let fresh = try test.table("bronze.t")
        #expect(try test.values(fresh, "a") == (12..<25).map { .int64($0) })
        let snapshot = try fresh.snapshot()
        #expect(snapshot.transactionVersion(of: "app 0") == 24)
        #expect(snapshot.transactionVersion(of: "app 1") == 23)
        #expect(snapshot.files.count == 13)
        #expect(snapshot.rowCount == 13)
        #expect(try fresh.snapshot(version: 20).files.count == 9)
        #expect(errorCode { _ = try fresh.snapshot(version: 5) } == .corruptData)
        #expect(try append(fresh, 25).version == 25)
    }

    @Test(
        "survives a hint that is damaged, gone or wrong",
        arguments: [
            nil, "", "{", "{\"version\":999}", "{\"version\":5}", "[]", "{\"version\":\"x\"}", "{\"version\":-3}",
        ])
    func hints(hint: String?) throws {
        let table = try test.table("bronze.t")
        for number in 0..<12 { _ = try append(table, Int64(number)) }
        let key = test.logKey("bronze.t", "_last_checkpoint")
        if let hint { try test.store.put(key, Array(hint.utf8)) } else { try test.store.delete(key) }
        #expect(try test.values(test.table("bronze.t"), "a") == (0..<12).map { .int64($0) })
        #expect(try test.values(table, "a", test.table("bronze.t").snapshot(version: 3)) == (0..<4).map { .int64($0) })
    }

    @Test("reads the commits where the checkpoint is damaged")
    func damagedCheckpoint() throws {
        let table = try test.table("bronze.t")
        for number in 0..<12 { _ = try append(table, Int64(number)) }
        let key = test.logKey("bronze.t", "00000000000000000010.checkpoint.parquet")
        let whole = try test.store.get(key)
        for bytes in [[], Array(whole.prefix(whole.count / 2)), Array("nonsense".utf8)] {
            try test.store.put(key, bytes)
            #expect(try test.values(test.table("bronze.t"), "a") == (0..<12).map { .int64($0) })
        }
        try test.store.delete(test.logKey("bronze.t", logName(0)))
        let damaged = error { _ = try test.table("bronze.t").snapshot() }
        #expect(damaged?.code == .corruptData)
        #expect(damaged?.place?.file.hasSuffix("00000000000000000010.checkpoint.parquet") == true)
    }

    @Test("ignores a checkpoint of which a part is missing")
    func partialCheckpoint() throws {
        let table = try test.table("bronze.t")
        for number in 0..<12 { _ = try append(table, Int64(number)) }
        let whole = test.logKey("bronze.t", "00000000000000000010.checkpoint.parquet")
        let bytes = try test.store.get(whole)
        try test.store.put(
            test.logKey("bronze.t", "00000000000000000010.checkpoint.0000000001.0000000002.parquet"), bytes)
        try test.store.delete(whole)
        #expect(try test.values(test.table("bronze.t"), "a").count == 12)
    }

    @Test("names the commit that is missing, broken or incomplete")
    func corrupt() throws {
        let table = try test.table("bronze.t")
        for number in 0..<4 { _ = try append(table, Int64(number)) }
        let key = test.logKey("bronze.t", logName(2))
        let good = try test.store.get(key)

        try test.store.delete(key)
        let gap = error { _ = try test.table("bronze.t").snapshot() }
        #expect(gap?.code == .corruptData)
        #expect(gap?.place?.file == "\(test.folder.path)/\(key)")

        try test.store.put(key, good + Array("{\"add\":{\"path".utf8))
        let broken = error { _ = try test.table("bronze.t").snapshot() }
        #expect(broken?.code == .corruptData)
        #expect(broken?.place?.file == "\(test.folder.path)/\(key)")
        #expect(broken?.place?.line == good.count(where: { $0 == 0x0A }) + 1)
        #expect(try test.table("bronze.t").snapshot(version: 1).version == 1)

        try test.store.put(key, good)
        let first = test.logKey("bronze.t", logName(0))
        let lines = try test.store.get(first).split(separator: 0x0A).filter {
            !$0.starts(with: Array("{\"protocol\"".utf8))
        }
        try test.store.put(first, Array(lines.joined(separator: [0x0A])))
        #expect(error { _ = try test.table("bronze.t").snapshot() }?.message.contains("protocol") == true)
    }

    @Test("names a data file that is truncated or gone")
    func truncated() throws {
        let table = try test.table("bronze.t")
        try table.append("SELECT i AS a FROM range(5000) r(i)", on: test.engine.connect())
        let path = try table.path(of: table.snapshot().files[0])
        #expect(truncate(path, 200) == 0)
        let damaged = error { _ = try test.rows(table) }
        #expect(damaged?.code == .corruptData)
        #expect(damaged?.message.contains(path) == true)
        #expect(unlink(path) == 0)
        let gone = error { _ = try test.rows(table) }
        #expect(gone?.code == .fileSystem)
        #expect(gone?.message.contains(path) == true)
    }

    @Test("shows nothing of a write that fails at any system call")
    func faultsEverywhere() throws {
        let table = try test.table("bronze.t")
        _ = try append(table, 0)
        var failures = 0
        for call in [FileCall.open, .write, .fsync, .link, .stat, .list, .read] {
            for nth in 1...40 {
                let before = try test.table("bronze.t").snapshot()
                let start = test.faults.count(of: call)
                test.faults.fail(call, nth: nth, with: nth % 2 == 0 ? ENOSPC : EIO)
                let failure = error { _ = try append(test.table("bronze.t"), Int64(nth)) }
                if failure == nil, test.faults.count(of: call) < start + nth {
                    // The write makes fewer calls than this: go on with the next kind.
                    test.faults.clear()
                    break
                }
                if let failure {
                    failures += 1
                    #expect([.diskFull, .fileSystem].contains(failure.code), "\(call) \(nth): \(failure)")
                }
                // Either nothing changed or, where only the last sync failed, the whole row is there.
                let after = try test.table("bronze.t").snapshot()
                let count = try test.rows(table, after).rowCount
                #expect(Int64(count) == after.rowCount)
                #expect(
                    count - Int(before.rowCount ?? -1) == (after.version > before.version ? 1 : 0), "\(call) \(nth)")
                if failure == nil { #expect(after.version == before.version + 1) }
            }
        }
        #expect(failures >= 10)
        #expect(try append(table, 99).outcome == .committed)
    }

    @Test("loses no row when many write at once")
    func concurrency() throws {
        let writers = 8
        let each = 6
        let problems = Mutex<[String]>([])
        let attempts = Mutex(0)
        parallelFor(writers, threads: writers) { writer in
            do {
                // Every writer has its own view, as another process would; the first ones race to make the table.
                let table = try test.table("bronze.t")
                for number in 0..<each {
                    let result = try append(table, Int64(writer * each + number))
                    attempts.withLock { $0 += result.attempts }
                    if let failure = result.checkpointFailure { problems.withLock { $0.append(failure) } }
                }
            } catch { problems.withLock { $0.append("\(error)") } }
        }
        #expect(problems.withLock { $0 } == [])
        let table = try test.table("bronze.t")
        let values = try test.values(table, "a").compactMap { if case .int64(let value) = $0 { value } else { nil } }
        #expect(values.sorted() == (0..<Int64(writers * each)).map { $0 })
        #expect(try table.snapshot().version == Int64(writers * each - 1))
        #expect(attempts.withLock { $0 } >= writers * each)
    }

    @Test("writes a transaction once when many try it at once")
    func concurrentTransaction() throws {
        _ = try append(test.table("bronze.t"), 0)
        let committed = Mutex(0)
        parallelFor(8, threads: 8) { writer in
            var options = WriteOptions()
            options.transaction = .init(appID: "job", version: 1)
            let result = try? test.table("bronze.t").append(RecordBatch([("a", integers([Int64(writer)]))]), options)
            if result?.outcome == .committed { committed.withLock { $0 += 1 } }
        }
        #expect(committed.withLock { $0 } == 1)
        #expect(try test.values(test.table("bronze.t"), "a").count == 2)
        #expect(try test.store.list(prefix: "acme/main/bronze.t/part-").count == 2)
    }

    @Test("adds the columns of both where two writers add some at once")
    func concurrentEvolution() throws {
        _ = try append(test.table("bronze.t"), 0)
        let problems = Mutex<[String]>([])
        parallelFor(6, threads: 6) { writer in
            var options = WriteOptions()
            options.evolution = .addColumns
            let batch = RecordBatch([("a", integers([1])), ("c\(writer % 3)", integers([Int64(writer)]))])
            do { try test.table("bronze.t").append(batch, options) } catch {
                problems.withLock { $0.append("\(error)") }
            }
        }
        #expect(problems.withLock { $0 } == [])
        let table = try test.table("bronze.t")
        #expect(try Set(table.snapshot().schema.names) == ["a", "c0", "c1", "c2"])
        #expect(try test.values(table, "a").count == 7)
        for column in 0..<3 { #expect(try test.values(table, "c\(column)").count(where: { !$0.isNull }) == 2) }
    }

    private func logName(_ version: Int) -> String {
        String(repeating: "0", count: 20 - "\(version)".count) + "\(version).json"
    }
}
