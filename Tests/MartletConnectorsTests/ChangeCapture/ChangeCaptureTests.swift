import MartletConnectors
import MartletCore
import MartletDatabase
import MartletTestSupport
import ServerTestSupport
import Testing

/// A table in a real server, its capture into a recording sink, and the comparison of both.
final class CaptureFixture {
    let server: PostgresServer
    let sink = RecordingSink()
    let settings: ChangeCaptureSettings
    private(set) var writer: PostgresConnection
    private var running: RunningConnector?

    init(identity: String = "DEFAULT") throws {
        server = try PostgresServer(settings: ["wal_sender_timeout": "5s"])
        writer = try PostgresConnection(server.url)
        try writer.query(
            "CREATE TABLE rows (id bigint PRIMARY KEY, amount double precision, note text, at timestamptz)")
        try writer.query("ALTER TABLE rows ALTER COLUMN note SET STORAGE EXTERNAL")
        try writer.query("ALTER TABLE rows REPLICA IDENTITY \(identity)")
        try writer.query("CREATE PUBLICATION changes FOR TABLE rows")
        var settings = ChangeCaptureSettings(
            source: "rows", url: server.url, table: "public.rows", slot: "martlet_rows", publication: "changes")
        settings.feedback = TimeSpan(microseconds: 50_000)
        settings.heartbeat = TimeSpan(microseconds: 100_000)
        self.settings = settings
    }

    var messages: [RawMessage] { sink.messages(of: settings.stream) }
    var status: ConnectorStatus? { running?.connector.status }

    func start() {
        var limits = quickRetries
        limits.appendMessages = 1_000
        running = RunningConnector(ChangeCapture(settings, sink: sink, limits: limits, seed: 1))
    }

    func stop() { running = nil }

    func restartServer() throws {
        server.kill()
        try server.start()
        writer = try PostgresConnection(server.url)
    }

    /// The table as the server has it, in the form of `RebuiltTable.lines`.
    func lines() throws -> [String] {
        try writer.query("SET timezone = 'UTC'; SET extra_float_digits = 3; SET datestyle = 'ISO'")
        let columns = try writer.query(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'rows'::regclass AND attnum > 0 AND NOT attisdropped"
        ).compactMap { $0[0] }
        return try writer.query("SELECT \(columns.joined(separator: ", ")) FROM rows").map { row in
            zip(columns, row).sorted { $0.0 < $1.0 }.map { "\($0)=\($1 ?? "null")" }.joined(separator: ",")
        }.sorted()
    }

    /// Waits until the sink has a mark that is written last, and compares.
    func expectEqual(_ comment: String = "") throws -> RebuiltTable {
        let running = try #require(running)
        let mark = "mark \(messages.count)"
        try writer.query("INSERT INTO rows VALUES (-1, 0, $1, now())", [mark])
        try running.wait("the last change") {
            guard case .row(let after?, _)? = messages.last?.payload, after.count >= 3 else { return false }
            return after[2] == .text(Array(mark.utf8)[...])
        }
        let table = RebuiltTable(messages)
        #expect(table.faults.isEmpty, "\(comment) \(table.faults.prefix(3))")
        let wanted = try lines()
        #expect(table.lines.count == wanted.count, "\(comment)")
        #expect(table.lines == wanted, "\(comment)")
        try writer.query("DELETE FROM rows WHERE id = -1")
        return table
    }

    func insert(_ range: ClosedRange<Int>) throws {
        try writer.query(
            """
            INSERT INTO rows SELECT i, i / 7.0, E'a\\tb\\\\c\\n' || i, '2026-01-01T00:00:00.123456Z'::timestamptz
            FROM generate_series(\(range.lowerBound), \(range.upperBound)) i
            """)
    }
}

@Suite("Change data capture from a real PostgreSQL", .serialized)
struct ChangeCaptureTests {
    @Test("the snapshot and what is written meanwhile make the table", arguments: ["DEFAULT", "FULL"])
    func snapshotThenStream(_ identity: String) throws {
        let fixture = try CaptureFixture(identity: identity)
        try fixture.insert(1...5_000)
        try fixture.writer.query("UPDATE rows SET amount = NULL, note = NULL WHERE id % 10 = 0")
        fixture.start()
        // Beside the snapshot.
        for round in 0..<50 {
            try fixture.insert((40_000 + round * 10)...(40_009 + round * 10))
            try fixture.writer.query("UPDATE rows SET amount = amount + 1 WHERE id % 100 = \(round)")
            try fixture.writer.query("DELETE FROM rows WHERE id % 1000 = \(round)")
        }
        _ = try fixture.expectEqual("snapshot")
        // Large values that a change does not touch are not sent.
        try fixture.writer.query("UPDATE rows SET note = repeat('x', 100000) || id WHERE id IN (77, 78)")
        try fixture.writer.query("UPDATE rows SET amount = 5 WHERE id IN (77, 78)")
        try fixture.writer.query("UPDATE rows SET id = 100077 WHERE id = 77")
        try fixture.writer.query("UPDATE rows SET id = id + 200000 WHERE id BETWEEN 200 AND 300")
        let toasted = try fixture.expectEqual("large values and keys")
        #expect(toasted.lines.contains { $0.contains("id=100077,") && $0.utf8.count > 100_000 })
        try fixture.writer.query("ALTER TABLE rows ADD COLUMN colour text DEFAULT 'blue'")
        try fixture.writer.query("UPDATE rows SET colour = 'red'")
        let altered = try fixture.expectEqual("another column")
        #expect(altered.versions == [1, 2])
        try fixture.writer.query("TRUNCATE rows")
        try fixture.insert(500_000...500_100)
        _ = try fixture.expectEqual("truncate")
        #expect(fixture.status?.snapshots == 1)
        #expect(fixture.status?.reconnects == 0)
        fixture.stop()
    }

    @Test("a transaction larger than the limits comes in parts, once, though the sink fails in between")
    func largeTransaction() throws {
        let fixture = try CaptureFixture()
        fixture.start()
        _ = try fixture.expectEqual("empty")
        fixture.sink.beBusy(every: 7)
        fixture.sink.fail(5, every: 3)
        try fixture.insert(1...20_000)
        _ = try fixture.expectEqual("in parts")
        #expect(fixture.status?.reconnects == 5)
        fixture.stop()
    }

    @Test("nothing is lost or twice when either side is killed at random moments", arguments: [UInt64(20_261_128)])
    func kills(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fixture = try CaptureFixture()
        try fixture.insert(1...5_000)
        fixture.start()
        for round in 0..<12 {
            for step in 0..<(5 + Int(random.next() % 20)) {
                let id = 10_000 + round * 1_000 + step * 10
                try fixture.insert(id...(id + 9))
                try fixture.writer.query("UPDATE rows SET amount = \(step) WHERE id % 50 = \(random.next() % 50)")
                try fixture.writer.query("DELETE FROM rows WHERE id % 500 = \(random.next() % 500)")
            }
            switch random.next() % 3 {
            case 0: try fixture.restartServer()
            case 1:
                fixture.stop()
                fixture.start()
            default:
                try fixture.writer.query(
                    "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL")
            }
        }
        _ = try fixture.expectEqual("seed \(seed)")
        fixture.stop()
    }

    @Test("an idle table lets the server forget its log, and the slot is reported")
    func idle() throws {
        let fixture = try CaptureFixture()
        fixture.start()
        _ = try fixture.expectEqual()
        try fixture.writer.query("CREATE TABLE others AS SELECT i FROM generate_series(1, 100000) i")
        let place = try fixture.writer.query("SELECT pg_current_wal_lsn()")[0][0] ?? ""
        let confirmed = waitFor(seconds: 30) { () -> Bool? in
            let rows = try? fixture.writer.query(
                "SELECT confirmed_flush_lsn >= $1::pg_lsn FROM pg_replication_slots", [place])
            return rows?.first?[0] == "t" ? true : nil
        }
        #expect(confirmed == true)
        let slot = waitFor(seconds: 30) { fixture.status?.slotState }
        #expect(slot == "reserved")
        #expect(fixture.status?.lags.first?.bytes != nil)
        fixture.stop()
    }

    @Test("a slot that is gone means the whole table again, without rows that went meanwhile")
    func lostSlot() throws {
        let fixture = try CaptureFixture()
        try fixture.insert(1...100)
        fixture.start()
        _ = try fixture.expectEqual()
        fixture.stop()
        let dropped = waitFor(seconds: 30) { () -> Bool? in
            (try? fixture.writer.query("SELECT pg_drop_replication_slot('martlet_rows')")) == nil ? nil : true
        }
        #expect(dropped == true)
        try fixture.writer.query("DELETE FROM rows WHERE id < 50")
        fixture.start()
        _ = try fixture.expectEqual("again")
        #expect(fixture.status?.snapshots == 1)
        fixture.stop()
    }

    @Test("a password is in no error and no status")
    func secrets() throws {
        let server = try PostgresServer()
        let url = "postgresql://nobody:hush-hush@127.0.0.1:\(server.port)/postgres"
        let settings = ChangeCaptureSettings(
            source: "rows", url: url, table: "rows", slot: "s", publication: "p")
        let running = RunningConnector(ChangeCapture(settings, sink: RecordingSink(), limits: quickRetries, seed: 1))
        try running.wait("a refusal") { running.connector.status.lastError != nil }
        #expect(running.connector.status.lastError?.contains("hush") == false)
        running.finish()
        #expect(throws: MartletError.self) { try PostgresConnection("postgresql://u:hush%@h/d") }
        do { _ = try PostgresConnection("postgresql://u:hush%ZZ@h/d") } catch {
            #expect(!error.description.contains("hush"))
        }
    }
}
