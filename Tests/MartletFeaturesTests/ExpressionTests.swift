import MartletCore
import MartletDefinitions
import MartletFeatures
import Testing

@Suite("An expression")
struct ExpressionTests {
    @Test(
        "has the value that the guide says",
        arguments: [
            ("1 + 2 * 3", Value.int64(7)), ("(1 + 2) * 3", .int64(9)), ("7 - 2 - 1", .int64(4)), ("-2 - -3", .int64(1)),
            ("3 / 2", .float64(1.5)), ("7 % 3", .int64(1)), ("-7 % 3", .int64(-1)), ("7.5 % 2", .float64(1.5)),
            ("1 / 0", .null), ("1 % 0", .null), ("1.0 / 0.0", .null), ("9223372036854775807 + 1", .null),
            ("-9223372036854775807 - 2", .null), ("(-9223372036854775807 - 1) % -1", .int64(0)),
            ("abs(-9223372036854775807 - 1)", .null), ("1e308 * 10", .null), ("1 + 0.5", .float64(1.5)),
            ("2 = 2.0", .bool(true)), ("1 < 2 and not 2 < 1", .bool(true)), ("'a' < 'b'", .bool(true)),
            ("'é' > 'z'", .bool(true)), ("true = false", .bool(false)),
            ("float64(null) is null", .bool(true)), ("1 is not null", .bool(true)), ("null is null", .bool(true)),
            ("true or string(null) = 'a'", .bool(true)), ("false and string(null) = 'a'", .bool(false)),
            ("true and string(null) = 'a'", .null), ("not (string(null) = 'a')", .null),
            ("3 in [1, 2, 3]", .bool(true)), ("3 not in [1, 2]", .bool(true)), ("3 in [1, 2.5]", .bool(false)),
            ("string(null) in ['a']", .null), ("'b' in ['a', 'b', 'c', 'd', 'e']", .bool(true)),
            ("coalesce(null, 2, 3)", .int64(2)), ("coalesce(null, 2, 3.5)", .float64(2)),
            ("if(1 < 2, 'a', 'b')", .string("a")), ("if(string(null) = 'a', 1, 2)", .int64(2)),
            ("case when false then 1 when true then 2 else 3 end", .int64(2)),
            ("case when false then 1 end", .null), ("case when true then null else 1.5 end", .null),
            ("min(3, 1, 2)", .int64(1)), ("max(3, 1.5)", .float64(3)), ("max(1, null)", .null),
            ("abs(-2.5)", .float64(2.5)), ("abs(-2)", .int64(2)), ("floor(-1.5)", .float64(-2)),
            ("ceil(1.2)", .float64(2)), ("round(2.5)", .float64(3)), ("round(-2.5)", .float64(-3)),
            ("round(7)", .int64(7)), ("sqrt(9)", .float64(3)), ("sqrt(-1)", .null), ("ln(0)", .null),
            ("ln(exp(1))", .float64(1)), ("pow(2, 10)", .float64(1024)), ("pow(10, 400)", .null),
            ("lower('ÄB')", .string("äb")), ("upper('straße')", .string("STRASSE")),
            ("trim(' \t a b ')", .string("a b")),
            ("length('héllo')", .int64(5)), ("length('')", .int64(0)), ("length('👩‍👩‍👧')", .int64(5)),
            ("concat('a', 'b', string(1))", .string("ab1")), ("concat('a', null)", .null),
            ("contains('abc', 'bc')", .bool(true)), ("contains('abc', '')", .bool(true)),
            ("contains('', 'a')", .bool(false)), ("starts_with('abc', 'ab')", .bool(true)),
            ("ends_with('abc', 'abcd')", .bool(false)), ("substring('héllo', 2, 3)", .string("éll")),
            ("substring('héllo', 0, 2)", .string("h")), ("substring('abc', 2)", .string("bc")),
            ("substring('abc', 9, 2)", .string("")), ("substring('abc', 1, -1)", .null),
            ("substring('abc', 2, 9223372036854775807)", .string("bc")), ("'it''s'", .string("it's")),
            ("float64('1.5e3')", .float64(1500)), ("float64('inf')", .null), ("float64('0x10')", .null),
            ("float64('')", .null), ("int64('12')", .int64(12)), ("int64('1.5')", .null), ("int64(-2.9)", .int64(-2)),
            ("int64(1e19)", .null), ("int64(true)", .int64(1)), ("string(1.0)", .string("1.0")),
            ("string(true)", .string("true")), ("string(timestamp('2026-05-01'))", .string("2026-05-01T00:00:00Z")),
            ("timestamp('yesterday')", .null), ("hour(timestamp('2026-05-01T23:59:59Z'))", .int64(23)),
            ("hour(timestamp('1969-12-31T23:00:00Z'))", .int64(23)),
            ("day_of_week(timestamp('2026-05-03'))", .int64(7)), ("day_of_week(timestamp('1969-12-29'))", .int64(1)),
            ("day(timestamp('2024-02-29T12:00:00+14:00'))", .int64(28)),
            ("month(timestamp('2024-02-29'))", .int64(2)), ("year(timestamp('1600-02-29'))", .int64(1600)),
            ("days_between(timestamp('2024-02-28'), timestamp('2024-03-01T12:00:00Z'))", .float64(2.5)),
            ("seconds_between(timestamp('2026-01-01T00:00:01Z'), timestamp('2026-01-01'))", .float64(-1)),
        ])
    func value(expression: String, expected: Value) throws {
        #expect(try ExpressionBench.value(expression) == expected)
    }

    @Test("reads narrow numbers as wide ones, and NaN as nothing")
    func inputs() throws {
        #expect(try ExpressionBench.value("n + 1", ["n": .int32(.max)]) == .int64(2_147_483_648))
        #expect(try ExpressionBench.value("f", ["f": .float32(0.1)]) == .float64(Double(Float(0.1))))
        #expect(try ExpressionBench.value("x is null", ["x": .float64(.nan)]) == .bool(true))
        #expect(try ExpressionBench.value("coalesce(f, 1)", ["f": .float32(.nan)]) == .float64(1))
        #expect(try ExpressionBench.value("x > 1", ["x": .float64(.infinity)]) == .bool(true))
        #expect(try ExpressionBench.value("x + 1", ["x": .float64(.infinity)]) == .null)
        #expect(try ExpressionBench.value("z = z", ["z": .bytes([0, 255])]) == .bool(true))
        #expect(try ExpressionBench.value("request.s", ["s": .string("a")]) == .string("a"))
    }

    @Test("that is used by others of its view is computed once, in any order of writing")
    func shared() throws {
        let view = try ExpressionBench.view([("d", "v.c2 + 1"), ("c2", "a2 * 2"), ("a2", "i + j")])
        let plan = try DerivedPlan(
            ["d", "a2"].map { FeatureReference(view: "v", feature: $0) }, derived: ["v": view])
        #expect(plan.request.map(\.name) == ["i", "j"])
        #expect(plan.outputs == [.derived(0), .derived(1)])
        let columns = try plan.evaluate(
            stored: { _ in Column(.bool([])) }, request: [Column(.int64([1, 5])), Column(.int64([2, .max]))], count: 2)
        #expect(columns[1] == Column(.int64([3, 0]), validity: Bitmap([true, false])))
        #expect(columns[0] == Column(.int64([7, 0]), validity: Bitmap([true, false])))
    }

    @Test("asks only for the request values that the wanted features need")
    func pruned() throws {
        let view = try ExpressionBench.view([("a2", "i + 1"), ("b2", "concat(s, t)")])
        let plan = try DerivedPlan([FeatureReference(view: "v", feature: "b2")], derived: ["v": view])
        #expect(plan.request.map(\.name) == ["s", "t"])
        #expect(throws: MartletError.self) {
            try DerivedPlan([FeatureReference(view: "v", feature: "c9")], derived: ["v": view])
        }
    }

    @Test("has no rows where there are none, and texts longer than the limit are null")
    func edges() throws {
        #expect(try ExpressionBench.evaluate("i + 1", ["i": Column(.int64([]))], count: 0).count == 0)
        let long = String(repeating: "a", count: ExpressionLimits.maximumTextBytes)
        #expect(try ExpressionBench.value("length(concat(s, ''))", ["s": .string(long)]) == .int64(65_536))
        #expect(try ExpressionBench.value("concat(s, 'a')", ["s": .string(long)]) == .null)
    }
}
