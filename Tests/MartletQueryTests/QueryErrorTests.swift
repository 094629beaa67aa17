import MartletCore
import MartletQuery
import MartletTestSupport
import Testing

/// What no message may hold.
private let marker = "marker@example.com"
private let markedNumber = "8112233445566778899"

@Suite("The message of a failed query")
struct QueryErrorTests {
    let folder = TemporaryFolder()
    let engine: QueryEngine

    init() throws {
        engine = try QueryEngine(QuerySettings(threads: 2))
        // More rows than a first look at a file reads, so that the fault is met on the way.
        let many = (0..<30_000).map { "\($0),u\($0)\n" }.joined()
        folder.write("id,mail\n\(many)3,\(marker),extra\n", to: "columns.csv")
        folder.write("id,mail\n\(many)\(marker),z\n", to: "type.csv")
        folder.write(Array("id,mail\n1,".utf8) + [0xFF, 0xFE] + Array("\(marker)\n".utf8), to: "bytes.csv")
        folder.write("mail\n\(marker)\n\(marker)\n", to: "one.csv")
        folder.write("{\"id\": 1}\n{\"id\": 2, \"mail\": \"\(marker)\"\n", to: "torn.jsonl")
        folder.write((0..<30_000).map { "{\"id\":\($0)}\n" }.joined() + "{\"id\":\"\(marker)\"}\n", to: "type.jsonl")
        folder.write("PAR1\(marker)\(marker)", to: "torn.parquet")
    }

    private func connection() throws -> QueryConnection {
        let connection = try engine.connect()
        try connection.execute(
            """
            CREATE TEMP TABLE t AS SELECT '\(marker)' AS m, \(markedNumber) AS n;
            CREATE TEMP TABLE u (m VARCHAR PRIMARY KEY);
            INSERT INTO u SELECT m FROM t
            """)
        return connection
    }

    /// SQL, the code, and words of the message.
    static let cases: [(String, MartletError.Code, String)] = [
        (
            "SELECT * FROM read_csv('columns.csv')", .invalidInput,
            "line 30002 of the CSV file has 3 columns instead of 2"
        ),
        (
            "SELECT count(mail) FROM read_csv('columns.csv', all_varchar = true)", .invalidInput,
            "line 30002 of the CSV file has 3 columns instead of 2"
        ),
        (
            "SELECT * FROM read_csv('type.csv')", .typeMismatch,
            "line 30002 of the CSV file has a value that does not fit its column's type"
        ),
        ("SELECT * FROM read_csv('bytes.csv')", .invalidInput, "line 2 of the CSV file is not UTF-8"),
        (
            "SELECT * FROM read_csv('one.csv', columns = {'a': 'VARCHAR', 'b': 'VARCHAR'})", .invalidInput,
            "the CSV file's columns are not recognized"
        ),
        ("SELECT * FROM read_json('torn.jsonl')", .invalidInput, "of the JSON file is no JSON"),
        (
            "SELECT * FROM read_json('type.jsonl')", .typeMismatch,
            "line 30001 of the JSON file has a value that does not fit its column's type"
        ),
        ("SELECT * FROM 'torn.parquet'", .corruptData, "torn.parquet is damaged or incomplete"),
        ("SELECT m::INTEGER FROM t", .typeMismatch, "a value does not fit the type INT32 (column m)"),
        ("SELECT (m || 'x')::INTEGER FROM t", .typeMismatch, "a value does not fit the type INT32"),
        ("SELECT (m || ' to ' || m)::DOUBLE FROM t", .typeMismatch, "a value does not fit the type DOUBLE"),
        ("SELECT (e'\\n\\nLINE 1: ' || m || '\\n ^')::DOUBLE FROM t", .typeMismatch, "the type DOUBLE"),
        ("SELECT ('a when casting from source column ' || m)::BIGINT FROM t", .typeMismatch, "the type INT64"),
        ("SELECT m::INTEGER[] FROM t", .typeMismatch, "a value does not fit the type INTEGER[] (column m)"),
        ("SELECT m::TIMESTAMPTZ FROM t", .typeMismatch, "a text is no timestamp (column m)"),
        ("SELECT m::DATE FROM t", .typeMismatch, "a text is no date (column m)"),
        ("SELECT m::JSON FROM t", .typeMismatch, "a text is no JSON (column m)"),
        ("SELECT m::UUID FROM t", .typeMismatch, "Conversion Error"),
        ("SELECT m::BIT FROM t", .typeMismatch, "Conversion Error"),
        ("SELECT ('\\xQQ' || m)::BLOB FROM t", .typeMismatch, "Conversion Error"),
        ("SELECT n::INTEGER FROM t", .typeMismatch, "a value does not fit the type INT32 (column n)"),
        ("SELECT n::DECIMAL(5, 2) FROM t", .typeMismatch, "a value does not fit the type DECIMAL(5,2) (column n)"),
        ("SELECT to_timestamp(n) FROM t", .typeMismatch, "Conversion Error"),
        ("SELECT n + n FROM t", .invalidInput, "Out of Range Error: overflow in addition of int64"),
        ("SELECT n::HUGEINT * 100000000000000000000000 FROM t", .invalidInput, "overflow in multiplication of int128"),
        ("SELECT strptime(m, '%Y') FROM t", .invalidInput, "a text does not have the given format"),
        ("SELECT regexp_matches(m, m || '[') FROM t", .invalidInput, "Invalid Input Error"),
        ("SELECT error(m) FROM t", .invalidInput, "Invalid Input Error"),
        ("SELECT date_trunc(m, now()) FROM t", .typeMismatch, "Conversion Error"),
        ("SELECT timezone(m, now()) FROM t", .invalidInput, "Not implemented Error"),
        ("SELECT from_base64(m) FROM t", .typeMismatch, "Conversion Error"),
        ("INSERT INTO u SELECT m FROM t", .invalidInput, "a key is there twice"),
        ("SELECT '\(marker)'::INTEGER", .typeMismatch, "the type INT32"),
        ("SELECT nowhere FROM t WHERE m = '\(marker)'", .invalidDefinition, "\"nowhere\""),
        ("SELECT m FROM t WHERE m = ('\(marker)'::NOWHERE)", .invalidDefinition, "NOWHERE"),
        ("SELECT m FROM t WHERE '\(marker)' '\(marker)'", .invalidDefinition, "Parser Error"),
        ("SELECT m FROM t WHERE m = '\(marker)", .invalidDefinition, "Parser Error"),
        ("COPY t TO '/nowhere/mail=\(marker)/x.parquet'", .fileSystem, "/nowhere/mail=…/x.parquet"),
    ]

    @Test("tells the place and the kind, and no value", arguments: cases.indices)
    func withoutValues(index: Int) throws {
        let (text, code, words) = Self.cases[index]
        let sql = text.replacing("read_csv('", with: "read_csv('\(folder.path)/")
            .replacing("read_json('", with: "read_json('\(folder.path)/")
            .replacing("FROM 'torn", with: "FROM '\(folder.path)/torn")
        let connection = try connection()
        let whole = #expect(throws: MartletError.self) { try connection.query(sql) }
        let streamed = #expect(throws: MartletError.self) { try connection.query(sql, batchRows: 100) { _ in } }
        for error in [whole, streamed].compactMap(\.self) {
            #expect(error.code == code)
            #expect(error.message.contains(words), "\(error.message)")
            for part in [marker, String(marker.dropFirst(3)), String(markedNumber.dropFirst(3))] {
                #expect(!error.description.contains(part), "\(error)")
            }
        }
    }

    @Test("has the file and the line as the place, apart from the message")
    func place() throws {
        let file = "\(folder.path)/columns.csv"
        let error = #expect(throws: MartletError.self) {
            try engine.connect().query("SELECT * FROM read_csv(\(quotedLiteral(file)))")
        }
        #expect(error?.place == .init(file: file, line: 30_002))
        #expect(error?.message.contains(folder.path) == false)
    }

    @Test("is Martlet's own where SQL refuses in its words")
    func ownRefusal() throws {
        let error = #expect(throws: MartletError.self) {
            try connection().query("SELECT CASE WHEN n > 0 THEN \(refusalSQL("it's too much")) END FROM t")
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.message == "it's too much")
    }

    @Test("keeps the excerpt of SQL that shows no literal")
    func excerpt() throws {
        let error = #expect(throws: MartletError.self) { try connection().query("SELECT m, nowhere FROM t") }
        #expect(error?.message.contains("LINE 1: SELECT m, nowhere FROM t") == true)
    }
}

/// Fails at its first rows.
private final class Failing: BatchCursor {
    let words: String
    init(_ words: String) { self.words = words }
    func next() throws -> RecordBatch? { throw MartletError(.invalidInput, words) }
}

@Suite("What a source of rows throws")
struct SourceFailureTests {
    private func connection() throws -> QueryConnection {
        let connection = try QueryEngine(QuerySettings(threads: 2)).connect()
        try connection.register(
            "rows", RowSource(schema: Schema([Field("x", .int64)]), rowCount: nil) { Failing("the source broke") })
        return connection
    }

    @Test("ends the query that reads it, whole or streamed, with its own error")
    func own() throws {
        let connection = try connection()
        for _ in 0..<2 {
            let whole = #expect(throws: MartletError.self) { try connection.query("SELECT sum(x) FROM rows") }
            #expect(whole?.message == "the source broke")
            let streamed = #expect(throws: MartletError.self) {
                try connection.query("SELECT x FROM rows", batchRows: 10) { _ in }
            }
            #expect(streamed?.message == "the source broke")
            let bound = #expect(throws: MartletError.self) {
                try connection.query("SELECT sum(x) FROM rows WHERE x > $1", [.int64(0)])
            }
            #expect(bound?.message == "the source broke")
        }
    }

    @Test("is not the reason of a later query's failure")
    func later() throws {
        let connection = try connection()
        #expect(throws: MartletError.self) { try connection.query("SELECT sum(x) FROM rows") }
        let other = #expect(throws: MartletError.self) { try connection.query("SELECT 'a'::INTEGER") }
        #expect(other?.code == .typeMismatch)
        #expect(throws: MartletError.self) { try connection.query("SELECT x FROM rows", batchRows: 10) { _ in } }
        let streamed = #expect(throws: MartletError.self) {
            try connection.query("SELECT 'a'::INTEGER", batchRows: 10) { _ in }
        }
        #expect(streamed?.code == .typeMismatch)
        let statement = #expect(throws: MartletError.self) { try connection.execute("SELECT * FROM nowhere") }
        #expect(statement?.code == .invalidDefinition)
    }
}

@Suite("Dates that are read")
struct DateTests {
    @Test("within microseconds are timestamps", arguments: ["2028-02-29", "1582-10-15", "290000-12-31"])
    func near(date: String) throws {
        let engine = try QueryEngine(QuerySettings(threads: 1))
        let row = try engine.connect().query("SELECT DATE '\(date)' AS d, epoch_us(DATE '\(date)'::TIMESTAMP) AS t")
        guard case .timestamp(let time) = row.columns[0][0], case .int64(let expected) = row.columns[1][0] else {
            Issue.record("a timestamp and a number")
            return
        }
        #expect(time.microseconds == expected)
    }

    @Test("beyond them are refused by the column's name", arguments: ["5000000-01-01", "infinity", "-infinity"])
    func far(date: String) throws {
        let connection = try QueryEngine(QuerySettings(threads: 1)).connect()
        let error = #expect(throws: MartletError.self) { try connection.query("SELECT DATE '\(date)' AS born") }
        #expect(error?.code == .typeMismatch)
        #expect(error?.message.contains("column born") == true)
        // Where there is no date, what lies in its place is none either.
        let absent = try connection.query("SELECT CASE WHEN i > 0 THEN DATE '\(date)' END AS born FROM range(1) r(i)")
        #expect(absent.columns[0][0] == .null)
    }
}
