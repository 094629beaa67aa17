import MartletCore
import MartletDefinitions
import MartletOnline
import MartletPlatform
import MartletTestSupport
import Synchronization

/// A workspace whose views follow the log, with a clock that the test sets and events drawn from a seed: late ones,
/// such as have not happened yet, duplicates, updates that move an event to another entity, and deletes.
final class StreamWorkload {
    final class Clock: TimeSource {
        private let instant = Mutex(Timestamp(year: 2026, month: 4, day: 1))
        func now() -> Timestamp { instant.withLock { $0 } }
        func monotonicNanoseconds() -> UInt64 { SystemTimeSource().monotonicNanoseconds() }
        func advance(by span: TimeSpan) { instant.withLock { $0 = $0 + span } }
    }

    static let views = """
        entity: card
        key: card
        type: int64
        ---
        source: trades
        columns:
          id: {type: int64, nullable: false}
          card: {type: int64, nullable: false}
          amount: float64
          shop: string
          paid: timestamp
          at: {type: timestamp, nullable: false}
        event_time: at
        id: id
        ---
        checks: trades_quality
        source: trades
        rules:
          - range: {column: amount, max: 990}
        ---
        features: activity
        entity: card
        source: trades
        stream: true
        windows: [1h, 1d, 30d]
        aggregates:
          trades: count
          priced: count(amount)
          total: sum(amount)
          average: mean(amount)
          spread: variance(amount)
          deviation: stddev(amount)
          skew: skewness(amount)
          least: min(amount)
          most: max(amount)
          opening: first(amount)
          closing: last(shop)
          openers: {function: first_n, column: shop, n: 3}
          closers: {function: last_n, column: amount, n: 3}
          shops: distinct(shop)
          about: approx_distinct(amount)
          middle: median(amount)
          high: {function: quantile, column: amount, q: 0.95}
          usual: {function: top_k, column: shop, k: 2}
          by_shop: histogram(shop)
          spent_by_shop: {function: sum, column: amount, by: shop}
          fading: {function: decayed_sum, column: amount, half_life: 7d}
          fading_mean: {function: decayed_mean, column: amount, half_life: 1h}
          since_paid: days_since(paid)
          since: time_since_last
          runs: {function: session_count, gap: 30m}
          share: {function: ratio, of: total, to: trades}
        ---
        features: kinds
        entity: card
        source: trades
        stream: true
        where: shop <> 'd'
        windows: [1d]
        aggregates:
          whole: {function: sum, column: amount, tumbling: true}
          before: {function: sum, column: amount, lag: 1h}
          basket: {function: sum, column: amount, session: 20m}
          recent: {function: sum, column: amount, last: 3}
          good: {function: sum, column: amount, where: "shop = 'a'", windows: [1d]}
          exactly: {function: count, windows: [1d], exact: true}
        ---
        features: newest
        entity: card
        source: trades
        stream: true
        ttl: 20d
        latest: {last_amount: amount, last_shop: shop}
        ---
        features: sums
        entity: card
        source: trades
        stream: true
        windows: [1h, 30d]
        aggregates:
          trades: count
          total: sum(amount)
          spread: variance(amount)
          least: min(amount)
          most: max(amount)
          shops: distinct(shop)
          about: approx_distinct(amount)
          middle: median(amount)
          usual: {function: top_k, column: shop, k: 2}
          spent_by_shop: {function: sum, column: amount, by: shop}
          fading: {function: decayed_sum, column: amount, half_life: 7d}
        ---
        service: cards
        features: [activity, newest]
        """

    let folder = TemporaryFolder()
    let clock = Clock()
    let workspace: Workspace
    private var random: SeededRandom
    private var nextID: Int64 = 0
    private var isDeleted: Set<Int64> = []
    private(set) var sent = (inserts: 0, duplicates: 0, updates: 0, deletes: 0)
    static let cards: Int64 = 40

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        folder.write("workspace: test\n", to: "martlet.yaml")
        folder.write(Self.views, to: "definitions.yaml")
        workspace = try Workspace(directory: folder.path, time: clock)
        try workspace.apply(
            workspace.plan(), principal: Principal(tenant: workspace.settings.tenant, name: "test"))
    }

    private func below(_ limit: Int64) -> Int64 { Int64(random.next() % UInt64(limit)) }

    /// An event: mostly of the last hours, sometimes weeks old, sometimes of the next half hour.
    func event(_ id: Int64, _ operation: String) -> String {
        let age: Int64 =
            switch below(10) {
            case 0: -below(1_800_000_000)
            case 1, 2: below(40 * 86_400_000_000)
            case 3: below(40) * 86_400_000_000
            default: below(10_800_000_000)
            }
        let at = clock.now() - TimeSpan(microseconds: age)
        let amount = below(12) == 0 ? "null" : (Double(below(2_000_000)) / 1_999).description
        let shop = below(12) == 0 ? "null" : "\"\(["a", "b", "c", "d"][Int(below(4))])\""
        return #"{"_op":"\#(operation)","id":\#(id),"card":\#(below(Self.cards)),"amount":\#(amount),"#
            + #""shop":\#(shop),"paid":"\#(at - TimeSpan(microseconds: below(1_000_000_000)))","at":"\#(at)"}"#
    }

    /// - Parameter changes: whether some of the events take earlier ones back.
    func lines(_ count: Int, changes: Bool) -> String {
        var lines = ""
        for _ in 0..<count {
            let choice = nextID == 0 ? 99 : below(100)
            let earlier = max(0, below(max(1, nextID)))
            switch choice {
            case 0..<8:
                lines += event(earlier, "insert")
                sent.duplicates += 1
            case 8..<14 where changes && !isDeleted.contains(earlier):
                lines += event(earlier, "update")
                sent.updates += 1
            case 14..<19 where changes:
                lines += #"{"_op":"delete","id":\#(earlier)}"#
                isDeleted.insert(earlier)
                sent.deletes += 1
            default:
                lines += event(nextID, "insert")
                nextID += 1
                sent.inserts += 1
            }
            lines += "\n"
        }
        return lines
    }

    func status(_ live: LiveEvents) throws -> WorkspaceStatus {
        guard let status = live.status else { throw MartletError(.conflict, "the server takes no events in") }
        return WorkspaceStatus(status, workspace: "default/test")
    }

    func views(_ live: LiveEvents) throws -> [WorkspaceStatus.View] { try status(live).views }

    /// Until what was to happen later than it came is counted.
    func waitUntilNoneWaits(_ live: LiveEvents) throws {
        let isDone = waitFor { (try? views(live).allSatisfy { $0.waiting == 0 }) == true ? true : nil }
        guard isDone != nil else { throw MartletError(.internalFault, "events still wait for their moment") }
    }

    /// What the store holds of a view: its records, but for the mark up to which each counts.
    func stateHash(_ name: String) throws -> UInt64 {
        let view = try workspace.servingCatalog().views[name]
        guard let view else { throw MartletError(.unknownName, name) }
        let store = try workspace.onlineStore()
        let keys = try EntityKeys([Column(.int64(Array(0..<Self.cards)))], keys: view.keys)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        var table = RecordTable()
        let lookup = RecordLookup(view: try store.handle(for: view.identity), keyIndex: 0)
        try store.read([lookup], keys: [keys], into: &table) { table in
            for key in 0..<keys.uniqueCount {
                guard let record = table.record(lookup: 0, key: key) else { continue }
                let header = try RecordHeader(verifying: record)
                add(key.description.utf8)
                add(record.dropFirst(RecordHeader.byteCount))
                add("\(header.isTombstone) \(header.eventTime) \(header.position)".utf8)
            }
        }
        return hash
    }

    /// Pushes by the door of a server, and waits until it is durable.
    @discardableResult
    func push(_ lines: String, to live: LiveEvents) async throws -> PushReport {
        let pending = try Array(lines.utf8).withUnsafeBytes {
            try live.openDoor().push($0, isPadded: false, as: .jsonLines, to: "trades", key: nil)
        }
        return try await pending.finish()
    }
}
