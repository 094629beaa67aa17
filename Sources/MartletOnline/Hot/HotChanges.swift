internal import MartletCore
internal import Synchronization

/// Knows whether what lies in memory is still what the store has, where the store tells its version.
///
/// Entries carry a generation. While the store's version is the one noted here, those of the current generation are
/// exact. A version that moved for another reason than a write of our own, whose keys were taken out of memory, begins
/// a new generation.
final class HotChanges: Sendable {
    /// The version's lower half, and the generation, which counts from 1.
    private let state = Atomic<UInt64>(1)
    /// Writes of our own that are under way.
    private let writing = Atomic<Int>(0)
    /// One at a time: of two, neither would know whose change it sees. Such a store has one writer anyway.
    private let writer = Mutex<Void>(())

    /// What a read may take from memory and leave there.
    struct Known {
        /// 0, which no entry has, where nothing in memory is known to be exact.
        let readable: UInt32
        fileprivate let current: UInt32
        fileprivate let version: UInt32

        /// The generation for what was read in a snapshot of that version; 0 where it is none.
        func generation(of version: UInt64?) -> UInt32 {
            version.map { UInt32(truncatingIfNeeded: $0) } == self.version ? current : 0
        }
    }

    /// - Returns: nil where the store tells no version.
    @inline(__always)
    func look(_ store: any OnlineStore) -> Known? {
        // The state before the version: where a write of our own ends between the two, the exchange below fails.
        let state = state.load(ordering: .acquiring)
        guard let version = store.version.map({ UInt32(truncatingIfNeeded: $0) }) else { return nil }
        let generation = UInt32(truncatingIfNeeded: state)
        if UInt32(truncatingIfNeeded: state &>> 32) == version {
            return Known(readable: generation, current: generation, version: version)
        }
        return changed(state, version)
    }

    /// Whether nothing has been written since the read looked.
    @inline(__always)
    func isCurrent(_ known: Known) -> Bool {
        state.load(ordering: .acquiring) == packed(known.version, known.current)
    }

    @inline(never)
    private func changed(_ state: UInt64, _ version: UInt32) -> Known {
        if writing.load(ordering: .acquiring) == 0 {
            let next = following(UInt32(truncatingIfNeeded: state))
            let (exchanged, _) = self.state.compareExchange(
                expected: state, desired: packed(version, next), ordering: .acquiringAndReleasing)
            if exchanged { return Known(readable: 0, current: next, version: version) }
        }
        // Perhaps our own write, which has not been noted yet: this read goes to the store.
        return Known(readable: 0, current: 0, version: version)
    }

    /// Runs a write of our own, whose keys are no longer in memory.
    /// - Parameter body: returns whether it changed the store.
    func write(_ store: any OnlineStore, _ body: () throws -> Bool) throws {
        guard store.version != nil else {
            _ = try body()
            return
        }
        try writer.withLock { _ in
            writing.add(1, ordering: .acquiringAndReleasing)
            defer { writing.subtract(1, ordering: .acquiringAndReleasing) }
            let isChanged = try body()
            note(store, isChanged)
        }
    }

    private func note(_ store: any OnlineStore, _ isChanged: Bool) {
        guard let version = store.version.map({ UInt32(truncatingIfNeeded: $0) }) else { return }
        let before = state.load(ordering: .acquiring)
        let isOurs = version == UInt32(truncatingIfNeeded: before &>> 32) &+ (isChanged ? 1 : 0)
        let generation = UInt32(truncatingIfNeeded: before)
        state.store(packed(version, isOurs ? generation : following(generation)), ordering: .releasing)
    }

    private func packed(_ version: UInt32, _ generation: UInt32) -> UInt64 {
        UInt64(version) &<< 32 | UInt64(generation)
    }

    private func following(_ generation: UInt32) -> UInt32 { generation == .max ? 1 : generation &+ 1 }
}
