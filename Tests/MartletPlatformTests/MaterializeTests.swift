import MartletCore
import MartletPlatform
import MartletQuery
import MartletRegistry
import MartletTestSupport
import Testing

private let definitions =
    clicks + """
        features: recent
        entity: user
        source: clicks
        windows: [1h, 7d]
        aggregates:
          clicks: count
          amount_sum: {function: sum, column: amount}
        ---
        features: newest
        entity: user
        source: clicks
        latest: {last_amount: amount}
        ---
        features: by_query
        entity: user
        source: clicks
        sql: rows.sql
        windows: [7d]
        aggregates:
          clicks: count
        """

private let rows = """
    user,amount,at,seen
    ann,1,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z
    bob,2,2026-03-01T10:30:00Z,2026-03-01T10:30:01Z
    cid,4,2026-03-01T10:40:00Z,2026-03-01T13:00:00Z
    dan,8,2026-03-01T10:50:00Z,2026-03-01T10:50:01Z

    """

/// One that is late, and one that is new.
private let more = """
    user,amount,at,seen
    bob,16,2026-03-01T09:00:00Z,2026-03-01T12:30:00Z
    eve,32,2026-03-01T12:00:00Z,2026-03-01T12:00:01Z

    """

@Suite("Loading again")
struct MaterializeTests {
    private let first = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
    private let second = Timestamp(year: 2026, month: 3, day: 1, hour: 14)

    private func repository() throws -> TestRepository {
        let test = try TestRepository(definitions, files: ["rows.sql": "SELECT * FROM clicks"])
        try test.ingest("clicks", csv: rows)
        return test
    }

    /// What is served of every user at the second moment.
    private func served(_ test: TestRepository) throws -> [String] {
        let answer = try test.workspace.getOnline(
            ["recent:clicks_7d", "recent:amount_sum_7d", "newest:last_amount"],
            entities: ["user": ["ann", "bob", "cid", "dan", "eve"]], at: second)
        return (0..<5).map { user in answer.columns.map { $0[user].description }.joined(separator: " ") }
    }

    @Test("writes only what changed: late rows, new rows, and rows that had not arrived")
    func changes() throws {
        let test = try repository()
        let load = { upTo in
            try test.workspace.materialize(["recent", "newest"], upTo: upTo, principal: test.principal)
        }
        let full = try load(first)
        #expect(full.map(\.plan.mode) == [.full("the view was not loaded before in this version")].repeated(2))
        // The third user's click arrives later.
        #expect(full.map(\.entities) == [3, 3])
        try test.ingest("clicks", csv: more, name: "more.csv")

        let plans = try test.workspace.materializationPlans(["recent", "newest"], upTo: second)
        #expect(plans.map(\.mode) == [.changed(since: first), .changed(since: first)])
        #expect(plans.map(\.changedRows) == [3, 3] && plans.map(\.entities) == [3, 3])
        #expect(plans.allSatisfy { $0.rowsToScan == 6 && $0.bytesToScan > 0 && $0.seconds != nil })

        let again = try load(second)
        #expect(again.map(\.plan.mode) == plans.map(\.mode))
        #expect(again.map(\.entities) == [3, 3] && again.map(\.written) == [3, 2])
        #expect(try served(test) == ["1 1.0 1.0", "2 18.0 2.0", "1 4.0 4.0", "1 8.0 8.0", "1 32.0 32.0"])
        let report = try test.workspace.verify(["recent", "newest"], entities: 10, times: 3)
        #expect(report.isEqual, "\(report.mismatches)")

        let nothing = try load(TestRepository.now)
        #expect(nothing.map(\.entities) == [0, 0] && nothing.map(\.plan.changedRows) == [0, 0])
        let whole = try test.workspace.materialize(
            ["recent"], upTo: TestRepository.now, isFull: true, principal: test.principal)
        #expect(whole[0].plan.mode == .full("it was asked for") && whole[0].entities == 5)
    }

    @Test("is full where what changed cannot be told, and says why")
    func reasons() throws {
        let test = try repository()
        func mode(_ view: String) throws -> MaterializationPlan.Mode? {
            try test.workspace.materializationPlans([view], upTo: second).first?.mode
        }
        _ = try test.workspace.materialize(upTo: first, principal: test.principal)
        #expect(try mode("recent") == .changed(since: first))
        #expect(try mode("by_query") == .full("its rows come from a query"))
        _ = try test.workspace.materialize(["newest"], upTo: TestRepository.now, principal: test.principal)
        #expect(try mode("newest") == .full("the last load was of a later time"))
        let parts = definitions.split(separator: "[1h, 7d]", maxSplits: 1)
        try test.apply(parts.joined(separator: "[1h, 8d]"))
        #expect(try mode("recent") == .full("the view was not loaded before in this version"))
    }

    @Test("cancelled, ends with nothing recorded as loaded, and the next load makes it whole")
    func cancelled() throws {
        let test = try repository()
        let cancellation = Cancellation()
        cancellation.cancel()
        let error = #expect(throws: MartletError.self) {
            try test.workspace.materialize(
                ["recent", "newest"], upTo: second, principal: test.principal, cancellation: cancellation)
        }
        #expect(error?.code == .cancelled)
        #expect(try test.workspace.registry.materializations(state: .finished).isEmpty)
        _ = try test.workspace.materialize(["recent", "newest"], upTo: second, principal: test.principal)
        #expect(try served(test) == ["1 1.0 1.0", "1 2.0 2.0", "1 4.0 4.0", "1 8.0 8.0", "0 0.0 null"])
    }

    @Test("in many parts serves the same as in one")
    func parts() throws {
        let small = try repository()
        try small.ingest("clicks", csv: more, name: "more.csv")
        let whole = try repository()
        try whole.ingest("clicks", csv: more, name: "more.csv")
        for (test, memoryBytes) in [(small, 1_000), (whole, 1_000_000)] {
            _ = try test.workspace.materialize(
                ["recent", "newest"], upTo: second, memoryBytes: memoryBytes, principal: test.principal)
        }
        #expect(
            try small.workspace.materializationPlans(
                ["recent"], upTo: second, isFull: true, memoryBytes: 1_000)[0].parts == 2)
        #expect(try served(small) == served(whole))
        #expect(try small.rows("gold.recent", "user, clicks_7d") == whole.rows("gold.recent", "user, clicks_7d"))
    }
}

extension Array {
    fileprivate func repeated(_ count: Int) -> [Element] { (0..<count).flatMap { _ in self } }
}
