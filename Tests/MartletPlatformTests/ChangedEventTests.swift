import MartletCore
import MartletPlatform
import MartletTestSupport
import Testing

private let orders = """
    entity: user
    key: user
    type: string
    ---
    source: orders
    columns:
      id: {type: int64, nullable: false}
      user: {type: string, nullable: false}
      amount: {type: float64, nullable: false}
      at: {type: timestamp, nullable: false}
    event_time: at
    id: id
    ---
    checks: orders_quality
    source: orders
    rules:
      - unique: id
        severity: critical
      - range: {column: amount, min: 0}
    ---
    features: spending
    entity: user
    source: orders
    windows: [7d]
    aggregates: {orders: count, amount_sum: sum(amount)}
    """

@Suite("Updates and deletes")
struct ChangedEventTests {
    private let day = "2026-03-30T00:00:00Z"

    private func order(_ id: Int, _ user: String, _ amount: Double, _ operation: String? = nil) -> String {
        let member = operation.map { "\"_op\":\"\($0)\"," } ?? ""
        return "{\(member)\"id\":\(id),\"user\":\"\(user)\",\"amount\":\(amount),\"at\":\"\(day)\"}\n"
    }

    private func push(_ test: TestRepository, _ lines: String) async throws -> PushReport {
        let live = LiveEvents(test.workspace, isRunning: false)
        let pending = try Array(lines.utf8).withUnsafeBytes {
            try live.openDoor().push($0, isPadded: false, as: .jsonLines, to: "orders", key: nil)
        }
        let report = try await pending.finish()
        try live.land(upTo: report.endOffset)
        return report
    }

    private func sums(_ test: TestRepository) throws -> [Value] {
        let found = try ["ann", "bob"].map { user in
            try test.workspace.explain("spending:amount_sum_7d", entity: ["user": user]).value
        }
        return found
    }

    @Test("take back the event with their id, in one landing or over several", arguments: [false, true])
    func changes(together: Bool) async throws {
        let test = try TestRepository(orders)
        var pushes = [
            order(1, "ann", 10) + order(2, "ann", 5) + order(3, "bob", 7), order(1, "ann", 12, "update"),
            order(2, "bob", 5, "update") + order(1, "ann", 99), "{\"_op\":\"delete\",\"id\":3}\n",
            order(4, "bob", -1, "update") + order(2, "bob", -3, "update"),
        ]
        if together { pushes = [pushes.joined()] }
        for lines in pushes { _ = try await push(test, lines) }
        // 1 is 12 now, 2 is bob's, 3 is gone; 4 never fitted, and what does not pass its checks takes nothing back.
        #expect(try sums(test) == [.float64(12), .float64(5)])
        #expect(try test.rows("bronze.orders", "id, _operation").count == 8)
        #expect(
            try test.rows("quarantine.orders", "id, amount, _reason")
                == ["2 -3.0 range_amount", "4 -1.0 range_amount"])
    }

    @Test("an event that is inserted and deleted never was, whatever is repeated")
    func neverWas() async throws {
        let (test, other) = (try TestRepository(orders), try TestRepository(orders))
        let kept = order(1, "ann", 10) + order(3, "bob", 7)
        _ = try await push(test, kept + order(2, "ann", 5))
        for _ in 0..<2 { _ = try await push(test, "{\"_op\":\"delete\",\"id\":2}\n") }
        let again = try await push(test, order(2, "ann", 5))
        #expect(again.accepted == 0 && again.duplicates == 1, "an id is used once")
        _ = try await push(other, kept)
        #expect(try sums(test) == sums(other))
        let removed = try test.rows("removed.orders", "_position, _removed_by")
        #expect(removed == ["2 3"])
    }
}
