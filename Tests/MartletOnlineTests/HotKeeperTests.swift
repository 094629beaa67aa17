import MartletCore
import MartletOnline
import MartletTestSupport
import Testing

@Suite("What keeps the hot tier warm")
struct HotKeeperTests {
    private let now = Timestamp(microseconds: 1_000_000)

    private func read(_ ids: [Int64], _ view: OnlineView, _ tier: HotTier) throws -> [Value] {
        let column = try tier.read(view, keys: [Column(.int64(ids))], at: now).columns[0]
        return ids.indices.map { column[$0] }
    }

    private func waitForWarming(_ keeper: HotKeeper, _ count: Int) throws {
        let isWarm = waitFor { keeper.warmedRecords >= count ? true : nil } ?? false
        try #require(isWarm, "warmed \(keeper.warmedRecords) of \(count)")
    }

    @Test("reads at start what the process before was asked for")
    func start() throws {
        try withStore { store in
            let view = simpleView()
            let folder = TemporaryFolder()
            _ = try load(simpleValues((0..<100).map { ($0, $0 * 2, 5) }), into: view, store)
            let catalog = ServingCatalog(views: [view])
            do {
                let tier = HotTier(over: store)
                let keeper = try HotKeeper(tier, folder: "file:\(folder.path)")
                keeper.start(catalog)
                for _ in 0..<2 { _ = try read([3, 4, 5], view, tier) }
                keeper.stop()
                #expect(keeper.warmedRecords == 0)
            }
            let tier = HotTier(over: store)
            let keeper = try HotKeeper(tier, folder: "file:\(folder.path)")
            keeper.start(catalog)
            try waitForWarming(keeper, 3)
            #expect(try read([3, 4, 5], view, tier) == [.int64(6), .int64(8), .int64(10)])
            #expect(tier.statistics.hits == 3 && tier.statistics.misses == 0)
            keeper.stop()
        }
    }

    @Test("reads the new version of a view after a flip, by the keys of the old one")
    func flip() throws {
        try withStore { store in
            let (old, new) = (simpleView(), simpleView(identity(version: 2)))
            let folder = TemporaryFolder()
            _ = try load(simpleValues((0..<100).map { ($0, $0, 5) }), into: old, store)
            _ = try load(simpleValues((0..<100).map { ($0, $0 + 500, 5) }), into: new, store)
            let tier = HotTier(over: store)
            let keeper = try HotKeeper(tier, folder: "file:\(folder.path)")
            keeper.start(ServingCatalog(views: [old]))
            for _ in 0..<2 { _ = try read([8, 9], old, tier) }
            keeper.changed(to: ServingCatalog(views: [new]))
            try waitForWarming(keeper, 2)
            let before = tier.statistics
            #expect(try read([8, 9], new, tier) == [.int64(508), .int64(509)])
            #expect(tier.statistics.hits == before.hits + 2 && tier.statistics.misses == before.misses)
            keeper.stop()
        }
    }
}
