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
    func builds(type: DataType, value: Value) {
        var builder = ColumnBuilder(type)
        builder.append(value)
        builder.append(.null)
        builder.append(value)
        let column = builder.finish()
        #expect(column.type == type)
        #expect((0..<3).map { column[$0] } == [value, .null, value])
        #expect(column.nullCount == 1)
        let gathered = column.gathering([2, -1, 1, 0])
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
    func slices(_ seed: UInt64) {
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
            let joined = Column.joining(slices, threads: 2)
            let expected = slices.flatMap { slice in slice.rows.map { slice.column[$0] } }
            #expect((0..<joined.count).map { joined[$0] } == expected, "seed \(seed), \(type)")
            let rows = (0..<100).map { _ in Int32.random(in: -1..<Int32(columns[0].count), using: &random) }
            let gathered = columns[0].gathering(rows, threads: 2)
            #expect(
                (0..<100).map { gathered[$0] } == rows.map { $0 < 0 ? .null : columns[0][Int($0)] },
                "seed \(seed), \(type)")
        }
    }

    @Test("many rows are the same by several threads")
    func threads() {
        let column = Column(.int64((0..<200_000).map { $0 &* 7 }))
        let slices = stride(from: 0, to: 200_000, by: 3_000).reversed().map {
            ColumnSlice(column, $0..<min($0 + 3_000, 200_000))
        }
        #expect(Column.joining(slices, threads: 3) == Column.joining(slices, threads: 1))
        let rows = (0..<200_000).map { Int32(($0 * 7_919) % 200_000) }
        #expect(column.gathering(rows, threads: 3) == column.gathering(rows, threads: 1))
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
    func shapes() {
        let batch = RecordBatch([("a", Column(.int64([1, 2]))), ("b", Column(.string(ByteStrings(["x", "y"]))))])
        #expect(batch.selecting(["b"]).schema.names == ["b"])
        let gathered = batch.gathering([1, -1])
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
        ])
    func nearest(name: String, expected: String?) {
        #expect(nearestName(to: name, among: ["customer", "amount", "merchant"]) == expected)
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
