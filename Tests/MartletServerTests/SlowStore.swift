import Dispatch
import MartletCore
import MartletOnline
import Synchronization

/// A store as behind a network, some of whose views do not answer until they are let go.
final class SlowStore: OnlineStore {
    private let base: any OnlineStore
    private let slow: Set<ViewHandle>
    private let failing: Set<ViewHandle>
    private let gate = DispatchSemaphore(value: 0)
    private let isOpen = Atomic<Bool>(false)
    private static let readers = 1_000

    init(_ base: any OnlineStore, slow: [ViewIdentity] = [], failing: [ViewIdentity] = []) throws {
        self.base = base
        self.slow = Set(try slow.map(base.handle))
        self.failing = Set(try failing.map(base.handle))
    }

    var isRemote: Bool { true }

    /// Lets go all reads that wait, and those that come.
    func letGo() {
        isOpen.store(true, ordering: .sequentiallyConsistent)
        for _ in 0..<Self.readers { gate.signal() }
    }

    func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        if lookups.contains(where: { failing.contains($0.view) }) {
            throw MartletError(.storeUnavailable, "the store is away")
        }
        if lookups.contains(where: { slow.contains($0.view) }), !isOpen.load(ordering: .sequentiallyConsistent) {
            gate.wait()
        }
        try base.read(lookups, keys: keys, into: &table, body)
    }

    func handle(for view: ViewIdentity) throws -> ViewHandle { try base.handle(for: view) }
    func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts {
        try base.write(chunk, keys: keys, order: order, to: view, cursor: cursor)
    }
    func cursor(of view: ViewIdentity) throws -> LoadCursor? { try base.cursor(of: view) }
    func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws { try base.setCursor(cursor, of: view) }
    func drop(_ view: ViewIdentity) throws { try base.drop(view) }
    func recordCount(of view: ViewIdentity) throws -> Int { try base.recordCount(of: view) }
}
