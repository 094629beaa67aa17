import MartletCore
import MartletPlatform
import MartletRegistry
import MartletTestSupport
import Testing

private let definitions =
    clicks + """
        features: recent
        entity: user
        source: clicks
        windows: [7d]
        aggregates: {clicks: count, amount_sum: sum(amount)}
        ---
        features: newest
        entity: user
        source: clicks
        latest: {last_amount: amount}
        """

private let rows = """
    user,amount,at,seen
    ann,1,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z
    bob,2,2026-03-01T10:30:00Z,2026-03-01T10:30:01Z
    ann,4,2026-03-01T11:00:00Z,2026-03-01T11:00:01Z
    cid,8,2026-03-01T11:30:00Z,2026-03-01T11:30:01Z

    """

@Suite("Replays")
struct ReplayTests {
    private let noon = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
    private let views = ["recent", "newest"]

    private func repository() throws -> TestRepository {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        _ = try test.workspace.materialize(views, upTo: noon, principal: test.principal)
        return test
    }

    private func served(_ test: TestRepository) throws -> [String] {
        let answer = try test.workspace.getOnline(
            ["recent:amount_sum_7d", "newest:last_amount"], entities: ["user": ["ann", "bob", "cid"]], at: noon)
        return (0..<3).map { user in answer.columns.map { $0[user].description }.joined(separator: " ") }
    }

    @Test("of everything equal what is served, whichever memory they get", arguments: [nil, 100] as [Int?])
    func everything(memoryBytes: Int?) throws {
        let test = try repository()
        for view in views {
            let report = try test.workspace.replay(
                view, to: noon, into: "again", memoryBytes: memoryBytes, principal: test.principal)
            #expect(report.rowsRead == 4 && report.entities == 3)
            let found = try test.workspace.compareReplay(view, "again")
            #expect(found.equal == 3 && found.different + found.missing + found.added == 0)
            #expect(found.differences.isEmpty)
        }
    }

    @Test("of a window stand beside what is served until they are flipped to, and are flipped back from")
    func flips() throws {
        let test = try repository()
        let before = try served(test)
        #expect(before == ["5.0 4.0", "2.0 2.0", "8.0 8.0"])
        let from = Timestamp(year: 2026, month: 3, day: 1, hour: 10) + .minutes(30)
        for view in views {
            _ = try test.workspace.replay(view, from: from, to: noon, into: "late", principal: test.principal)
        }
        #expect(try served(test) == before)
        let found = try test.workspace.compareReplay("recent", "late")
        #expect(found.equal == 2 && found.different == 1 && found.missing == 0 && found.added == 0)
        #expect(found.differences.map(\.entity) == ["user=ann"])
        #expect(found.differences.first?.cause.hasPrefix("the tables say what is served") == true)

        let mark = try test.workspace.registry.changeMark()
        try test.workspace.flip("recent", to: "late", principal: test.principal)
        #expect(try test.workspace.registry.changeMark() != mark)
        #expect(try served(test) == ["4.0 4.0", "2.0 2.0", "8.0 8.0"])
        #expect(code { try test.workspace.flip("recent", to: "late", principal: test.principal) } == .conflict)
        #expect(code { try replay(test, "late") } == .invalidInput)
        // A load into the flipped records computes all of them.
        let plan = try test.workspace.materializationPlans(["recent"], upTo: noon)
        #expect(plan.map(\.mode) == [.full("what is served are the records of a replay")])
        try test.workspace.rollbackFlip("recent", principal: test.principal)
        #expect(try served(test) == before)
    }

    @Test("that were stopped leave what is served, and are neither compared nor flipped to")
    func stopped() throws {
        let test = try repository()
        let before = try served(test)
        let progress = CancellingProgress(at: "replay recent", afterRows: true)
        #expect(
            code {
                _ = try test.workspace.replay(
                    "recent", to: noon, into: "half", memoryBytes: 100, principal: test.principal, progress: progress,
                    cancellation: progress.cancellation)
            } == .cancelled)
        #expect(try served(test) == before)
        #expect(code { _ = try test.workspace.compareReplay("recent", "half") } == .notFound)
        #expect(code { try test.workspace.flip("recent", to: "half", principal: test.principal) } == .notFound)
        try replay(test, "half")
        #expect(try test.workspace.compareReplay("recent", "half").equal == 3)
    }

    private func replay(_ test: TestRepository, _ build: String) throws {
        _ = try test.workspace.replay("recent", to: noon, into: build, principal: test.principal)
    }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? MartletError)?.code }
    }
}
