import MartletCore
import MartletQuery
import Testing

@Suite("SQL for both DuckDB and Spark")
struct SparkDialectTests {
    private let dialect = SparkDialect(
        columns: [
            Field("kind", .string), Field("amount", .float64), Field("count", .int64), Field("small", .float32),
            Field("order", .string), Field("tags", .list(.string)),
        ], sources: ["payments"], place: "features f")

    @Test(
        "what means the same in both is translated",
        arguments: [
            ("kind = 'payment' AND amount >= 3", "`kind` = 'payment' and `amount` >= 3"),
            ("kind <> 'it''s'", #"`kind` <> 'it\'s'"#),
            (#"kind = 'a\b'"#, #"`kind` = 'a\\b'"#),
            (#""order" IS NOT NULL"#, "`order` is not null"),
            ("amount < 3.50", "`amount` < 3.50D"),
            ("NOT (count BETWEEN 1 AND 2)", "not ( `count` between 1 and 2 )"),
            ("coalesce(amount, 0) - abs(count) != -1", "coalesce ( `amount` , 0 ) - abs ( `count` ) != - 1"),
            ("kind IN ('a', 'b') -- of these\n", "`kind` in ( 'a' , 'b' )"),
            (
                "SELECT *, CASE WHEN kind = 'x' THEN amount END AS Picked FROM payments /* all */ WHERE Picked > 1;",
                "select * , case when `kind` = 'x' then `amount` end as `Picked` from `payments` where `Picked` > 1"
            ),
        ])
    func translated(text: String, expected: String) throws { #expect(try dialect.translate(text) == expected) }

    @Test(
        "all else is refused by name",
        arguments: [
            ("kind LIKE 'a%'", "LIKE"), ("amount / 2 > 1", "/"), ("kind || 'a' = 'b'", "||"), ("count % 2 = 0", "%"),
            ("amount::INTEGER > 1", "::"), ("small > 0.1", "the float32 column small"),
            ("tags IS NULL", "the list<string> column tags"), ("lower(kind) = 'a'", "lower(…)"),
            ("kind = 'a' GROUP BY kind", "GROUP"), ("unknown = 1", "unknown"),
            ("SELECT * FROM payments JOIN payments", "JOIN"), ("SELECT * FROM other", "other"),
            ("SELECT * FROM payments LIMIT 3", "LIMIT"), ("count = (SELECT max(count) FROM payments)", "max(…)"),
            ("kind = $1", "$"), ("kind[1] = 'a'", "["), ("payments.kind = 'a'", "."),
        ])
    func refused(text: String, name: String) throws {
        let error = #expect(throws: MartletError.self) { try dialect.translate(text) }
        #expect(error?.code == .invalidDefinition)
        #expect(error?.message == "features f: `\(name)` does not run on Spark")
    }
}
