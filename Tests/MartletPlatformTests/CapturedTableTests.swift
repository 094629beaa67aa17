import MartletConnectors
import MartletCore
import MartletLog
import MartletQuery
import MartletTestSupport
import ServerTestSupport
import Testing

@testable import MartletPlatform

private func definitions(_ origin: String) -> String {
    """
    entity: user
    key: user
    type: string
    ---
    source: orders
    columns:
      id: {type: int64, nullable: false}
      user: {type: string, nullable: false}
      amount: float64
      paid: bool
      at: {type: timestamp, nullable: false}
    event_time: at
    id: id
    \(origin)
    ---
    features: spending
    entity: user
    source: orders
    latest: [amount]
    """
}

@Suite("Events that connectors bring")
struct CapturedTableTests {
    /// The live orders, one line each.
    private func orders(_ test: TestRepository) throws -> [String] {
        guard let live = try test.workspace.liveRows(of: "orders") else { return [] }
        let rows = try test.workspace.engine.connect().query(
            "SELECT concat_ws(' ', id, \"user\", amount, paid) FROM (\(live.sql)) ORDER BY id")
        return (0..<rows.rowCount).map { rows.columns[0][$0].description }
    }

    @Test("messages of a broker are events, tombstones deletes, and what does not fit is kept once")
    func messages() async throws {
        let test = try TestRepository(definitions(""))
        let intake = try test.workspace.intake
        let sink = LogSink(
            workspace: test.workspace, intake: intake, definitions: try test.workspace.appliedDefinitions())
        var raw = RawMessages(source: "orders", stream: "kafka:orders/0")
        func message(_ text: String) -> RawMessage { RawMessage(.insert, payload: .bytes(Array(text.utf8))) }
        raw.messages = [
            message(#"{"id":1,"user":"ann","amount":5,"at":"2026-03-30"}"#),
            message(#"{"id":2,"user":"bob","amount":7,"paid":true,"at":"2026-03-30"}"#), message("not JSON"),
            RawMessage(.delete, key: Array(#"{"id":1}"#.utf8), payload: .bytes([])),
            RawMessage(.delete, key: Array("1".utf8), payload: .bytes([])),
        ]
        raw.position = SourcePosition(stream: "kafka:orders/0", bytes: [5])
        for _ in 0..<2 {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                sink.append([raw]) { done.resume(with: $0.mapError { $0 as any Error }) }
            }
        }
        _ = try test.workspace.landAll(upTo: intake.log.endOffset)
        #expect(try orders(test) == ["2 bob 7.0 true"])
        #expect(sink.position(of: "kafka:orders/0")?.bytes == [5])
        #expect(try test.workspace.deadLetters().count == 2)
        let reasons = try test.workspace.deadLetters().map(\.reason)
        #expect(reasons.contains("a delete whose key is no object with the source's id"))
    }

    @Test("the rows of a PostgreSQL table are there as they are, after every change")
    func capture() throws {
        let server = try PostgresServer()
        func run(_ sql: String) throws {
            let done = try runProcess(["/usr/bin/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, server.url])
            #expect(done.status == 0, "\(done.errors)")
        }
        try run(
            "CREATE TABLE orders (id bigint PRIMARY KEY, \"user\" text NOT NULL, amount float8, paid bool, "
                + "at timestamptz NOT NULL)")
        try run("CREATE PUBLICATION martlet FOR TABLE orders")
        try run("INSERT INTO orders SELECT n, 'ann', n, n % 2 = 0, '2026-03-30' FROM generate_series(1, 3) AS n")
        let test = try TestRepository(
            definitions(
                "from: {postgres: {url: \"\(server.url)\", table: public.orders, slot: orders, publication: martlet}}"))
        let live = LiveEvents(test.workspace)
        defer { live.stop() }
        func expect(_ expected: [String], _ location: SourceLocation = #_sourceLocation) throws {
            let clock = SystemTimeSource()
            let deadline = clock.monotonicNanoseconds() + 60_000_000_000
            var found: [String] = []
            repeat {
                try live.land(upTo: test.workspace.intake.log.endOffset)
                found = try orders(test)
            } while found != expected && clock.monotonicNanoseconds() < deadline
            #expect(found == expected, "\(live.status?.connectors ?? [])", sourceLocation: location)
        }
        try expect(["1 ann 1.0 false", "2 ann 2.0 true", "3 ann 3.0 false"])
        try run("UPDATE orders SET amount = 20, paid = NULL WHERE id = 2; DELETE FROM orders WHERE id = 3")
        try run("INSERT INTO orders VALUES (4, 'bob', 0.1, true, '2026-03-30 12:00+02')")
        try expect(["1 ann 1.0 false", "2 ann 20.0", "4 bob 0.1 true"])
        try run("UPDATE orders SET id = 5 WHERE id = 4; INSERT INTO orders VALUES (3, 'eve', 9, true, '2026-03-30')")
        try expect(["1 ann 1.0 false", "2 ann 20.0", "3 eve 9.0 true", "5 bob 0.1 true"])
    }
}
