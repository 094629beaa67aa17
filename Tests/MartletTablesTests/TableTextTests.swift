import MartletCore
import MartletTestSupport
import Testing

@testable import MartletTables

@Suite("Texts in a table's log")
struct TableTextTests {
    @Test("give the schema back")
    func schema() throws {
        let schema = Schema(
            DataType.samples.enumerated().map { Field("c_\($1.rawValue)", $1, isNullable: $0 % 2 == 0) })
        #expect(try SchemaText.parse(SchemaText.write(schema)) == schema)
        #expect(
            SchemaText.write(Schema([Field("a", .timestamp)]))
                == #"{"fields":[{"metadata":{},"name":"a","nullable":true,"type":"timestamp"}],"type":"struct"}"#)
        #expect(
            SchemaText.write(Schema([Field("a", .list(.float64))])).contains(
                #""type":{"containsNull":false,"elementType":"double","type":"array"}"#))
    }

    @Test("keep what other writers noted when a column is added")
    func addColumn() throws {
        let text =
            #"{"type":"struct","fields":[{"name":"a","type":"long","nullable":true,"metadata":{"comment":"x"}}]}"#
        let wider = try SchemaText.adding([Field("b", .bool)], to: text)
        #expect(wider.contains(#""comment":"x""#))
        #expect(try SchemaText.parse(wider).names == ["a", "b"])
    }

    @Test(
        "are refused for types Martlet lacks", arguments: ["date", "decimal(10,2)", "short", "timestamp_ntz"])
    func types(type: String) {
        let text = #"{"type":"struct","fields":[{"name":"a","type":"\#(type)","nullable":true,"metadata":{}}]}"#
        let refused = error { _ = try SchemaText.parse(text) }
        #expect(refused?.code == .invalidInput)
        #expect(refused?.message.contains(type) == true)
    }

    @Test("are refused for structs and for lists of lists")
    func nested() {
        let row = #"{"type":"struct","fields":[{"name":"a","type":{"type":"struct","fields":[]}}]}"#
        #expect(error { _ = try SchemaText.parse(row) }?.message.contains("struct") == true)
        let lists = #"{"type":"array","elementType":{"type":"array","elementType":"long"}}"#
        let text = #"{"type":"struct","fields":[{"name":"a","type":\#(lists)}]}"#
        #expect(error { _ = try SchemaText.parse(text) }?.message.contains("array") == true)
        #expect(errorCode { _ = try SchemaText.parse("[]") } == .corruptData)
    }

    @Test("refuse names that Delta refuses", arguments: ["", "a b", "a,b", "a=b", "a\tb", "(a)", "a;"])
    func columnNames(name: String) {
        #expect(
            errorCode { try SchemaText.validate(Schema([Field(name, .int64)]), partitionColumns: []) } == .invalidInput)
    }

    @Test("refuse partitions that Delta or we cannot write")
    func partitions() {
        let schema = Schema([Field("a", .int64), Field("b", .float64), Field("c", .bytes)])
        func refuse(_ columns: [String]) -> MartletError.Code? {
            errorCode { try SchemaText.validate(schema, partitionColumns: columns) }
        }
        #expect(refuse(["a"]) == nil)
        #expect(refuse(["z"]) == .missingColumn)
        #expect(refuse(["b"]) == .typeMismatch)
        #expect(refuse(["c"]) == .typeMismatch)
        #expect(refuse(["a", "a"]) == .invalidInput)
        #expect(
            errorCode { try SchemaText.validate(Schema([Field("a", .int64)]), partitionColumns: ["a"]) }
                == .invalidInput)
        #expect(
            errorCode {
                try SchemaText.validate(Schema([Field("a", .int64), Field("A", .int64)]), partitionColumns: [])
            }
                == .invalidInput)
    }

    @Test(
        "give partition values back",
        arguments: [
            ("true", DataType.bool, Value.bool(true)), ("-5", .int32, .int32(-5)),
            ("9007199254740993", .int64, .int64(9_007_199_254_740_993)),
            ("a b", .string, .string("a b")), ("", .string, .null), (nil, .int64, .null),
            (
                "2026-05-01T12:30:00.000001Z", .timestamp,
                .timestamp(Timestamp(year: 2026, month: 5, day: 1, hour: 12, minute: 30, microsecond: 1))
            ),
            (
                "2026-05-01 12:30:00", .timestamp,
                .timestamp(Timestamp(year: 2026, month: 5, day: 1, hour: 12, minute: 30))
            ),
            (
                "2026-05-01 12:30:00.5", .timestamp,
                .timestamp(Timestamp(year: 2026, month: 5, day: 1, hour: 12, minute: 30, microsecond: 500_000))
            ),
        ] as [(String?, DataType, Value)])
    func partitionValues(text: String?, type: DataType, value: Value) throws {
        #expect(try PartitionText.parse(text, as: type, column: "c") == value)
    }

    @Test(
        "are corrupt where a partition value is none",
        arguments: [("x", DataType.int64), ("yes", .bool), ("noon", .timestamp)])
    func badPartition(text: String, type: DataType) {
        #expect(errorCode { _ = try PartitionText.parse(text, as: type, column: "c") } == .corruptData)
    }

    @Test(
        "encode paths",
        arguments: [
            ("part-0.parquet", "part-0.parquet"), ("a b%/é", "a%20b%25/%C3%A9"), ("p=x:y#?&+", "p=x%3Ay%23%3F%26%2B"),
        ])
    func paths(path: String, encoded: String) {
        #expect(FilePath.encode(path) == encoded)
        #expect(FilePath.decode(encoded) == path)
    }

    @Test("are no paths", arguments: ["%", "a%2", "%zz", "%ff"])
    func badPaths(text: String) { #expect(FilePath.decode(text) == nil) }

    @Test("bound texts by texts no longer than 32 scalars")
    func textBounds() {
        let long = String(repeating: "é", count: 40)
        #expect(StatisticBound.minimum(long) == String(repeating: "é", count: 32))
        #expect(StatisticBound.maximum(long) == String(repeating: "é", count: 31) + "ê")
        #expect(StatisticBound.maximum("short") == "short")
        let top = "\u{10FFFF}"
        #expect(StatisticBound.maximum(String(repeating: top, count: 33)) == nil)
        #expect(StatisticBound.maximum("a" + String(repeating: top, count: 33)) == "b")
        #expect(StatisticBound.maximum(String(repeating: "\u{D7FF}", count: 33))?.unicodeScalars.last == "\u{E000}")
    }

    @Test("bound random texts from both sides")
    func randomBounds() {
        let seed = UInt64.random(in: 0...99_999)
        var random = SeededRandom(seed: seed)
        let alphabet: [Unicode.Scalar] = ["a", "z", "\u{7F}", "é", "\u{D7FF}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}"]
        for _ in 0..<2_000 {
            var view = String.UnicodeScalarView()
            for _ in 0..<(random.next() % 40) { view.append(alphabet[Int(random.next() % 8)]) }
            let text = String(view)
            #expect(!text.utf8.lexicographicallyPrecedes(StatisticBound.minimum(text).utf8), "seed \(seed)")
            if let high = StatisticBound.maximum(text) {
                #expect(!high.utf8.lexicographicallyPrecedes(text.utf8), "seed \(seed)")
            }
        }
    }

    @Test(
        "bound times by whole milliseconds",
        arguments: [(0, 0, 0), (1, 0, 1_000), (-1, -1_000, 0), (1_000, 1_000, 1_000)])
    func timeBounds(time: Int64, low: Int64, high: Int64) {
        #expect(StatisticBound.minimum(Timestamp(microseconds: time)).microseconds == low)
        #expect(StatisticBound.maximum(Timestamp(microseconds: time)).microseconds == high)
    }

    @Test("name tables", arguments: ["bronze.payments", "gold.a_1"])
    func tableNames(name: String) throws { #expect(try TableName(parsing: name).description == name) }

    @Test(
        "are no names of tables",
        arguments: ["payments", "a.b.c", "Bronze.x", "bronze.", ".x", "bronze.x/../y", "a b.c"])
    func badTableNames(name: String) { #expect(errorCode { _ = try TableName(parsing: name) } == .unknownName) }
}
