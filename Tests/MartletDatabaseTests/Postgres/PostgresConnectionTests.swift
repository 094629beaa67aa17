import MartletCore
import MartletDatabase
import ServerTestSupport
import Testing

@Suite("A connection to a real PostgreSQL")
struct PostgresConnectionTests {
    private static let server = Result { try PostgresServer() }

    private func connect() throws -> PostgresConnection { try PostgresConnection(try Self.server.get().url) }

    @Test("values go and come as text, in fixed forms whatever the server prefers")
    func values() throws {
        let connection = try connect()
        let rows = try connection.query(
            "SELECT $1::text, $2::bigint + 1, $3::text, 0.1::float8 + 0.2, '2026-01-02 03:04:05.6+02'::timestamptz",
            ["it's \"quoted\" \\ ü", "41", nil])
        #expect(rows == [["it's \"quoted\" \\ ü", "42", nil, "0.30000000000000004", "2026-01-02 01:04:05.6+00"]])
        #expect(try connection.query("SELECT 1 WHERE false").isEmpty)
        #expect(try connection.query("CREATE TEMPORARY TABLE t (a int)").isEmpty)
    }

    @Test("copied lines come one by one, and the connection goes on after")
    func copies() throws {
        let connection = try connect()
        var lines: [String] = []
        try connection.copyOut("COPY (SELECT i, NULL, E'a\\tb' FROM generate_series(1, 3) i) TO STDOUT") { line in
            lines.append(String(decoding: line, as: UTF8.self))
        }
        #expect(lines == ["1\t\\N\ta\\tb\n", "2\t\\N\ta\\tb\n", "3\t\\N\ta\\tb\n"])
        #expect(try connection.query("SELECT 7") == [["7"]])
    }

    static let refused: [(sql: String, state: String, code: MartletError.Code)] = [
        ("SELECT * FROM hush", "42P01", .notFound),
        ("SELECT 'hush'::int", "22P02", .invalidInput),
        ("SELECT pg_drop_replication_slot('hush')", "42704", .notFound),
        ("SELECT hush(", "42601", .notFound),
    ]

    @Test("a refusal tells its kind and never the words of the statement", arguments: refused.indices)
    func refusals(_ index: Int) throws {
        let (sql, state, code) = Self.refused[index]
        let connection = try connect()
        do {
            try connection.query(sql)
            Issue.record("nothing was refused")
        } catch {
            #expect(error.code == code)
            #expect(error.message.contains(state))
            #expect(!error.description.contains("hush"))
        }
        #expect(try connection.query("SELECT 7") == [["7"]])
    }

    @Test("a server that is not there, a lost connection and a bad URL are told apart")
    func failures() throws {
        let connection = try connect()
        let own = try connection.query("SELECT pg_backend_pid()")[0][0] ?? ""
        let other = try connect()
        try other.query("SELECT pg_terminate_backend($1::int)", [own])
        #expect { try connection.query("SELECT 1") } throws: { ($0 as? MartletError)?.code == .storeUnavailable }
        #expect {
            _ = try PostgresConnection("postgresql://nobody@127.0.0.1:\(freePort())/none", connectSeconds: 2)
        } throws: {
            ($0 as? MartletError)?.code == .storeUnavailable
        }
        #expect { _ = try PostgresConnection("postgresql://u:hush%ZZ@h/d") } throws: { error in
            let failure = error as? MartletError
            return failure?.code == .invalidSettings && failure?.description.contains("hush") == false
        }
    }

    @Test("names and texts are quoted")
    func quoting() {
        #expect(PostgresConnection.quoted(name: "a\"b") == "\"a\"\"b\"")
        #expect(PostgresConnection.quoted(text: "it's") == "'it''s'")
    }
}
