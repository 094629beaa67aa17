import MartletCore
import MartletOnline
import Testing

@Suite("Entity keys")
struct EntityKeysTests {
    private func key(_ keys: EntityKeys, _ index: Int) -> [UInt8] { keys.withKey(index) { Array($0) } }

    @Test("different composite keys have different encodings", arguments: [UInt64(1), 2])
    func injective(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let texts = ["", "a", "aa", "ab", "b", "\u{0}", "a\u{0}", "1", "11"]
        let count = 3_000
        let left = (0..<count).map { _ in texts.randomElement(using: &random)! }
        let right = (0..<count).map { _ in texts.randomElement(using: &random)! }
        let numbers = (0..<count).map { _ in Int64.random(in: -2...2, using: &random) }
        let columns = [
            Column(.string(ByteStrings(left))), Column(.int64(numbers)), Column(.bytes(ByteStrings(right))),
        ]
        let keys = try EntityKeys(
            columns, keys: [Field("a", .string), Field("b", .int64), Field("c", .bytes)])
        struct Tuple: Hashable { let a: String, b: Int64, c: String }
        let tuples = (0..<count).map { Tuple(a: left[$0], b: numbers[$0], c: right[$0]) }
        #expect(keys.uniqueCount == Set(tuples).count, "seed \(seed)")
        #expect(Set((0..<keys.uniqueCount).map { key(keys, $0) }).count == keys.uniqueCount, "seed \(seed)")
        var first: [Tuple: Int32] = [:]
        for (row, tuple) in tuples.enumerated() {
            if let known = first[tuple] { #expect(keys.rows[row] == known, "seed \(seed)") }
            first[tuple] = keys.rows[row]
        }
    }

    @Test("sort as the numbers do", arguments: [UInt64(3), 4])
    func order(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let numbers = (0..<2_000).map { _ in
            Int64(bitPattern: random.next()) >> Int64.random(in: 0...60, using: &random)
        }
        let keys = try EntityKeys([Column(.int64(numbers))], keys: [Field("id", .int64)])
        var byUnique = [Int64](repeating: 0, count: keys.uniqueCount)
        for (row, unique) in keys.rows.enumerated() { byUnique[Int(unique)] = numbers[row] }
        #expect(keys.sortedOrder().map { byUnique[Int($0)] } == Set(numbers).sorted(), "seed \(seed)")
    }

    @Test("long text keys sort by their bytes", arguments: [UInt64(5)])
    func textOrder(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let texts = Set(
            (0..<300).map { _ in
                String(repeating: "x", count: Int.random(in: 10...20, using: &random)) + "\(random.next() % 100)"
            })
        let keys = try EntityKeys([Column(.string(ByteStrings(texts)))], keys: [Field("id", .string)])
        let sorted = keys.sortedOrder().map { key(keys, Int($0)) }
        #expect(sorted == sorted.sorted { $0.lexicographicallyPrecedes($1) }, "seed \(seed)")
        #expect(sorted.count == texts.count)
    }

    @Test("a 32-bit and a 64-bit integer of one value are one key")
    func integerWidths() throws {
        let wide = try EntityKeys([Column(.int64([-5]))], keys: [Field("id", .int64)])
        let narrow = try EntityKeys([Column(.int32([-5]))], keys: [Field("id", .int64)])
        #expect(key(wide, 0) == key(narrow, 0))
    }

    @Test("types do not run together")
    func types() throws {
        let encodings = [
            try EntityKeys([Column(.int64([1]))], keys: [Field("k", .int64)]),
            try EntityKeys([Column(.timestamp([1]))], keys: [Field("k", .timestamp)]),
            try EntityKeys([Column(.bool([true]))], keys: [Field("k", .bool)]),
            try EntityKeys([Column(.string(ByteStrings(["1"])))], keys: [Field("k", .string)]),
            try EntityKeys([Column(.bytes(ByteStrings(["1"])))], keys: [Field("k", .bytes)]),
        ].map { key($0, 0) }
        #expect(Set(encodings).count == encodings.count)
    }

    @Test("a null part makes the whole key null")
    func nulls() throws {
        let columns = [
            Column(.int64([1, 2, 1]), validity: Bitmap([true, false, true])),
            Column(.int64([7, 7, 7]), validity: Bitmap([true, true, true])),
        ]
        let keys = try EntityKeys(columns, keys: [Field("a", .int64), Field("b", .int64)])
        #expect(keys.rows == [0, -1, 0])
        #expect(keys.uniqueCount == 1)
    }

    @Test(
        "refuses columns of other types and floating-point keys",
        arguments: [
            (DataType.int64, DataType.string), (.string, .bytes), (.timestamp, .int64), (.float64, .float64),
        ])
    func typeMismatch(declared: DataType, given: DataType) {
        #expect(
            code { _ = try EntityKeys([Column.nulls(given, count: 1)], keys: [Field("k", declared)]) } == .typeMismatch)
    }

    @Test("can be used again")
    func reuse() {
        var keys = EntityKeys()
        for round in 0..<3 {
            keys.removeAll()
            for number in 0..<Int64(40 + round) {
                keys.append(integer: number % 20)
                keys.endKey()
            }
            #expect(keys.uniqueCount == 20)
            #expect(keys.rows.count == 40 + round)
        }
    }
}
