internal import MartletCore
package import MartletFeatures
package import MartletOnline
internal import Synchronization

/// A view that follows the log: the tiles or rows of its entities kept in memory as events come, read there by whoever
/// serves, and stored now and then as they are (`beginCheckpoint`), each with the offset up to which it counts.
///
/// One thread feeds it, in the order of the log; any number of threads read, and another may store a checkpoint. It
/// knows no clock and no thread of its own: `now` is a parameter, so that a simulator can drive it.
///
/// ```swift
/// let view = try StreamedView(online, plan: plan, store: store)
/// if try view.resume() == nil { view.begin(at: StreamPosition(endOffset: 0)) }
/// try view.apply(rows, endOffset: 100, now: now)
/// try view.advance(to: now)
/// try view.checkpoint(at: now)
/// ```
package final class StreamedView: Sendable {
    static let shardCount = 64

    package let view: OnlineView
    let handle: ViewHandle
    let store: any OnlineStore
    let plan: WindowPlan?
    /// Beyond this much memory entities that are at rest are left to the store.
    let memoryBytes: Int
    let shards: [Shard]
    let feed = Mutex(Feed())

    /// A part of the entities, under a lock of its own.
    final class Shard: Sendable {
        let entities: Mutex<ResidentEntities>
        init(_ plan: WindowPlan?) { entities = Mutex(ResidentEntities(plan)) }
    }

    /// What the feeding thread keeps.
    struct Feed: Sendable {
        /// Events with smaller offsets are counted or wait.
        var endOffset: Int64 = 0
        /// Rows that happen later than now.
        var waiting: StreamRows?
        /// The offsets of rows that waited when the view was stored and were not read again since: they count,
        /// whatever the marks say.
        var resumedWaiting: Set<Int64> = []
        /// The keys of entities of which rows waited since the last checkpoint began: only the position tells which
        /// rows these are, so that they are stored with it or not at all.
        var keysThatWaited: Set<[UInt8]> = []
        var counts = StreamCounts()
    }

    /// - Parameters:
    ///   - plan: of a windowed view; nil for one of latest values.
    ///   - memoryBytes: beyond this much, entities that nobody changes are left to the store.
    package init(
        _ view: OnlineView, plan: WindowPlan?, store: any OnlineStore, memoryBytes: Int = 1 << 30
    ) throws {
        self.view = view
        self.plan = plan
        self.store = store
        self.memoryBytes = memoryBytes
        handle = try store.handle(for: view.identity)
        shards = (0..<Self.shardCount).map { _ in Shard(plan) }
    }

    package var counts: StreamCounts {
        var counts = feed.withLock { feed in
            var counts = feed.counts
            counts.waiting = feed.waiting?.count ?? 0
            counts.endOffset = feed.endOffset
            return counts
        }
        for shard in shards {
            shard.entities.withLock { entities in
                counts.resident += entities.count
                counts.dirty += entities.changedCount
                counts.residentBytes += entities.byteCount
            }
        }
        return counts
    }

    /// Whether some events have not happened yet.
    package var hasWaiting: Bool { feed.withLock { $0.waiting != nil } }

    func shardNumber(of key: UnsafeRawBufferPointer) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Int(truncatingIfNeeded: hash &>> 32) & (Self.shardCount - 1)
    }

    func shard(of key: UnsafeRawBufferPointer) -> Shard { shards[shardNumber(of: key)] }
}

/// What a streamed view has done and holds.
package struct StreamCounts: Sendable, Hashable {
    /// Rows that were counted.
    package var applied = 0
    /// Of these the ones that happened before an event that was counted earlier.
    package var late = 0
    /// Rows older than any window reaches: they count in no feature any more.
    package var beyondReach = 0
    /// Rows that had been counted before: a replay.
    package var replayed = 0
    /// Rows that happen later than now.
    package var waiting = 0
    /// Entities in memory, and the bytes of their tiles and records.
    package var resident = 0
    package var residentBytes = 0
    /// Entities that changed since they were stored.
    package var dirty = 0
    package var endOffset: Int64 = 0
    /// When the view was last stored, microseconds; nil before.
    package var storedAt: Int64?
}
