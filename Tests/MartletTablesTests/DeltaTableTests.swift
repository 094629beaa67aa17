import MartletCore
import MartletObjects
import MartletQuery
import MartletTables
import MartletTestSupport
import Testing

@Suite("A Delta table")
struct DeltaTableTests {
    let test: TestWorkspace
    init() throws { test = try TestWorkspace() }

    /// One row of every type, one of nulls, some with odd values.
    private func everyType() -> RecordBatch {
        var columns = DataType.scalars.map { ColumnBuilder($0) }
        let rows: [[Value]] = [
            [
                .bool(true), .int32(.min), .int64(.min), .float32(.nan), .float64(.nan), .string("it's \"é\"\n"),
                .bytes([0, 255, 10]), .timestamp(Timestamp(year: 1969, month: 12, day: 31, microsecond: 1)),
            ],
            Array(repeating: .null, count: 8),
            [
                .bool(false), .int32(.max), .int64(.max), .float32(-.infinity), .float64(-0.0), .string(""), .bytes([]),
                .timestamp(Timestamp(year: 2999, month: 12, day: 31, hour: 23, microsecond: 999_999)),
            ],
        ]
        for row in rows { for (index, value) in row.enumerated() { columns[index].append(value) } }
        return RecordBatch(zip(DataType.scalars, columns).map { ("c_\($0.rawValue)", $1.finish()) })
    }

    @Test("gives back what was appended, in order, every type and null")
    func append() throws {
        let table = try test.table("bronze.types")
        #expect(try !table.exists())
        let batch = everyType()
        let result = try table.append(batch)
        #expect(result.outcome == .committed && result.version == 0 && result.rowCount == 3 && result.fileCount == 1)
        let read = try test.rows(try test.table("bronze.types"))
        #expect(read.schema.fields == batch.schema.fields)
        for (left, right) in zip(read.columns, batch.columns) {
            // As text, for NaN equals nothing.
            #expect((0..<3).map { "\(left[$0])" } == (0..<3).map { "\(right[$0])" })
        }
        #expect(read.columns[6][0] == .bytes([0, 255, 10]))
        if case .float64(let zero) = read.columns[4][2] { #expect(zero.sign == .minus) }
        #expect(try test.tables.names(in: test.workspace).map(\.description) == ["bronze.types"])
    }

    @Test("is created empty and stays as it is when created again")
    func create() throws {
        let table = try test.table("silver.t")
        let schema = Schema([Field("a", .int64, isNullable: false), Field("p", .string)])
        #expect(try table.create(schema, partitionColumns: ["p"], description: "d"))
        #expect(try !table.create(Schema([Field("b", .bool)])))
        #expect(try table.snapshot().schema == schema)
        #expect(try table.snapshot().partitionColumns == ["p"])
        #expect(try test.rows(table).rowCount == 0)
        #expect(try test.rows(table).schema.names == ["a", "p"])
    }

    @Test("keeps older versions when rows are appended and overwritten")
    func versions() throws {
        let table = try test.table("silver.t")
        try table.append(RecordBatch([("a", integers([1, 2]))]))
        try table.append(RecordBatch([("a", integers([3]))]))
        let overwritten = try table.overwrite(RecordBatch([("a", integers([9]))]))
        #expect(overwritten.version == 2)
        try table.append(RecordBatch([("a", integers([10]))]))
        let expected: [[Value]] = [
            [.int64(1), .int64(2)], [.int64(1), .int64(2), .int64(3)], [.int64(9)], [.int64(9), .int64(10)],
        ]
        let fresh = try test.table("silver.t")
        for (version, values) in expected.enumerated() {
            let snapshot = try fresh.snapshot(version: Int64(version))
            #expect(try test.values(fresh, "a", snapshot) == values)
            #expect(snapshot.rowCount == Int64(values.count))
        }
        #expect(error { _ = try fresh.snapshot(version: 4) }?.fix == "the newest version is 3")
        #expect(errorCode { _ = try fresh.snapshot(version: -1) } == .notFound)
        #expect(errorCode { _ = try test.table("silver.none").snapshot() } == .notFound)
        #expect(errorCode { _ = try test.table("silver.none").snapshot(version: 0) } == .notFound)
    }

    @Test("is read as it was at a moment")
    func moments() throws {
        let table = try test.table("silver.t")
        let start = Timestamp(year: 2026, month: 1, day: 1)
        // The second commit is made by a clock that went back: its version still comes after the first.
        for (number, time) in [start, start - .hours(1), start + .hours(1)].enumerated() {
            test.time.set(time)
            try table.append(RecordBatch([("a", integers([Int64(number)]))]))
        }
        let times = try table.versionTimes().map(\.time)
        #expect(times[0] < times[1] && times[1] < times[2])
        #expect(times[1] - times[0] == TimeSpan(microseconds: 1_000))
        #expect(try table.snapshot(at: times[0]).version == 0)
        #expect(try table.snapshot(at: times[1]).version == 1)
        #expect(try table.snapshot(at: times[2] - TimeSpan(microseconds: 1)).version == 1)
        #expect(try table.snapshot(at: times[2] + .days(1)).version == 2)
        #expect(errorCode { _ = try table.snapshot(at: times[0] - .seconds(1)) } == .notFound)
    }

    @Test("tells its history, newest first")
    func history() throws {
        let table = try test.table("silver.t")
        try table.create(Schema([Field("a", .int64)]))
        var options = WriteOptions()
        options.notes = ["run": "r1"]
        try table.append(RecordBatch([("a", integers([1, 2]))]), options)
        try table.overwrite(RecordBatch([("a", integers([3]))]))
        let history = try table.history()
        #expect(history.map(\.version) == [2, 1, 0])
        #expect(history.map(\.operation) == ["WRITE", "WRITE", "CREATE TABLE"])
        #expect(history[0].parameters["mode"] == "Overwrite")
        #expect(history[0].removedFiles == 1 && history[0].addedFiles == 1)
        #expect(history[1].metrics["numOutputRows"] == "2")
        #expect(history[1].notes == ["run": "r1"])
        #expect(try table.history(limit: 1).map(\.version) == [2])
    }

    @Test("skips a transaction that was written before")
    func transactions() throws {
        let table = try test.table("bronze.t")
        func write(_ version: Int64, _ app: String = "ingest") throws -> WriteResult {
            var options = WriteOptions()
            options.transaction = .init(appID: app, version: version)
            return try test.table("bronze.t").append(RecordBatch([("a", integers([version]))]), options)
        }
        #expect(try write(1).outcome == .committed)
        #expect(try write(1).outcome == .alreadyWritten)
        #expect(try write(3).outcome == .committed)
        #expect(try write(2).outcome == .alreadyWritten)
        #expect(try write(2, "other").outcome == .committed)
        #expect(try test.values(table, "a") == [.int64(1), .int64(3), .int64(2)])
        #expect(try parquetFiles("bronze.t").count == 3)
    }

    @Test("records a transaction without rows, and nothing without either")
    func empty() throws {
        let table = try test.table("bronze.t")
        let none = RecordBatch([("a", integers([]))])
        #expect(try table.append(none).outcome == .committed)
        #expect(try table.append(none).outcome == .nothingToWrite)
        var options = WriteOptions()
        options.transaction = .init(appID: "x", version: 1)
        #expect(try table.append(none, options).outcome == .committed)
        #expect(try table.append(none, options).outcome == .alreadyWritten)
        try table.append(RecordBatch([("a", integers([1]))]))
        #expect(try table.overwrite(none).outcome == .committed)
        #expect(try test.rows(table).rowCount == 0)
        #expect(try table.snapshot().version == 3)
    }

    @Test("keeps partition values, nulls and odd characters included")
    func partitions() throws {
        let names = ["a b/c", "é%=", "NULL", "[x]*?", "a\"b'c", ".", "x\\y:z#?&+", "plain", "%41", "~.._"]
        var texts = ColumnBuilder(.string)
        for name in names { texts.append(.string(name)) }
        texts.appendNull()
        let count = names.count + 1
        let times = (0..<count).map { Int64($0 % 3) * 1_000_001 - 1 }
        let batch = RecordBatch([
            ("i", integers((0..<Int64(count)).map { $0 })), ("p", texts.finish()), ("t", Column(.timestamp(times))),
            ("b", Column(.bool((0..<count).map { $0 % 2 == 0 }))),
        ])
        let table = try test.table("silver.parts")
        var options = WriteOptions()
        options.partitionColumns = ["p", "t", "b"]
        let result = try table.append(batch, options)
        #expect(result.fileCount == count)
        try table.append(batch.gathering([0, 1]))
        let rows = try test.engine.connect().query(
            "SELECT * FROM (\(try table.scanSQL(table.snapshot()))) ORDER BY i, p")
        let expected = (0..<count).flatMap { $0 < 2 ? [Int32($0), Int32($0)] : [Int32($0)] }
        #expect(rows.schema == batch.schema)
        for index in 0..<4 {
            #expect(
                (0..<rows.rowCount).map { rows.columns[index][$0] } == expected.map { batch.columns[index][Int($0)] })
        }
        #expect(errorCode { try table.append(batch.selecting(["i", "t", "b"])) } == .missingColumn)
        var other = WriteOptions()
        other.partitionColumns = ["p"]
        #expect(errorCode { try table.append(batch, other) } == .conflict)
    }

    @Test("reads many partitions like few")
    func manyPartitions() throws {
        let table = try test.table("silver.parts")
        var options = WriteOptions()
        options.partitionColumns = ["p"]
        let connection = try test.engine.connect()
        try table.append(
            "SELECT i, CASE WHEN i % 50 = 7 THEN NULL ELSE (i % 50)::INTEGER END AS p FROM range(500) r(i)",
            on: connection, options)
        let sql = try table.scanSQL(table.snapshot())
        #expect(sql.contains("file_index"))
        let wrong = try connection.value(
            "SELECT count(*) FROM (\(sql)) WHERE p IS DISTINCT FROM (CASE WHEN i % 50 = 7 THEN NULL ELSE i % 50 END)")
        #expect(wrong == .int64(0))
        #expect(try connection.value("SELECT count(*) FROM (\(sql)) WHERE p = 3") == .int64(10))
        let one = try table.snapshot().files(where: FileFilter(partitions: ["p": [.int32(3), .null]]))
        #expect(one.count == 2)
    }

    @Test(
        "refuses partition values that Delta cannot keep apart from null",
        arguments: ["", "__HIVE_DEFAULT_PARTITION__"])
    func emptyPartition(text: String) throws {
        let table = try test.table("silver.parts")
        var options = WriteOptions()
        options.partitionColumns = ["p"]
        let batch = RecordBatch([("i", integers([1])), ("p", texts([text]))])
        #expect(error { try table.append(batch, options) }?.message.contains("empty text") == true)
        #expect(try !table.exists())
        #expect(try parquetFiles("silver.parts").isEmpty)
    }

    @Test("takes rows whose columns come in another order or are narrower")
    func columns() throws {
        let table = try test.table("silver.t")
        try table.create(Schema([Field("a", .int64), Field("b", .float64), Field("c", .string)]))
        let connection = try test.engine.connect()
        try table.append("SELECT NULL::VARCHAR AS c, 1::INTEGER AS a, 2::FLOAT AS b -- a comment", on: connection)
        try table.append("SELECT 'x' AS c, sum(i) AS a, 0.5::DECIMAL(3,1) AS b FROM range(3) r(i)", on: connection)
        #expect(try test.values(table, "a") == [.int64(1), .int64(3)])
        #expect(try test.values(table, "b") == [.float64(2), .float64(0.5)])
        #expect(try test.values(table, "c") == [.null, .string("x")])
    }

    @Test(
        "refuses rows that do not fit, and writes nothing",
        arguments: [
            ("SELECT 1::BIGINT AS a", MartletError.Code.missingColumn),
            ("SELECT 1::BIGINT AS a, 'x' AS b, 1 AS extra", .missingColumn),
            ("SELECT 1.5::DOUBLE AS a, 'x' AS b", .typeMismatch), ("SELECT 1::BIGINT AS a, 5 AS b", .typeMismatch),
            ("SELECT [1] AS a, 'x' AS b", .typeMismatch), ("SELECT 1::BIGINT AS a, NULL::VARCHAR AS b", .invalidInput),
            ("SELECT 1::BIGINT AS a, NULL AS b", .typeMismatch),
            ("SELECT 99999999999999999999::HUGEINT AS a, 'x' AS b", .typeMismatch),
            ("SELECT nothing", .invalidDefinition), ("SELECT 1::BIGINT AS a, 'x' AS b, 'y' AS b", .invalidInput),
        ])
    func misfits(sql: String, code: MartletError.Code) throws {
        let table = try test.table("silver.t")
        try table.create(Schema([Field("a", .int64), Field("b", .string, isNullable: false)]))
        let connection = try test.engine.connect()
        #expect(errorCode { try table.append(sql, on: connection) } == code)
        #expect(try table.snapshot().version == 0)
        #expect(try parquetFiles("silver.t").isEmpty)
    }

    @Test("adds columns where a write may")
    func evolution() throws {
        let table = try test.table("silver.t")
        try table.append(RecordBatch([("a", integers([1]))]))
        var options = WriteOptions()
        options.evolution = .addColumns
        try table.append(RecordBatch([("a", integers([2])), ("b", texts(["x"]))]), options)
        try table.append(RecordBatch([("a", integers([3]))]), options)
        let fresh = try test.table("silver.t")
        #expect(try test.values(fresh, "b") == [.null, .string("x"), .null])
        #expect(try fresh.snapshot(version: 0).schema.names == ["a"])
        #expect(errorCode { try table.append(RecordBatch([("b", integers([2]))]), options) } == .typeMismatch)
        options.evolution = .replace
        #expect(errorCode { try table.append(RecordBatch([("z", integers([2]))]), options) } == .usage)
        try table.overwrite(RecordBatch([("z", texts(["n"])), ("a", texts(["m"]))]), options)
        #expect(try fresh.snapshot().schema.names == ["z", "a"])
        #expect(try test.values(fresh, "a") == [.string("m")])
        #expect(try test.values(fresh, "a", fresh.snapshot(version: 2)) == [.int64(1), .int64(2), .int64(3)])
    }

    @Test("refuses to overwrite rows that changed since they were read")
    func basedOn() throws {
        let table = try test.table("silver.t")
        try table.append(RecordBatch([("a", integers([1]))]))
        let base = try table.snapshot().version
        #expect(try table.overwrite(RecordBatch([("a", integers([2]))]), basedOn: base).outcome == .committed)
        #expect(errorCode { try table.overwrite(RecordBatch([("a", integers([3]))]), basedOn: base) } == .conflict)
        #expect(try test.values(table, "a") == [.int64(2)])
        #expect(try parquetFiles("silver.t").count == 2)
    }

    @Test("leaves out files by time and by partition, never one that holds a wanted row")
    func pruning() throws {
        let table = try test.table("silver.t")
        let seed = UInt64.random(in: 0...99_999)
        var random = SeededRandom(seed: seed)
        var all: [Int64] = []
        for _ in 0..<8 {
            let base = Int64(random.next() % 1_000_000)
            let times = (0..<20).map { _ in base + Int64(random.next() % 5_000) }
            all += times
            try table.append(RecordBatch([("t", Column(.timestamp(times)))]))
        }
        let connection = try test.engine.connect()
        var pruned = 0
        for _ in 0..<20 {
            let low = Int64(random.next() % 1_000_000)
            let range = Timestamp(microseconds: low)..<Timestamp(microseconds: low + Int64(random.next() % 200_000))
            let filter = FileFilter(times: ["t": range])
            pruned += try 8 - table.snapshot().files(where: filter).count
            let sql = try table.scanSQL(table.snapshot(), where: filter)
            let count = try connection.value(
                "SELECT count(*) FROM (\(sql)) WHERE t >= $1 AND t < $2",
                [.timestamp(range.lowerBound), .timestamp(range.upperBound)])
            let expected = all.filter { range.contains(Timestamp(microseconds: $0)) }.count
            #expect(count == .int64(Int64(expected)), "seed \(seed)")
        }
        #expect(pruned > 80, "seed \(seed)")
        #expect(
            errorCode { _ = try table.snapshot().files(where: FileFilter(partitions: ["t": [.null]])) }
                == .missingColumn)
    }

    private func parquetFiles(_ table: String) throws -> [String] {
        try test.store.list(prefix: "acme/main/\(table)/").map(\.key).filter {
            $0.hasSuffix(".parquet") && !$0.contains("_delta_log")
        }
    }
}
