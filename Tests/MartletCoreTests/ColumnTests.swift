import Glibc
import MartletCore
import MartletTestSupport
import Synchronization
import Testing

@Suite("A column")
struct ColumnTests {
    static let samples: [(DataType, Value)] = [
        (.bool, .bool(true)), (.int32, .int32(-3)), (.int64, .int64(4)), (.float32, .float32(1.5)),
        (.float64, .float64(-2.5)), (.string, .string("größer")), (.bytes, .bytes([0, 1])),
        (.timestamp, .timestamp(Timestamp(microseconds: 9))),
    ]

    @Test("keeps values and nulls of every type", arguments: samples)
    func builds(type: DataType, value: Value) throws {
        var builder = ColumnBuilder(type)
        builder.append(value)
        builder.append(.null)
        builder.append(value)
        let column = builder.finish()
        #expect(column.type == type)
        #expect((0..<3).map { column[$0] } == [value, .null, value])
        #expect(column.nullCount == 1)
        let gathered = try column.gathering([2, -1, 1, 0])
        #expect((0..<4).map { gathered[$0] } == [value, .null, .null, value])
        #expect(Column.nulls(type, count: 2).nullCount == 2)
    }

    @Test("takes a value of another type only where it widens")
    func widens() {
        var wide = ColumnBuilder(.float64)
        let values: [Value] = [.int32(1), .float32(0.5), .string("x"), .int64(1)]
        var accepted: [Bool] = []
        for value in values { accepted.append(wide.append(value)) }
        #expect(accepted == [true, true, false, false])
        #expect(wide.finish().count == 2)
    }

    @Test("has no bitmap where nothing is null")
    func noBitmap() {
        var builder = ColumnBuilder(.int64)
        builder.append(.int64(1))
        #expect(builder.finish().validity == nil)
    }
}

private func scalar(_ type: DataType.Element, _ random: inout SeededRandom) -> Value {
    let number = Int64.random(in: -9...9, using: &random)
    return switch type {
    case .bool: .bool(number > 0)
    case .int32: .int32(Int32(number))
    case .int64: .int64(number)
    case .float32: .float32(Float(number) / 4)
    case .float64: .float64(Double(number) / 3)
    case .string: .string(String(repeating: "ä", count: Int(number.magnitude)))
    case .bytes: .bytes([UInt8(number.magnitude), 0])
    case .timestamp: .timestamp(Timestamp(microseconds: number))
    }
}

@Suite("Columns joined and gathered")
struct JoinedColumnTests {
    @Test("slices stand one after the other, of every type, with their nulls", arguments: 1...20)
    func slices(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for type in DataType.samples {
            let columns = (0..<3).map { _ in
                var builder = ColumnBuilder(type)
                for _ in 0..<Int.random(in: 1..<200, using: &random) {
                    let isNull = random.next() % 4 == 0
                    builder.append(isNull ? .null : type.sample(&random, scalar))
                }
                return builder.finish()
            }
            let slices = (0..<5).map { _ in
                let column = columns[Int.random(in: 0..<3, using: &random)]
                let first = Int.random(in: 0...column.count, using: &random)
                return ColumnSlice(column, first..<Int.random(in: first...column.count, using: &random))
            }
            let joined = try Column.joining(slices, threads: 2)
            let expected = slices.flatMap { slice in slice.rows.map { slice.column[$0] } }
            #expect((0..<joined.count).map { joined[$0] } == expected, "seed \(seed), \(type)")
            let rows = (0..<100).map { _ in Int32.random(in: -1..<Int32(columns[0].count), using: &random) }
            let gathered = try columns[0].gathering(rows, threads: 2)
            #expect(
                (0..<100).map { gathered[$0] } == rows.map { $0 < 0 ? .null : columns[0][Int($0)] },
                "seed \(seed), \(type)")
        }
    }

    @Test("rows of every type come back from their bytes, and cut or changed ones are refused", arguments: 1...10)
    func bytes(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for type in DataType.samples {
            var builder = ColumnBuilder(type)
            for _ in 0..<Int.random(in: 1..<150, using: &random) {
                builder.append(random.next() % 5 == 0 ? .null : type.sample(&random, scalar))
            }
            let column = builder.finish()
            let first = Int.random(in: 0...column.count, using: &random)
            let rows = first..<Int.random(in: first...column.count, using: &random)
            var bytes: [UInt8] = []
            column.appendBytes(of: rows, to: &bytes)
            column.appendBytes(of: 0..<column.count, to: &bytes)
            var reader = ByteReader(bytes)
            let part = try Column(reading: &reader)
            #expect(part.type == type)
            #expect((0..<part.count).map { part[$0] } == rows.map { column[$0] }, "seed \(seed), \(type)")
            #expect(try Column(reading: &reader) == column, "seed \(seed), \(type)")
            #expect(reader.isAtEnd)
            var short = ByteReader(Array(bytes.dropLast()))
            _ = try Column(reading: &short)
            let error = #expect(throws: MartletError.self) { try Column(reading: &short) }
            #expect(error?.code == .corruptData)
            bytes[1] = 7
            var wrong = ByteReader(bytes)
            #expect(throws: MartletError.self) { try Column(reading: &wrong) }
        }
    }

    @Test("what is gathered or joined beyond the limit of a column is refused, not trapped on")
    func limits() throws {
        let texts = Column(.string(ByteStrings(["aa", "", "bbb"])))
        let lists = Column(.list(ListValues(offsets: [0, 1, 1, 3], elements: texts)))
        let maps = Column(
            .map(
                MapValues(offsets: [0, 1, 3], keys: ByteStrings(["kk", "a", "b"]), values: Column(.int64([1, 2, 3])))))
        // Of the texts 8 bytes, of the lists 3 elements with 5 bytes, of the maps 5 entries with 6 bytes of keys.
        let cases: [(column: Column, rows: [Int32], held: Int)] = [
            (texts, [2, -1, 0, 2], 8), (lists, [2, 0, 1], 5), (maps, [1, 0, -1, 1], 6),
        ]
        for (column, rows, held) in cases {
            #expect(try column.gathering(rows, limit: held).count == rows.count)
            let error = #expect(throws: MartletError.self) { try column.gathering(rows, named: "x", limit: held - 1) }
            #expect(error?.code == .limitExceeded)
            #expect(error?.message.contains("column x has more than \(held - 1) bytes") == true)
        }
        for column in [texts, lists, maps] {
            let slices = [ColumnSlice(column, 0..<column.count), ColumnSlice(column, 1..<column.count)]
            let joined = try Column.joining(slices)
            let held = joined.largestPart
            #expect(held > column.largestPart)
            #expect(try Column.joining(slices, limit: held) == joined)
            let error = #expect(throws: MartletError.self) {
                try Column.joining(slices, named: "y", limit: held - 1)
            }
            #expect(error?.code == .limitExceeded)
            #expect(throws: MartletError.self) { try Column.joining([column, column], limit: held - 1) }
        }
        // Numbers take none of it.
        #expect(try Column(.int64([1, 2])).gathering([0, 1, 0], limit: 0).count == 3)
        #expect(try Column.joining([Column(.int64([1])), Column(.int64([2]))], limit: 0).count == 2)
    }

    @Test("rows of more than 2 GiB of text are refused where they are gathered and joined")
    func beyondTwoGibibytes() throws {
        let text = Column(.string(ByteStrings([String(repeating: "x", count: 1 << 20)])))
        let rows = [Int32](repeating: 0, count: 2_048)
        #expect(throws: MartletError.self) { try text.gathering(rows) }
        #expect(throws: MartletError.self) { try RecordBatch([("t", text)]).gathering(rows) }
        let slices = [ColumnSlice](repeating: ColumnSlice(text, 0..<1), count: 2_048)
        #expect(throws: MartletError.self) { try Column.joining(slices) }
        let batches = [RecordBatch](repeating: RecordBatch([("t", text)]), count: 2_048)
        #expect(throws: MartletError.self) { try RecordBatch.joining(batches) }
    }

    @Test("many rows are the same by several threads")
    func threads() throws {
        let column = Column(.int64((0..<200_000).map { $0 &* 7 }))
        let slices = stride(from: 0, to: 200_000, by: 3_000).reversed().map {
            ColumnSlice(column, $0..<min($0 + 3_000, 200_000))
        }
        #expect(try Column.joining(slices, threads: 3) == Column.joining(slices, threads: 1))
        let rows = (0..<200_000).map { Int32(($0 * 7_919) % 200_000) }
        #expect(try column.gathering(rows, threads: 3) == column.gathering(rows, threads: 1))
    }

    @Test("every index is worked on once, by no more threads than asked for", arguments: [1, 2, 5])
    func parallel(threads: Int) {
        let state = Mutex<(seen: [Int], running: Int, most: Int)>(([], 0, 0))
        parallelFor(200, threads: threads) { index in
            state.withLock {
                $0.seen.append(index)
                $0.running += 1
                $0.most = max($0.most, $0.running)
            }
            sched_yield()
            state.withLock { $0.running -= 1 }
        }
        let found = state.withLock { $0 }
        #expect(found.seen.sorted() == Array(0..<200))
        #expect(found.most <= threads)
    }
}

@Suite("A bitmap")
struct BitmapTests {
    @Test("takes words and parts of another at any place", arguments: [0, 1, 63, 64, 65, 130])
    func appending(start: Int) {
        var random = SeededRandom(seed: UInt64(start))
        let bits = (0..<300).map { _ in Bool.random(using: &random) }
        let source = Bitmap(bits)
        for range in [0..<300, 1..<64, 63..<65, 64..<128, 70..<70, 299..<300] {
            var bitmap = Bitmap(repeating: true, count: start)
            bitmap.append(source, range)
            bitmap.append(repeating: false, count: 70)
            bitmap.append(word: 0b1011, count: 3)
            let expected = [Bool](repeating: true, count: start) + bits[range] + [Bool](repeating: false, count: 70)
            #expect(bitmap == Bitmap(expected + [true, true, false]))
        }
    }

    @Test("counts and changes bits across words", arguments: [0, 1, 63, 64, 65, 200])
    func bits(count: Int) {
        var bitmap = Bitmap(repeating: true, count: count)
        #expect(bitmap.countOfOnes == count)
        #expect(bitmap.allSet)
        for index in stride(from: 0, to: count, by: 3) { bitmap[index] = false }
        #expect((0..<count).allSatisfy { bitmap[$0] == ($0 % 3 != 0) })
        bitmap.append(true)
        #expect(bitmap[count])
        #expect(bitmap.countOfOnes == count - (count + 2) / 3 + 1)
    }
}

@Suite("A record batch")
struct RecordBatchTests {
    @Test("selects, gathers and appends columns")
    func shapes() throws {
        let batch = RecordBatch([("a", Column(.int64([1, 2]))), ("b", Column(.string(ByteStrings(["x", "y"]))))])
        #expect(batch.selecting(["b"]).schema.names == ["b"])
        let gathered = try batch.gathering([1, -1])
        #expect(gathered.columns[1][0] == .string("y"))
        #expect(gathered.columns[0][1] == .null)
        #expect(batch.appending("c", Column(.bool([true, false])))["c"]?[1] == .bool(false))
    }

    @Test("refuses columns of different lengths")
    func lengths() async {
        await #expect(processExitsWith: .failure) {
            _ = RecordBatch([("a", Column(.int64([1]))), ("b", Column(.int64([])))])
        }
    }
}

@Suite("Names")
struct NameTests {
    @Test(
        "are lower-case identifiers",
        arguments: [
            ("a", true), ("a_1", true), ("1a", false), ("", false), ("A", false), ("a-b", false), ("_a", false),
            (String(repeating: "a", count: 63), true), (String(repeating: "a", count: 64), false),
        ])
    func identifiers(text: String, isValid: Bool) {
        #expect(isIdentifier(text) == isValid)
        #expect((TenantID(text) != nil) == isValid)
    }

    @Test(
        "are corrected to the nearest candidate",
        arguments: [
            ("custmer", "customer"), ("amont", "amount"), ("zzzzzz", nil),
            // Longer than any name: not even looked at.
            (String(repeating: "customer", count: 1 << 17), nil),
        ])
    func nearest(name: String, expected: String?) {
        #expect(nearestName(to: name, among: ["customer", "amount", "merchant"]) == expected)
    }
}

@Suite("Columns that are compared")
struct ComparedColumnTests {
    @Test("differ by their bits, within lists and maps too, where every NaN is one value")
    func bits() {
        func column(_ type: DataType, _ values: [Value]) -> Column {
            var builder = ColumnBuilder(type)
            for value in values { builder.append(value) }
            return builder.finish()
        }
        func list(_ numbers: Double...) -> Value { .list(numbers.map { .float64($0) }) }
        let lists = column(.list(.float64), [list(.nan, 1), list(0), list(1, 2), list(), .null])
        #expect(lists.rowsThatDiffer(from: lists) == [])
        let others = column(.list(.float64), [list(.nan, 1), list(-0.0), list(1), list(), list()])
        #expect(lists.rowsThatDiffer(from: others) == [1, 2, 4])
        let maps = column(.map(.float32), [.map(["a": .float32(.nan)]), .map(["a": .float32(1)])])
        let changed = column(.map(.float32), [.map(["a": .float32(.nan)]), .map(["b": .float32(1)])])
        #expect(maps.rowsThatDiffer(from: changed) == [1])
    }
}

@Suite("Seeded random numbers")
struct SeededRandomTests {
    @Test("are the published SplitMix64 sequence")
    func sequence() {
        var random = SeededRandom(seed: 1_234_567)
        var drawn: [UInt64] = []
        for _ in 0..<3 { drawn.append(random.next()) }
        #expect(drawn == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    @Test("are uniform in the unit interval and differ by stream")
    func uniform() {
        var one = SeededRandom(seed: 5, stream: 1)
        var two = SeededRandom(seed: 5, stream: 2)
        var drawn: [Double] = []
        for _ in 0..<10_000 { drawn.append(one.uniform()) }
        #expect(drawn.allSatisfy { (0..<1).contains($0) })
        #expect(abs(drawn.reduce(0, +) / 10_000 - 0.5) < 0.02)
        let other = two.uniform()
        #expect(other != drawn[0])
    }
}
