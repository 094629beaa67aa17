import MartletCore
import MartletDefinitions
import MartletQuality
import MartletQuery
import Testing

@Suite("Checks over a batch")
struct CheckRunTests {
    let engine: QueryEngine
    let connection: QueryConnection
    let now = Timestamp(year: 2026, month: 5, day: 1, hour: 12)

    init() throws {
        engine = try QueryEngine(QuerySettings(threads: 1, memoryLimitBytes: 256 << 20))
        connection = try engine.connect()
    }

    /// Makes the table `batch` of `sql`, its rows numbered from 0.
    private func batch(_ sql: String) throws {
        try connection.execute(
            "CREATE OR REPLACE TABLE batch AS SELECT *, row_number() OVER () - 1 AS _position FROM (\(sql))")
    }

    private func run(_ checks: [Check], known: String? = nil) throws -> CheckRun {
        try CheckRun(
            [ChecksDefinition(about: About(name: "c"), source: "s", checks: checks)], rows: "batch", known: known,
            now: now,
            connection: connection)
    }

    private func positions(_ sql: String) throws -> [Int] {
        let rows = try connection.query("SELECT _position FROM (\(sql)) ORDER BY 1")
        return (0..<rows.rowCount).map { Int(rows.columns[0][$0].number ?? -1) }
    }

    static let values = """
        SELECT * FROM (VALUES
          (1::BIGINT, 1.0::DOUBLE, 'abc', TIMESTAMPTZ '2026-05-01 11:00:00Z', true),
          (2, 'nan'::DOUBLE, 'abcd', TIMESTAMPTZ '2026-05-01 09:00:00Z', false),
          (NULL, NULL, NULL, NULL, NULL),
          (2, -5.0, 'x''y', TIMESTAMPTZ '2026-04-01 00:00:00Z', true),
          (4, 'inf'::DOUBLE, 'ABC', TIMESTAMPTZ '2026-05-01 09:30:00Z', true)
        ) AS v(i, d, s, t, b)
        """

    @Test(
        "find the rows that fail, nulls as the rule says",
        arguments: [
            (Check.Rule.notNull(column: "i"), [2]), (.notNull(column: "_position"), []),
            (.unique(columns: ["i"]), [3]), (.unique(columns: ["i", "b"]), []), (.unique(columns: ["s"]), []),
            (.accepted(column: "s", values: [.string("abc"), .string("x'y"), .string("ABC"), .string("abcd")]), []),
            (.accepted(column: "s", values: [.string("abc"), .string("abcd")]), [3, 4]),
            (.accepted(column: "i", values: [.int64(2), .int64(4)]), [0]),
            (.accepted(column: "b", values: [.bool(true)]), [1]),
            (.accepted(column: "t", values: [.timestamp(Timestamp(year: 2026, month: 4, day: 1))]), [0, 1, 4]),
            (.accepted(column: "s", values: []), [0, 1, 3, 4]),
            (.range(column: "i", minimum: 1, maximum: 4), []), (.range(column: "i", minimum: 2, maximum: nil), [0]),
            (.range(column: "i", minimum: nil, maximum: 2), [4]),
            (.range(column: "d", minimum: -5, maximum: nil), [1]),
            (.range(column: "d", minimum: 0, maximum: 10), [1, 3, 4]),
            (.regex(column: "s", pattern: "[a-z]+"), [3, 4]), (.regex(column: "s", pattern: "abc"), [1, 3, 4]),
            (.regex(column: "s", pattern: "(?i)abc|x'y|abcd"), []),
            (.sql(expression: "i > 1"), [0, 2]), (.sql(expression: "s IS NULL OR length(s) > 0 -- a comment"), []),
            (.sql(expression: "i IN (SELECT max(i) FROM batch)"), [0, 1, 2, 3]),
        ] as [(Check.Rule, [Int])])
    func rules(rule: Check.Rule, failing: [Int]) throws {
        try batch(Self.values)
        let run = try run([Check(name: "it", rule: rule, severity: .error)])
        #expect(try positions(run.failingRows) == failing)
        #expect(try positions(run.passingRows) == (0..<5).filter { !failing.contains($0) })
        #expect(run.report.results.map(\.failingRows) == [failing.count])
        #expect(run.report.results.map(\.passed) == [failing.isEmpty])
        #expect(run.report.failingRowCount == failing.count)
        #expect(run.report.rowCount == 5)
    }

    @Test(
        "pass an empty batch except where it must not be empty",
        arguments: [
            (Check.Rule.notNull(column: "i"), true), (.unique(columns: ["i"]), true),
            (.accepted(column: "s", values: [.string("a")]), true), (.range(column: "i", minimum: 0, maximum: 1), true),
            (.regex(column: "s", pattern: "a"), true), (.sql(expression: "i = 0"), true),
            (.rowCount(minimum: nil, maximum: 10), true), (.rowCount(minimum: 1, maximum: nil), false),
            (.freshness(column: "t", maximumAge: .days(1)), false),
        ] as [(Check.Rule, Bool)])
    func empty(rule: Check.Rule, passes: Bool) throws {
        try batch(Self.values + " WHERE false")
        let run = try run([Check(name: "it", rule: rule, severity: .critical)])
        #expect(run.report.results.map(\.passed) == [passes])
        #expect(run.report.isCritical == !passes)
        #expect(try positions(run.failingRows) == [])
        #expect(try positions(run.passingRows) == [])
    }

    @Test(
        "measure the batch as a whole",
        arguments: [
            (Check.Rule.rowCount(minimum: 5, maximum: 5), true), (.rowCount(minimum: 6, maximum: nil), false),
            (.rowCount(minimum: nil, maximum: 4), false), (.freshness(column: "t", maximumAge: .hours(1)), true),
            (.freshness(column: "t", maximumAge: TimeSpan(microseconds: 3_599_999_999)), false),
        ] as [(Check.Rule, Bool)])
    func whole(rule: Check.Rule, passes: Bool) throws {
        try batch(Self.values)
        let run = try run([Check(name: "it", rule: rule, severity: .error)])
        #expect(run.report.results.map(\.passed) == [passes])
        #expect(run.report.results.map(\.failingRows) == [0])
        #expect(try positions(run.passingRows).count == 5)
    }

    @Test("hold rows back by severity and name every check that failed")
    func severities() throws {
        try batch(Self.values)
        let run = try run([
            Check(name: "warned", rule: .sql(expression: "false"), severity: .warning),
            Check(name: "has_i", rule: .notNull(column: "i"), severity: .error),
            Check(name: "has_s", rule: .notNull(column: "s"), severity: .error),
        ])
        #expect(!run.report.isCritical)
        #expect(run.report.results.map(\.failingRows) == [5, 1, 1])
        #expect(run.report.failingRowCount == 1)
        let rows = try connection.query(run.failingRows)
        #expect(rows.rowCount == 1)
        #expect(rows["_reason"]?[0] == .string("has_i, has_s"))
        #expect(rows["_checked_at"]?[0] == .timestamp(now))
        #expect(try self.run([Check(name: "c", rule: .notNull(column: "i"), severity: .critical)]).report.isCritical)
        #expect(try self.run([]).report.summary == "all 0 checks passed")
    }

    @Test("fail rows whose values were accepted earlier")
    func known() throws {
        try batch(Self.values)
        try connection.execute("CREATE OR REPLACE TABLE silver AS SELECT * FROM (VALUES (1::BIGINT), (NULL)) AS v(i)")
        let run = try run([Check(name: "it", rule: .unique(columns: ["i"]), severity: .error)], known: "silver")
        #expect(try positions(run.failingRows) == [0, 3])
    }

    @Test("lose no row: what passes and what fails is the batch, for random batches")
    func nothingLost() throws {
        let seed = UInt64.random(in: 0...99_999)
        var random = SeededRandom(seed: seed)
        for _ in 0..<5 {
            let modulus = 2 + random.next() % 20
            try batch(
                """
                SELECT CASE WHEN hash(r + \(random.next() % 1_000)) % \(modulus) = 0 THEN NULL
                       ELSE (hash(r) % 50)::BIGINT END AS i,
                (r % 17)::VARCHAR AS s FROM range(\(random.next() % 3_000)) t(r)
                """)
            let run = try run([
                Check(name: "a", rule: .notNull(column: "i"), severity: .error),
                Check(name: "b", rule: .unique(columns: ["i", "s"]), severity: .critical),
                Check(name: "c", rule: .range(column: "i", minimum: 3, maximum: 40), severity: .warning),
                Check(name: "d", rule: .regex(column: "s", pattern: "1?[0-9]"), severity: .error),
            ])
            let (failing, passing) = (try positions(run.failingRows), try positions(run.passingRows))
            #expect((failing + passing).sorted() == Array(0..<run.report.rowCount), "seed \(seed)")
            #expect(failing.count == run.report.failingRowCount, "seed \(seed)")
        }
    }

    @Test(
        "take names and values as they are, whatever characters they hold",
        arguments: ["a\"b", "a'b", "a; DROP TABLE batch --", "a\\b", "é", "a) OR (true", "$1", "a\nb"])
    func quoting(text: String) throws {
        let name = quotedIdentifier(text)
        try batch("SELECT \(quotedLiteral(text)) AS \(name) UNION ALL SELECT 'other'")
        let run = try run([
            Check(name: text, rule: .accepted(column: text, values: [.string(text)]), severity: .error),
            Check(name: "n", rule: .notNull(column: text), severity: .error),
        ])
        let rows = try connection.query(run.failingRows)
        #expect(rows.rowCount == 1)
        #expect(rows["_reason"]?[0] == .string(text))
    }

    @Test(
        "refuse SQL that is more than one expression, and name the check",
        arguments: [
            "true) OR (true", "true FROM batch", "1; DROP TABLE batch", "a, b", "true AS x", "true WHERE true", "", "*",
            "true ORDER BY 1", "true LIMIT 1", "true UNION SELECT false", "i >", "true) --",
        ])
    func expressions(expression: String) throws {
        try batch(Self.values)
        let refused = #expect(throws: MartletError.self) {
            try run([Check(name: "mine", rule: .sql(expression: expression), severity: .error)])
        }
        #expect(refused?.code == .invalidDefinition)
        #expect(refused?.message.contains("mine") == true)
        #expect(try connection.value("SELECT count(*) FROM batch") == .int64(5))
    }

    @Test(
        "name the check that cannot be run",
        arguments: [
            Check.Rule.sql(expression: "nothing > 1"), .notNull(column: "nothing"), .regex(column: "s", pattern: "("),
        ])
    func unrunnable(rule: Check.Rule) throws {
        try batch(Self.values)
        let refused = #expect(throws: MartletError.self) {
            try run([
                Check(name: "fine", rule: .notNull(column: "i"), severity: .error),
                Check(name: "mine", rule: rule, severity: .error),
            ])
        }
        #expect(refused?.message.contains("mine") == true)
    }

    @Test("report as text and as JSON, without a value of any row")
    func rendering() throws {
        try batch("SELECT 'secret-value' AS s, TIMESTAMPTZ '2026-05-01 09:00:00Z' AS t")
        let report = try run([
            Check(name: "short", rule: .regex(column: "s", pattern: "x"), severity: .error),
            Check(name: "fresh_t", rule: .freshness(column: "t", maximumAge: .hours(1)), severity: .warning),
            Check(name: "rows", rule: .rowCount(minimum: 1, maximum: nil), severity: .critical),
        ]).report
        #expect(
            report.text
                == """
                  FAILED  short    error  1 of 1 rows fail
                  FAILED  fresh_t  warning  the newest t is 3h old
                  passed  rows     critical  1 rows
                """.split(separator: "\n").map { "  " + $0.drop { $0 == " " } }.joined(separator: "\n"))
        var json = JSONWriter()
        report.write(to: &json)
        let tree = try JSONValue(parsing: json.text)
        #expect(tree["rows"] == .integer(1))
        #expect(tree["failing_rows"] == .integer(1))
        #expect(tree["checks"]?.array?.map { $0["passed"] } == [.bool(false), .bool(false), .bool(true)])
        #expect(!json.text.contains("secret") && !report.text.contains("secret") && !report.summary.contains("secret"))
    }
}
