import Glibc
import MartletCore
import MartletQuery
import MartletTestSupport
import Testing

@Suite("A query connection")
struct QueryConnectionTests {
    let engine: QueryEngine

    init() throws { engine = try QueryEngine(QuerySettings(threads: 2)) }

    @Test("gives every type with its nulls")
    func types() throws {
        let connection = try engine.connect()
        let batch = try connection.query(
            """
            SELECT * FROM (VALUES
              (true, 1::INTEGER, 2::BIGINT, 1.5::FLOAT, 2.5::DOUBLE, 'short', 'longer than twelve bytes',
              '\\x00\\xFF'::BLOB,
               TIMESTAMPTZ '2026-05-01 12:30:00.000001+02', 3::UTINYINT, 12.34::DECIMAL(9,2), DATE '2026-01-02',
               5::HUGEINT),
              (null, null, null, null, null, null, null, null, null, null, null, null, null))
            AS t(a, b, c, d, e, f, g, h, i, j, k, l, m)
            """)
        let first = batch.columns.map { $0[0] }
        #expect(
            first == [
                .bool(true), .int32(1), .int64(2), .float32(1.5), .float64(2.5), .string("short"),
                .string("longer than twelve bytes"), .bytes([0, 255]),
                .timestamp(Timestamp(year: 2026, month: 5, day: 1, hour: 10, minute: 30, microsecond: 1)), .int32(3),
                .float64(12.34), .timestamp(Timestamp(year: 2026, month: 1, day: 2)), .int64(5),
            ])
        #expect(batch.columns.allSatisfy { $0[1] == .null })
    }

    @Test("reads registered rows back as they were", arguments: [1, 2048, 5000])
    func roundTrip(rowCount: Int) throws {
        var random = SeededRandom(seed: UInt64(rowCount))
        var builders = DataType.samples.map { ColumnBuilder($0) }
        for row in 0..<rowCount {
            for index in builders.indices {
                let isNull = random.next() % 5 == 0
                builders[index].append(
                    isNull ? .null : builders[index].type.sample(&random) { sample($0, row, &$1) })
            }
        }
        let batch = RecordBatch(zip(DataType.samples, builders).map { ($0.rawValue, $1.finish()) })
        let connection = try engine.connect()
        try connection.register("rows", batch)
        let all = try connection.query("SELECT * FROM rows")
        #expect(all.schema.fields.map(\.type) == batch.schema.fields.map(\.type))
        for (expected, actual) in zip(batch.columns, all.columns) {
            #expect((0..<rowCount).allSatisfy { expected[$0] == actual[$0] })
        }
        let projected = try connection.query("SELECT int64, string FROM rows WHERE int64 IS NOT NULL")
        #expect(projected.rowCount == rowCount - (batch["int64"]?.nullCount ?? 0))
    }

    @Test("collects the rows of a file that several threads read, in its order, with their nulls")
    func collects() throws {
        let folder = TemporaryFolder()
        let path = quotedLiteral(folder.path + "/rows.parquet")
        let connection = try engine.connect()
        try connection.execute(
            """
            COPY (SELECT i::BIGINT AS n, nullif(i % 7, 3)::INTEGER AS small, i / 3.0 AS real, i % 5 = 0 AS flag,
                nullif('text ' || i % 1000, 'text 500') AS txt, make_timestamptz(i) AS moment
              FROM range(300_000) AS t(i)) TO \(path) (FORMAT parquet, ROW_GROUP_SIZE 20_480)
            """)
        let all = try connection.query("SELECT * FROM read_parquet(\(path)) ORDER BY n")
        let same = try connection.collect("SELECT n, * FROM read_parquet(\(path))")
        #expect(namesThatDiffer(same, all) == [])
        let some = try connection.query("SELECT txt, n, small FROM read_parquet(\(path)) WHERE n % 10 = 4 ORDER BY n")
        let collected = try connection.collect(
            "SELECT moment, txt, n, small FROM read_parquet(\(path)) WHERE n % 10 = 4")
        #expect(collected.schema == some.schema)
        guard case .int64(let numbers) = collected.columns[1].values else { return #expect(Bool(false)) }
        let order = numbers.indices.sorted { numbers[$0] < numbers[$1] }.map { Int32($0) }
        #expect(try namesThatDiffer(collected.gathering(order), some) == [])
    }

    /// The columns in which two batches of one schema differ.
    private func namesThatDiffer(_ one: RecordBatch, _ other: RecordBatch) -> [String] {
        if one.schema != other.schema || one.rowCount != other.rowCount { return ["the schema or the rows"] }
        return zip(one.schema.names, zip(one.columns, other.columns)).compactMap { name, columns in
            columns.0.rowsThatDiffer(from: columns.1).isEmpty ? nil : name
        }
    }

    @Test("collects nothing from an empty answer, and lists as a query gives them")
    func collectsRest() throws {
        let connection = try engine.connect()
        let none = try connection.collect("SELECT 0::BIGINT, 1::BIGINT AS n, 'x' AS t WHERE false")
        #expect(none == RecordBatch([("n", Column(.int64([]))), ("t", Column(.string(ByteStrings())))]))
        let lists = "i AS n, [i, i + 1] AS list FROM range(3) AS t(i)"
        #expect(try connection.collect("SELECT i AS o, \(lists)") == connection.query("SELECT \(lists)"))
    }

    @Test("a collected query that fails says why")
    func collectFails() throws {
        let connection = try engine.connect()
        #expect {
            try connection.collect("SELECT 0::BIGINT AS o, 18446744073709551615::UBIGINT AS n")
        } throws: {
            ($0 as? MartletError)?.code == .typeMismatch && "\($0)".contains("column n")
        }
        #expect(throws: MartletError.self) { try connection.collect("SELECT nothing FROM nowhere") }
        #expect(try connection.collect("SELECT 0::BIGINT AS o, 1::BIGINT AS n").rowCount == 1)
    }

    @Test("gives lists and maps that were cut, repeated and sorted as they are")
    func nested() throws {
        let connection = try engine.connect()
        let batch = try connection.query(
            """
            SELECT n, list_filter(l, x -> x % 2 = 0) AS evens, m FROM (
              SELECT range AS n, [range, range + 1, range + 2] AS l, MAP {'b': range, 'a': 7} AS m FROM range(5000))
            WHERE n % 3 = 0 ORDER BY n DESC LIMIT 2
            """)
        #expect(batch.columns[1][0] == .list([.int64(4998), .int64(5000)]))
        #expect(batch.columns[1][1] == .list([.int64(4996)]))
        #expect(batch.columns[2][0] == .map(["a": .int64(7), "b": .int64(4998)]))
        guard case .map(let maps) = batch.columns[2].values else { preconditionFailure("a map") }
        #expect(maps.keys[0] == "a")
        #expect(batch.schema.fields.map(\.type) == [.int64, .list(.int64), .map(.int64)])
    }

    @Test(
        "refuses lists with nulls in them, lists of lists and maps from numbers",
        arguments: ["[1, NULL]", "[[1]]", "MAP {1: 2}", "{'a': 1}"])
    func strangeNesting(expression: String) throws {
        let connection = try engine.connect()
        let error = try #require(throws: MartletError.self) { try connection.query("SELECT \(expression) AS x") }
        #expect(error.code == .typeMismatch)
    }

    @Test("streams in batches and keeps the order of the rows")
    func streaming() throws {
        let connection = try engine.connect()
        var seen: [Int64] = []
        var largest = 0
        try connection.query("SELECT range FROM range(100000)", batchRows: 10_000) { batch in
            largest = max(largest, batch.rowCount)
            for row in 0..<batch.rowCount { if case .int64(let value) = batch.columns[0][row] { seen.append(value) } }
        }
        #expect(seen == Array(0..<100_000))
        #expect(largest < 20_000)
    }

    @Test("binds parameters of every type")
    func parameters() throws {
        let connection = try engine.connect()
        let values: [Value] = [
            .bool(true), .int32(1), .int64(-1), .float32(0.5), .float64(-0.25), .string("it's"), .bytes([1, 2]),
            .timestamp(Timestamp(microseconds: 1)), .null,
        ]
        let batch = try connection.query("SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9::INTEGER", values)
        #expect(batch.columns.map { $0[0] } == values)
    }

    @Test(
        "quotes names and literals",
        arguments: ["plain", "with \"quotes\"", "it's", "; DROP TABLE x --", "ü", "it'\u{301}s", "a\"\u{301}b"])
    func quoting(text: String) throws {
        let connection = try engine.connect()
        let batch = try connection.query("SELECT \(quotedLiteral(text)) AS \(quotedIdentifier(text))")
        #expect(batch.schema.names == [text])
        #expect(batch.columns[0][0] == .string(text))
        #expect(try connection.value("SELECT \(sqlLiteral(.string(text)))") == .string(text))
    }

    @Test(
        "writes literals that read back as the same value",
        arguments: [
            Value.bool(false), .int32(.min), .int64(.min), .float32(.pi), .float64(0.1), .bytes([0, 127, 255]),
            .timestamp(Timestamp(microseconds: -1)), .null,
        ])
    func literals(value: Value) throws {
        #expect(try engine.connect().value("SELECT \(sqlLiteral(value))") == value)
    }

    @Test(
        "says what is wrong with SQL and with files",
        arguments: [
            ("SELEC 1", "invalid-definition"), ("SELECT * FROM nowhere", "invalid-definition"),
            ("SELECT 'x'::INTEGER", "type-mismatch"),
            ("SELECT * FROM read_parquet('/nowhere/x.parquet')", "file-system"),
            ("SELECT 1 AS x, 2 AS x", "invalid-definition"),
            ("SELECT 170141183460469231731687303715884105727::HUGEINT", "type-mismatch"),
        ])
    func failures(sql: String, code: String) throws {
        let connection = try engine.connect()
        let error = #expect(throws: MartletError.self) { _ = try connection.query(sql) }
        #expect(error?.code.name == code)
    }

    @Test("passes on what a source of rows throws")
    func failingSource() throws {
        final class Failing: BatchCursor {
            func next() throws -> RecordBatch? { throw MartletError(.invalidInput, "the source broke") }
        }
        let connection = try engine.connect()
        try connection.register("rows", RowSource(schema: Schema([Field("x", .int64)]), rowCount: nil) { Failing() })
        let error = #expect(throws: MartletError.self) { _ = try connection.query("SELECT sum(x) FROM rows") }
        #expect(error?.message.contains("the source broke") == true)
    }

    @Test(
        "refuses by its name a column with more than one can hold",
        arguments: [
            "repeat('x', 30)", "repeat('x', 7)", "repeat('x', 30)::BLOB", "range(12)", "[repeat('x', 60)]",
            "MAP {repeat('k', 30): 1}", "map_from_entries([(c::VARCHAR, c) FOR c IN range(12)])",
        ])
    func columnLimit(expression: String) throws {
        let connection = try engine.connect()
        let sql = "SELECT r.i AS number, \(expression) AS long FROM range(10) r(i)"
        let whole = try connection.query(sql)
        #expect(whole.rowCount == 10)
        connection.columnLimit = 60
        let limited = { (body: () throws -> Void) in
            let error = #expect(throws: MartletError.self) { try body() }
            #expect(error?.code == .limitExceeded)
            #expect(error?.message.contains("column long") == true)
        }
        limited { _ = try connection.query(sql) }
        limited { _ = try connection.query(sql, [], batchRows: 1_000) { _ in } }
        limited { _ = try connection.collect("SELECT number AS o, * FROM (\(sql))") }
        // A batch is a column of its own, and the limit itself is none too many.
        connection.columnLimit = 10 * 60
        #expect(try connection.query(sql).columns[1] == whole.columns[1])
    }

    @Test("reports a missing library as such")
    func missingLibrary() async {
        await #expect(processExitsWith: .exitCode(4)) {
            do {
                _ = try QueryEngine(QuerySettings(threads: 1, libraryPath: "/nowhere/libduckdb.so"))
            } catch let error as MartletError where error.code == .missingLibrary {
                exit(error.code.exitStatus)
            } catch {
                exit(1)
            }
        }
    }

    private func sample(_ type: DataType.Element, _ row: Int, _ random: inout SeededRandom) -> Value {
        switch type {
        case .bool: .bool(random.next() % 2 == 0)
        case .int32: .int32(Int32(truncatingIfNeeded: random.next()))
        case .int64: .int64(Int64(bitPattern: random.next()))
        case .float32: .float32(Float(random.uniform()))
        case .float64: .float64(random.uniform())
        case .string: .string(String(repeating: "é", count: row % 11))
        case .bytes: .bytes([UInt8](repeating: UInt8(row % 256), count: row % 29))
        case .timestamp: .timestamp(Timestamp(microseconds: Int64(row) * 1_000_003))
        }
    }
}
