import Glibc
import MartletCore
import MartletObjects
import MartletQuery
import MartletTables
import MartletTestSupport
import Synchronization
import Testing

/// What others read in our tables, and what we read in theirs. The packages are real; without them the tests fail.
@Suite("The deltalake package and DuckDB's delta extension")
struct PeerTests {
    let test: TestWorkspace
    init() throws { test = try TestWorkspace() }

    private func read(_ table: DeltaTable, _ reader: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
        .object(["do": .string("read"), "with": .string(reader), "path": .string(table.location)].merging(more) { $1 })
    }

    /// Rows of every type with nulls and odd values; the same for the same seed.
    private func everyType(_ count: Int, seed: UInt64) -> RecordBatch {
        var random = SeededRandom(seed: seed)
        let oddTexts = [
            "", "it's \"é\"\n\t\\", "\u{10FFFF}",
            String(repeating: "long é ", count: 60), "a\u{0301}'", "NULL", "%41",
        ]
        let oddNumbers: [Double] = [.nan, .infinity, -.infinity, -0.0, 0.1, .leastNonzeroMagnitude, 1e300]
        var columns = DataType.samples.map { ColumnBuilder($0) }
        for _ in 0..<count {
            for (index, type) in DataType.samples.enumerated() {
                let pick = Int(random.next() % 7)
                if pick == 6 {
                    columns[index].appendNull()
                    continue
                }
                columns[index].append(
                    type.sample(&random) { element, random -> Value in
                        let bits = random.next()
                        switch element {
                        case .bool: return .bool(bits % 2 == 0)
                        case .int32: return .int32(Int32(truncatingIfNeeded: bits))
                        case .int64: return .int64(Int64(bitPattern: bits))
                        case .float32: return .float32(Float(oddNumbers[pick]))
                        case .float64: return .float64(pick == 5 ? Double(bits) : oddNumbers[pick])
                        case .string: return .string(oddTexts[pick])
                        case .bytes: return .bytes((0..<pick).map { UInt8(truncatingIfNeeded: bits >> UInt64($0 * 8)) })
                        case .timestamp:
                            let time = Int64(bits % 8_000_000_000_000_000) - 4_000_000_000_000_000
                            return .timestamp(Timestamp(microseconds: time))
                        }
                    })
            }
        }
        return RecordBatch(columns.enumerated().map { ("c_\($0)", $1.finish()) })
    }

    @Test("read every kind of table we write and agree on every value")
    func reading() throws {
        var jobs: [JSONValue] = []
        var expected: [(name: String, rows: PeerRows)] = []
        func check(_ name: String, _ table: DeltaTable, version: Int64? = nil, isLast: Bool = false) throws {
            let snapshot = try version.map { try table.snapshot(version: $0) } ?? table.snapshot()
            let rows = PeerRows(try test.rows(table, snapshot))
            for reader in ["deltalake", "duckdb"] {
                jobs.append(read(table, reader, isLast ? [:] : ["version": .integer(snapshot.version)]))
                expected.append(("\(name), \(reader)", rows))
            }
        }

        let types = try test.table("bronze.types")
        try types.append(everyType(200, seed: 1))
        try types.append(everyType(50, seed: 2))
        try check("types", types, isLast: true)
        try check("types before", types, version: 0)

        let created = try test.table("silver.created")
        try created.create(
            Schema([Field("a", .int64, isNullable: false), Field("b", .string), Field("t", .timestamp)]),
            description: "d")
        try check("created", created)
        try created.append(
            "SELECT 1::BIGINT AS a, 'x' AS b, TIMESTAMPTZ '2026-05-01 00:00:00.123456Z' AS t", on: test.engine.connect()
        )
        try check("not null", created)

        let overwritten = try test.table("silver.overwritten")
        try overwritten.append(everyType(20, seed: 3))
        try overwritten.overwrite(everyType(10, seed: 4))
        try check("overwritten", overwritten)
        try check("before overwriting", overwritten, version: 0)
        try overwritten.overwrite(everyType(5, seed: 5).gathering([]))
        try check("emptied", overwritten, isLast: true)

        let parts = try test.table("gold.parts")
        let partNames = ["a b/c", "é%=", "NULL", "[x]*?", "a\"b'c", ".", "x\\y:z#?&+", "plain", "%41", "~.._"]
        var names = ColumnBuilder(.string)
        for name in partNames { names.append(.string(name)) }
        names.appendNull()
        var numbers = ColumnBuilder(.int32)
        for number in 0..<partNames.count { numbers.append(.int32(Int32(number % 3 - 1))) }
        numbers.appendNull()
        let count = partNames.count + 1
        var options = WriteOptions()
        options.partitionColumns = ["p", "n", "t", "b"]
        try parts.append(
            RecordBatch([
                ("i", integers((0..<Int64(count)).map { $0 })), ("p", names.finish()), ("n", numbers.finish()),
                ("t", Column(.timestamp((0..<count).map { Int64($0) * 86_400_000_001 - 5 }))),
                ("b", Column(.bool((0..<count).map { $0 % 2 == 0 }))),
            ]), options)
        try check("partitions", parts, isLast: true)

        let wider = try test.table("silver.wider")
        try wider.append(RecordBatch([("a", integers([1, 2]))]))
        var widening = WriteOptions()
        widening.evolution = .addColumns
        try wider.append(RecordBatch([("b", texts(["x"])), ("a", integers([3]))]), widening)
        try check("wider", wider)
        widening.evolution = .replace
        try wider.overwrite(RecordBatch([("z", texts(["n"]))]), widening)
        try check("replaced", wider, isLast: true)

        let long = try test.table("bronze.long")
        for number in 0..<23 {
            var options = WriteOptions()
            options.transaction = .init(appID: "app", version: Int64(number))
            options.partitionColumns = ["p"]
            let batch = RecordBatch([("a", integers([Int64(number)])), ("p", texts(["part \(number % 3)"]))])
            if number == 7 { try long.overwrite(batch, options) } else { try long.append(batch, options) }
        }
        try check("long", long, isLast: true)
        for version in [3, 10, 15] { try check("long", long, version: Int64(version)) }
        let answers = try DeltaPeer.ask(jobs)
        for ((name, rows), answer) in zip(expected, answers) {
            let theirs = PeerRows(answer)
            #expect(theirs == rows, "\(name)")
        }
        #expect(expected.count >= 28)
    }

    @Test("read through our checkpoint what no commit tells any more")
    func checkpoint() throws {
        let table = try test.table("bronze.long")
        for number in 0..<23 {
            var options = WriteOptions()
            options.transaction = .init(appID: "app", version: Int64(number))
            options.partitionColumns = ["p"]
            var name = ColumnBuilder(.string)
            name.append(number % 3 == 0 ? .null : .string("part \(number % 3)=%"))
            let batch = RecordBatch([("a", integers([Int64(number)])), ("p", name.finish())])
            if number == 7 { try table.overwrite(batch, options) } else { try table.append(batch, options) }
        }
        for version in 0..<20 { try test.store.delete(test.logKey("bronze.long", commitName(version))) }
        let fresh = try test.table("bronze.long")
        let rows = PeerRows(try test.rows(fresh))
        #expect(rows.rows.count == 16)
        for answer in try DeltaPeer.ask([read(fresh, "deltalake"), read(fresh, "duckdb")]) {
            #expect(PeerRows(answer) == rows)
        }
    }

    private func commitName(_ version: Int) -> String {
        String(repeating: "0", count: 20 - "\(version)".count) + "\(version).json"
    }

    @Test("find the rows they look for by our statistics")
    func statistics() throws {
        let table = try test.table("silver.t")
        let connection = try test.engine.connect()
        // Each file has its own range, and values that stand just above a bound that was cut.
        for number in 0..<5 {
            try table.append(
                """
                SELECT i + \(number * 100) AS a, repeat('é', 40) || (i + \(number * 100))::VARCHAR AS s,
                make_timestamptz(\(number) * 1000000 + i * 333) AS t,
                CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i::DOUBLE END AS d FROM range(10) r(i)
                """, on: connection)
        }
        let filters = [
            "a = 205", "s = repeat('é', 40) || '409'", "t = make_timestamptz(3000999)", "d > 100", "d = 'nan'::DOUBLE",
            "t >= make_timestamptz(4002997)", "s > repeat('é', 40) || '309'", "a < 3",
        ]
        let jobs = filters.map { read(table, "duckdb", ["where": .string($0)]) }
        let ours = try filters.map {
            PeerRows(try connection.query("SELECT * FROM (\(try table.scanSQL(table.snapshot()))) WHERE \($0)"))
        }
        for ((filter, rows), answer) in zip(zip(filters, ours), try DeltaPeer.ask(jobs)) {
            #expect(!rows.rows.isEmpty, "\(filter)")
            #expect(PeerRows(answer) == rows, "\(filter)")
        }
    }

    @Test("agree on the version at a moment")
    func moments() throws {
        let table = try test.table("silver.t")
        for number in 0..<4 { try table.append(RecordBatch([("a", integers([Int64(number)]))])) }
        let times = try table.versionTimes().map(\.time)
        let moments = times + [times[2] + TimeSpan(microseconds: 500_000), times[3] + .days(1)]
        let jobs = moments.map { read(table, "deltalake", ["time": .string($0.description)]) }
        for (moment, answer) in zip(moments, try DeltaPeer.ask(jobs)) {
            let snapshot = try table.snapshot(at: moment)
            #expect(PeerRows(answer) == PeerRows(try test.rows(table, snapshot)), "\(moment)")
        }
    }

    @Test("write tables that we read, through their checkpoint too")
    func theirs() throws {
        let table = try test.table("bronze.theirs")
        let answers = try DeltaPeer.ask([
            .object(["do": .string("write"), "path": .string(table.location)]), read(table, "deltalake"),
            read(table, "deltalake", ["version": .integer(4)]),
        ])
        #expect(PeerRows(try test.rows(table)) == PeerRows(answers[1]))
        #expect(PeerRows(try test.rows(table, table.snapshot(version: 4))) == PeerRows(answers[2]))
        #expect(try table.snapshot().schema.names.contains("z"))
        // And we go on writing it.
        var options = WriteOptions()
        options.evolution = .addColumns
        let written = try table.append(RecordBatch([("i", integers([7])), ("p", texts(["ours"]))]), options)
        #expect(written.outcome == .committed)
        let after = try DeltaPeer.ask([read(table, "deltalake"), read(table, "duckdb")])
        for answer in after { #expect(PeerRows(answer) == PeerRows(try test.rows(table))) }
    }

    @Test("append to a table at the same time as we do, and no row is lost")
    func together() throws {
        let table = try test.table("bronze.shared")
        try table.append(RecordBatch([("a", integers([-1]))]))
        let problems = Mutex<[String]>([])
        let location = table.location
        parallelFor(2, threads: 2) { side in
            do {
                if side == 0 {
                    _ = try DeltaPeer.ask([
                        .object([
                            "do": .string("append"), "path": .string(location), "start": .integer(1_000),
                            "count": .integer(20),
                        ])
                    ])
                } else {
                    for number in 0..<20 { try table.append(RecordBatch([("a", integers([Int64(number)]))])) }
                }
            } catch {
                problems.withLock { $0.append("\(error)") }
            }
        }
        #expect(problems.withLock { $0 } == [])
        let values = try test.values(test.table("bronze.shared"), "a").map { $0.number ?? .nan }.sorted()
        #expect(values == [-1] + (0..<20).map { Double($0) } + (1_000..<1_020).map { Double($0) })
    }
}
