import MartletCore
import MartletPlatform
import MartletTestSupport
import Testing

private let definitions =
    clicks + """
        features: recent
        entity: user
        source: clicks
        windows: [1h, 7d]
        aggregates: {clicks: count, amount_sum: sum(amount)}
        ---
        features: newest
        entity: user
        source: clicks
        latest: {last_amount: amount}
        """

/// Clicks of 40 users at the first moment; and later ones of every other user, half of them late.
@Suite("A load that is interrupted")
struct InterruptedLoadTests {
    private let first = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
    private let second = Timestamp(year: 2026, month: 3, day: 1, hour: 14)
    private let users = (10..<50).map { "u\($0)" }

    private func repository() throws -> TestRepository {
        let test = try TestRepository(definitions)
        let rows = users.enumerated().map { "\($1),\($0),2026-03-01T10:\(10 + $0):00Z,2026-03-01T11:00:00Z" }
        try test.ingest("clicks", csv: "user,amount,at,seen\n" + rows.joined(separator: "\n") + "\n")
        return test
    }

    private func ingestMore(_ test: TestRepository) throws {
        let rows = stride(from: 0, to: users.count, by: 2).map { user in
            "\(users[user]),\(1000 + user),2026-03-01T\(user % 4 == 0 ? "09" : "12"):30:00Z,2026-03-01T12:40:00Z"
        }
        try test.ingest("clicks", csv: "user,amount,at,seen\n" + rows.joined(separator: "\n") + "\n", name: "more.csv")
    }

    /// A limit of memory that makes a load of the view take so many parts.
    private func memory(for parts: Int, _ view: String, upTo: Timestamp, _ test: TestRepository) throws -> Int {
        var bytes = 1_000_000
        while bytes > 100 {
            let plans = try test.workspace.materializationPlans([view], upTo: upTo, memoryBytes: bytes)
            if plans[0].parts == parts { return bytes }
            bytes = bytes * 9 / 10
        }
        throw MartletError(.internalFault, "no limit makes \(parts) parts")
    }

    private func interrupt(_ view: String, upTo: Timestamp, parts: Int, _ test: TestRepository) throws {
        let memoryBytes = try memory(for: parts, view, upTo: upTo, test)
        // The first part is in the store by then.
        let progress = CancellingProgress(at: "features of \(view)")
        let error = #expect(throws: MartletError.self) {
            try test.workspace.materialize(
                [view], upTo: upTo, memoryBytes: memoryBytes, principal: test.principal, progress: progress,
                cancellation: progress.cancellation)
        }
        #expect(error?.code == .cancelled)
    }

    private func load(_ view: String, upTo: Timestamp, parts: Int = 1, _ test: TestRepository) throws
        -> MaterializationReport
    {
        try test.workspace.materialize(
            [view], upTo: upTo, memoryBytes: memory(for: parts, view, upTo: upTo, test), principal: test.principal)[0]
    }

    private func served(_ view: String, _ test: TestRepository) throws -> [String] {
        let features = ["recent": ["clicks_1h", "clicks_7d", "amount_sum_7d"], "newest": ["last_amount"]][view] ?? []
        let answer = try test.workspace.getOnline(
            features.map { "\(view):\($0)" }, entities: ["user": users], at: second)
        return users.indices.map { user in answer.columns.map { $0[user].description }.joined(separator: " ") }
    }

    @Test(
        "and repeated, cut otherwise or alike, has every entity once, online and in gold",
        arguments: ["recent", "newest"], [2, 3])
    func otherParts(view: String, parts: Int) throws {
        let (test, whole) = (try repository(), try repository())
        try interrupt(view, upTo: second, parts: 2, test)
        #expect(try test.workspace.tableSummaries().allSatisfy { $0.name != "gold.\(view)" })

        let report = try load(view, upTo: second, parts: parts, test)
        #expect(report.entities == 40 && report.plan.parts == parts)
        // Only where the cut is the same it can go on.
        #expect((report.resumed > 0) == (parts == 2))
        _ = try load(view, upTo: second, whole)
        #expect(try served(view, test) == served(view, whole))
        #expect(try served(view, test).allSatisfy { !$0.contains("null") && !$0.hasPrefix("0 0") })
        let gold = try test.rows("gold.\(view)", "user, _as_of")
        #expect(gold == users.map { "\($0) 2026-03-01 14:00:00+00" })
        #expect(try test.workspace.tableHistory("gold.\(view)").count == 1)

        for isFull in [false, true] {
            let again = try test.workspace.materialize(
                [view], upTo: second, isFull: isFull, principal: test.principal)[0]
            #expect(again.written == 0, "full \(isFull)")
        }
        #expect(try test.rows("gold.\(view)", "user, _as_of") == gold)
        #expect(try test.workspace.tableHistory("gold.\(view)").count == 1)
    }

    @Test("while it loads what changed goes on from the load before it", arguments: ["recent", "newest"], [2, 3])
    func incremental(view: String, parts: Int) throws {
        let (test, whole) = (try repository(), try repository())
        _ = try load(view, upTo: first, test)
        for repository in [test, whole] { try ingestMore(repository) }
        try interrupt(view, upTo: second, parts: 2, test)

        let report = try load(view, upTo: second, parts: parts, test)
        #expect(report.plan.mode == .changed(since: first))
        #expect(report.entities == 20)
        #expect((report.resumed > 0) == (parts == 2))
        _ = try load(view, upTo: second, whole)
        #expect(try served(view, test) == served(view, whole))
        let check = try test.workspace.verify([view], entities: 50, times: 3)
        #expect(check.isEqual, "\(check.mismatches)")
        #expect(try test.rows("gold.\(view)", "user").count == 60)
        #expect(try test.workspace.tableHistory("gold.\(view)").count == 2)
    }

    @Test("while it loads what changed is taken up by a load of a later time, and not by one of an earlier")
    func otherTimes() throws {
        let (test, whole) = (try repository(), try repository())
        _ = try load("recent", upTo: first, test)
        for repository in [test, whole] { try ingestMore(repository) }
        try interrupt("recent", upTo: second, parts: 2, test)
        let earlier = try test.workspace.materializationPlans(["recent"], upTo: second - .hours(1))[0]
        #expect(earlier.mode == .full("a load of a later time stopped in its midst"))

        let later = second + .hours(1)
        let report = try load("recent", upTo: later, test)
        #expect(report.plan.mode == .changed(since: first))
        _ = try load("recent", upTo: later, whole)
        let values = { (test: TestRepository) in
            try test.workspace.getOnline(
                ["recent:clicks_7d", "recent:amount_sum_7d"], entities: ["user": users], at: later
            ).columns.map { column in (0..<column.count).map { column[$0].description } }
        }
        #expect(try values(test) == values(whole))
    }
}
