import MartletCore
import MartletQuery
import MartletTestSupport
import Testing

@testable import MartletPlatform

private let definitions =
    clicks + """
        features: numbers
        entity: user
        source: clicks
        windows: [1h, 1d]
        aggregates: {clicks: count}
        ---
        features: lists
        entity: user
        source: clicks
        windows: [1h, 1d]
        aggregates:
          clicks_too: count
          amounts: {function: last_n, n: 10, column: amount}
          frequent: {function: top_k, k: 5, column: user}
          users: {function: histogram, column: user}
        ---
        features: newest
        entity: user
        source: clicks
        latest: {amount_newest: amount}
        ---
        service: all
        features: [numbers, lists, newest]
        ---
        service: plain
        features: [numbers, newest]
        """

@Suite("The memory that a training set is estimated to take")
struct MemoryEstimateTests {
    private func plan(events: Int) throws -> (test: TestRepository, plan: TrainingSetPlan) {
        let test = try TestRepository(definitions)
        let rows = (0..<events).map { "ann,\($0),2026-03-01T09:30:00Z,2026-03-01T09:30:00Z\n" }.joined()
        try test.ingest("clicks", csv: "user,amount,at,seen\n" + rows)
        test.folder.write("user,event_timestamp\nann,2026-03-01T11:00:00Z\n", to: "labels.csv")
        let request = TrainingSetRequest(service: "all", labels: test.path("labels.csv"))
        return (test, try test.workspace.trainingSetPlan(request, test.workspace.engine.connect()))
    }

    @Test("counts lists by n and k, maps by the limit of different values, and neither beyond the rows there are")
    func nested() throws {
        let (_, plan) = try plan(events: 3)
        let lists = plan.members[1]
        // Two windows each: a list of 10 float64, one of 5 texts, and a map of 1,024 texts to int64; the first a count.
        #expect(lists.nestedBytes(eventCount: 1_000_000) == 2 * (4 + 10 * 8 + 4 + 5 * 40 + 4 + 1_024 * 48))
        #expect(lists.nestedBytes(eventCount: 3) == 2 * (4 + 3 * 8 + 4 + 3 * 40 + 4 + 3 * 48))
        #expect(plan.members[0].nestedBytes(eventCount: 1_000_000) == 0)
        let scalars = plan.members[0]
        #expect(
            lists.labelBytes(eventCount: 1_000_000) - scalars.labelBytes(eventCount: 1_000_000)
                == 3 * (9 * 6 + lists.nestedBytes(eventCount: 1_000_000)))
        // A row has them all, as the events of this plan allow.
        #expect(plan.rowBytes > lists.nestedBytes(eventCount: 3))
        #expect(plan.rowBytes < lists.nestedBytes(eventCount: 4) + 400)
    }

    @Test("counts what each thread notes of each entity")
    func threads() throws {
        let (_, plan) = try plan(events: 3)
        let (windows, latest) = (plan.members[0], plan.members[2])
        #expect(latest.entityBytes(threads: 9) - latest.entityBytes(threads: 1) == 8 * 16)
        #expect(windows.entityBytes(threads: 9) - windows.entityBytes(threads: 1) == 8 * 4)
        // Of the member whose events are the widest: `lists`, with windows.
        #expect(plan.wholeBytes(threads: 9) - plan.wholeBytes(threads: 1) == 3 * 8 * 4)
    }

    @Test("sets with long maps are built in parts where the same without them is not, with equal values")
    func parts() throws {
        let (test, _) = try plan(events: 2_000)
        let labels = (0..<300).map { "ann,2026-03-01T10:\($0 % 60 < 10 ? "0" : "")\($0 % 60):00Z\n" }.joined()
        test.folder.write("user,event_timestamp\n" + labels, to: "labels.csv")
        func built(_ service: String) throws -> (isWhole: Bool, rows: RecordBatch?) {
            let request = TrainingSetRequest(service: service, labels: test.path("labels.csv"))
            let connection = try test.workspace.engine.connect()
            let way = try test.workspace.way(
                of: test.workspace.trainingSetPlan(request, connection), 16 << 20, connection, SilentProgress(),
                Cancellation())
            let isWhole = if case .whole = way { true } else { false }
            return (isWhole, try test.workspace.trainingSet(request, memoryBytes: 16 << 20).rows)
        }
        #expect(try built("plain").isWhole)
        let spilled = try built("all")
        #expect(!spilled.isWhole)
        let whole = try test.workspace.trainingSet(
            TrainingSetRequest(service: "all", labels: test.path("labels.csv"))
        ).rows
        #expect(spilled.rows?.schema == whole.schema)
        for (one, other) in zip(spilled.rows?.columns ?? [], whole.columns) {
            #expect(one.rowsThatDiffer(from: other) == [])
        }
    }
}
