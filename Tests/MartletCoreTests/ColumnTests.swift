import MartletCore
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

@Suite("A bitmap")
struct BitmapTests {
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
