import MartletCore
import MartletPlatform
import MartletTestSupport
import Testing

private let definitions =
    clicks + """
        features: recent
        entity: user
        source: clicks
        windows: [7d]
        aggregates: {clicks: count}
        ---
        features: context
        entity: user
        source: clicks
        reads:
          - {view: recent, features: [clicks_7d]}
        windows: [7d]
        aggregates:
          most: max(recent__clicks_7d)
        """

private let rows = """
    user,amount,at,seen
    ann,1,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z
    bob,2,2026-03-01T10:30:00Z,2026-03-01T10:30:01Z
    bob,2,2026-03-01T10:40:00Z,2026-03-01T10:40:01Z
    cid,4,2026-03-01T10:40:00Z,2026-03-01T13:00:00Z

    """

@Suite("Loading views that read others again")
struct ReadingLoadTests {
    private func hour(_ hour: Int) -> Timestamp { Timestamp(year: 2026, month: 3, day: 1, hour: hour) }

    @Test("computes only the entities with new rows, unless an event came that older rows should know")
    func changes() throws {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        func load(_ at: Int) throws -> MaterializationReport? {
            try test.workspace.materialize(["context"], upTo: hour(at), principal: test.principal).first
        }
        func served(_ at: Int) throws -> [String] {
            try test.workspace.getOnline(
                ["context:most_7d"], entities: ["user": ["ann", "bob", "cid", "eve"]], at: hour(at)
            ).columns.flatMap { column in (0..<4).map { column[$0].description } }
        }
        #expect(try load(12)?.plan.mode == .full("the view was not loaded before in this version"))
        #expect(try served(12) == ["0", "1", "null", "null"])
        try test.ingest(
            "clicks", csv: "user,amount,at,seen\neve,1,2026-03-01T12:00:00Z,2026-03-01T12:00:01Z\n", name: "new.csv")
        let second = try load(14)
        #expect(second?.plan.mode == .changed(since: hour(12)) && second?.entities == 2)
        #expect(try served(14) == ["0", "1", "0", "0"])
        // Two rows of the same user arrived after this one says that it did.
        try test.ingest(
            "clicks", csv: "user,amount,at,seen\nbob,1,2026-03-01T09:00:00Z,2026-03-01T09:00:01Z\n", name: "late.csv")
        let third = try load(15)
        #expect(third?.plan.mode == .full("what it reads of recent came later than rows that should know it"))
        #expect(try served(15) == ["0", "2", "0", "0"])
        #expect(try test.workspace.verify(["context"], entities: 10, times: 3).isEqual)
    }
}
