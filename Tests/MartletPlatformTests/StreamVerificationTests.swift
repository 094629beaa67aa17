import MartletCore
import MartletOnline
import MartletPlatform
import Testing

@Suite("What follows the log, compared with the log")
struct StreamVerificationTests {
    @Test(
        "is equal in every aggregator, after late, early, repeated, changed and deleted events",
        arguments: [false, true])
    func equal(changes: Bool) async throws {
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        print("seed \(seed), with updates and deletes: \(changes)")
        let work = try StreamWorkload(seed: seed)
        for round in 0..<5 {
            let live = LiveEvents(work.workspace)
            for _ in 0..<3 {
                let report = try await work.push(work.lines(120, changes: changes), to: live)
                try await live.counted(upTo: report.endOffset)
                work.clock.advance(by: .minutes(7))
            }
            if round == 2 { try live.land(upTo: .max) }
            live.stop()
            // What comes now is in the log alone, and no view has counted it yet.
            try await work.push(
                work.lines(60, changes: changes), to: LiveEvents(work.workspace, isRunning: false))
            let report = try work.workspace.verifyStreams(samples: 400, seed: seed)
            #expect(report.views.map(\.name) == ["activity", "kinds", "newest"])
            #expect(report.views.allSatisfy { $0.events > 0 && $0.values >= $0.entities * 10 })
            #expect(report.differences.map(\.description) == [], "seed \(seed), round \(round)")
            #expect(report.isEqual && !report.isLive)
        }
        #expect(work.sent.duplicates > 0 && (work.sent.deletes > 0) == changes)
    }

    @Test("differs where a record is not what its events make")
    func corrupted() async throws {
        let work = try StreamWorkload(seed: 7)
        let live = LiveEvents(work.workspace)
        let report = try await work.push(work.lines(500, changes: false), to: live)
        try await live.counted(upTo: report.endOffset)
        live.stop()
        #expect(try work.workspace.verifyStreams(samples: 1_000).isEqual)

        // The tiles of one card under the name of another, with a checksum that holds.
        let store = try work.workspace.onlineStore()
        let view = try #require(try work.workspace.servingCatalog().views["activity"])
        let handle = try store.handle(for: view.identity)
        let (from, to) = (
            try EntityKeys([Column(.int64([3]))], keys: view.keys),
            try EntityKeys([Column(.int64([5]))], keys: view.keys)
        )
        var record: [UInt8] = []
        var table = RecordTable()
        try store.read([RecordLookup(view: handle, keyIndex: 0)], keys: [from], into: &table) { table in
            record = Array(try #require(table.record(lookup: 0, key: 0)))
        }
        _ = try store.write(RecordChunk(records: [record]), keys: to, order: [0], to: handle, cursor: nil)

        let found = try work.workspace.verifyStreams(["activity"], samples: 1_000)
        #expect(!found.isEqual)
        #expect(found.differences.allSatisfy { $0.entity == "card=5" && $0.cause.contains("its record counts those") })
        #expect(try work.workspace.verifyStreams(["newest"], samples: 1_000).isEqual)
    }

    @Test("is refused for views that do not follow the log")
    func refused() throws {
        let test = try TestRepository(
            clicks + "features: spending\nentity: user\nsource: clicks\nlatest: {last: amount}\n")
        let error = #expect(throws: MartletError.self) { _ = try test.workspace.verifyStreams() }
        #expect(error?.code == .notFound)
    }
}

extension Mismatch {
    fileprivate var description: String { "\(feature) of \(entity) at \(time): \(online), \(offline); \(cause)" }
}
