import MartletCore
import MartletFeatures
import Testing

@Suite("Entity index")
struct EntityIndexTests {
    @Test("numbers follow the first occurrence, nulls have none")
    func integers() throws {
        let keys = Column(.int64([7, -3, 7, 0, .max, -3]), validity: Bitmap([true, true, true, false, true, true]))
        let index = try EntityIndex([keys])
        #expect(index.ids == [0, 1, 0, -1, 2, 1])
        #expect(index.count == 3)
        #expect(index.firstRows == [0, 1, 4])
        #expect(try index.lookup([Column(.int64([.max, 5, 7]))]) == [2, -1, 0])
        #expect(try index.lookup([Column(.int32([-3, 0]), validity: Bitmap([true, false]))]) == [1, -1])
    }

    @Test("strings, bytes, bools and timestamps are keys")
    func otherTypes() throws {
        let strings = try EntityIndex([Column(.string(ByteStrings(["b", "", "b", "ab"])))])
        #expect(strings.ids == [0, 1, 0, 2])
        #expect(try strings.lookup([Column(.string(ByteStrings(["ab", "c", ""])))]) == [2, -1, 1])
        #expect(try EntityIndex([Column(.bool([true, false, true]))]).ids == [0, 1, 0])
        #expect(try EntityIndex([Column(.timestamp([5, 5, 6]))]).ids == [0, 0, 1])
        #expect(try EntityIndex([Column(.bytes(ByteStrings(["x", "y", "x"])))]).ids == [0, 1, 0])
    }

    @Test("the parts of a composite key do not run together")
    func composite() throws {
        let index = try EntityIndex([
            Column(.string(ByteStrings(["ab", "a", "ab", "a"]))), Column(.string(ByteStrings(["c", "bc", "c", "bc"]))),
            Column(.int64([1, 1, 1, 2]), validity: Bitmap([true, true, true, true])),
        ])
        #expect(index.ids == [0, 1, 0, 2])
        let nulls = try EntityIndex([
            Column(.int64([1, 1, 1])), Column(.int32([2, 2, 2]), validity: Bitmap([true, false, true])),
        ])
        #expect(nulls.ids == [0, -1, 0])
        #expect(try nulls.lookup([Column(.int32([1])), Column(.int64([2]))]) == [0])
    }

    @Test(
        "several threads give the numbers of one", arguments: [DataType.int64, .string],
        [Int64(50), 100_000, 10_000_000, .max])
    func threads(_ type: DataType, _ width: Int64) throws {
        var random = SeededRandom(seed: 11)
        let numbers = (0..<300_000).map { _ in Int64.random(in: 0..<width, using: &random) }
        let present = Bitmap(numbers.map { $0 % 13 != 5 })
        let column =
            type == .int64
            ? Column(.int64(numbers), validity: present)
            : Column(.string(ByteStrings(numbers.map { "key \($0)" })), validity: present)
        let one = try EntityIndex([column], threads: 1)
        let several = try EntityIndex([column], threads: 4)
        #expect(several.ids == one.ids)
        #expect(several.firstRows == one.firstRows)
        #expect(try several.lookup([column], threads: 4) == one.ids)
        #expect(try one.lookup([column], threads: 1) == one.ids)
        let strangers = Column(.int64([-1, .min, .max, width]))
        if type == .int64 { #expect(try several.lookup([strangers]) == [-1, -1, -1, -1]) }
    }

    @Test("many keys keep their numbers while the table grows", arguments: [DataType.int64, .string])
    func growth(_ type: DataType) throws {
        var random = SeededRandom(seed: 5)
        let numbers = (0..<50_000).map { _ in Int64.random(in: 0..<20_000, using: &random) << 20 }
        let column =
            type == .int64 ? Column(.int64(numbers)) : Column(.string(ByteStrings(numbers.map { "key \($0)" })))
        let index = try EntityIndex([column])
        var known: [Int64: Int32] = [:]
        for (row, number) in numbers.enumerated() {
            if known[number] == nil {
                #expect(index.firstRows[known.count] == Int32(row))
                known[number] = Int32(known.count)
            }
            guard index.ids[row] == known[number] else {
                Issue.record("row \(row) has the number \(index.ids[row])")
                return
            }
        }
        #expect(index.count == known.count)
        #expect(try index.lookup([column]) == index.ids)
    }

    @Test("floating-point keys, other types, no keys and uneven columns are refused")
    func refusals() throws {
        #expect(code { try EntityIndex([Column(.float64([1]))]) } == .typeMismatch)
        #expect(code { try EntityIndex([]) } == .invalidInput)
        #expect(code { try EntityIndex([Column(.int64([1])), Column(.int64([]))]) } == .invalidInput)
        let index = try EntityIndex([Column(.int64([1]))])
        #expect(code { try index.lookup([Column(.string(ByteStrings(["1"])))]) } == .typeMismatch)
        #expect(try EntityIndex([Column(.int64([]))]).count == 0)
    }
}
