internal import CPrefetch
internal import Glibc
internal import Synchronization

/// One part of the hot tier's memory: a ring of entries, the oldest overwritten first, and an index of buckets of one
/// cache line. Readers take no lock: they copy an entry and look whether a writer was there meanwhile (a sequence
/// lock, after Boehm: "Can Seqlocks Get Along With Programming Language Memory Models?", MSPC 2012). Writers hold the
/// shard's mutex.
///
/// An entry: total bytes (4), record bytes or `absent` (4), hash (8), view (4), key bytes (4), milliseconds of its
/// reading (4), generation (4), then the key and the record, each from a multiple of 8 on.
struct HotShard: @unchecked Sendable {
    // @unchecked: the memory is read under the sequence lock and written under the mutex of the shard; the words of
    // the index are atomics.
    /// Odd while a writer is at work; on a cache line of its own.
    let sequence: UnsafeMutablePointer<Atomic<UInt64>>
    let ring: UnsafeMutableRawPointer
    let ringBytes: Int
    let index: UnsafeMutablePointer<Atomic<UInt64>>
    let bucketMask: Int

    static let bucketEntries = 8
    static let headerBytes = 32
    static let absent: UInt32 = .max
    private static let sequenceBytes = 64

    /// The two sizes that follow from the bytes of a ring.
    struct Layout {
        let ringBytes: Int
        let buckets: Int

        init(ringBytes: Int) {
            self.ringBytes = (ringBytes + 63) / 64 * 64
            var buckets = 8
            // Two places for each entry of 192 bytes.
            while buckets * HotShard.bucketEntries < 2 * self.ringBytes / 192 { buckets *= 2 }
            self.buckets = buckets
        }

        var indexBytes: Int { buckets * HotShard.bucketEntries * 8 }
        var byteCount: Int { ringBytes + indexBytes + HotShard.sequenceBytes }
    }

    /// - Parameter memory: zeroed, `layout.byteCount` bytes from a multiple of 64 on.
    init(_ layout: Layout, in memory: UnsafeMutableRawPointer) {
        sequence = memory.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        index = (memory + Self.sequenceBytes)
            .bindMemory(to: Atomic<UInt64>.self, capacity: layout.buckets * Self.bucketEntries)
        ring = memory + Self.sequenceBytes + layout.indexBytes
        ringBytes = layout.ringBytes
        bucketMask = layout.buckets - 1
    }

    enum Found {
        case nothing
        case absent
        case record(UnsafeRawBufferPointer)
    }

    /// Which entries a reader may be given.
    struct Freshness {
        /// Those of this generation, where the store tells when it changed.
        var generation: UInt32?
        /// Else those not read before this moment.
        var oldest: Int32
    }

    @inline(__always)
    func firstPlace(_ hash: UInt64) -> Int { (Int(truncatingIfNeeded: hash) & bucketMask) &* Self.bucketEntries }

    @inline(__always)
    func prefetchBucket(_ hash: UInt64) { cmartlet_prefetch(UnsafeRawPointer(index + firstPlace(hash))) }

    /// Fetches the entry that the bucket names; the bucket was fetched before.
    @inline(__always)
    func prefetchEntry(_ hash: UInt64) {
        let first = firstPlace(hash)
        for place in first..<first &+ Self.bucketEntries {
            let word = index[place].load(ordering: .relaxed)
            guard HotPlace.isTagged(word, hash) else { continue }
            let entry = ring + HotPlace.offset(word)
            cmartlet_prefetch(entry)
            cmartlet_prefetch(entry + 64)
            cmartlet_prefetch(entry + 128)
            return
        }
    }

    /// Copies the record of the key to the arena, where it is fresh enough.
    @inline(__always)
    func find(
        _ key: UnsafeRawBufferPointer, view: UInt32, hash: UInt64, _ freshness: Freshness, to arena: RecordArena
    ) -> Found {
        // A writer is done in less than a microsecond; one that was suspended is not waited for.
        for _ in 0..<512 {
            let before = sequence.pointee.load(ordering: .acquiring)
            if before & 1 != 0 { continue }
            let found = look(key, view, hash, freshness, arena)
            atomicMemoryFence(ordering: .acquiring)
            if sequence.pointee.load(ordering: .relaxed) == before { return found }
        }
        return .nothing
    }

    /// Everything read here may be torn: it is checked before it is used as a size, and thrown away where a writer was
    /// there.
    @inline(__always)
    private func look(
        _ key: UnsafeRawBufferPointer, _ view: UInt32, _ hash: UInt64, _ freshness: Freshness, _ arena: RecordArena
    ) -> Found {
        let first = firstPlace(hash)
        for place in first..<first &+ Self.bucketEntries {
            let word = index[place].load(ordering: .relaxed)
            guard HotPlace.isTagged(word, hash) else { continue }
            let offset = HotPlace.offset(word)
            guard offset >= 0, offset &+ Self.headerBytes <= ringBytes else { continue }
            let entry = ring + offset
            // What is copied below need not wait until the key was compared.
            cmartlet_prefetch(entry + 64)
            cmartlet_prefetch(entry + 128)
            let keyBytes = Int(entry.load(fromByteOffset: 20, as: UInt32.self))
            guard entry.load(fromByteOffset: 8, as: UInt64.self) == hash,
                entry.load(fromByteOffset: 16, as: UInt32.self) == view, keyBytes == key.count,
                offset &+ Self.headerBytes &+ keyBytes <= ringBytes, let base = key.baseAddress,
                isEqual(entry + Self.headerBytes, base, keyBytes)
            else { continue }
            if let generation = freshness.generation {
                guard entry.load(fromByteOffset: 28, as: UInt32.self) == generation else { return .nothing }
            } else {
                guard entry.load(fromByteOffset: 24, as: Int32.self) &- freshness.oldest >= 0 else { return .nothing }
            }
            if HotPlace.uses(word) < HotPlace.usesLimit {
                // Lost where a writer or another reader was there: it counts for little.
                _ = index[place].weakCompareExchange(
                    expected: word, desired: word &+ HotPlace.oneUse, ordering: .relaxed)
            }
            let size = entry.load(fromByteOffset: 4, as: UInt32.self)
            if size == Self.absent { return .absent }
            let start = offset &+ Self.headerBytes &+ ((keyBytes &+ 7) & ~7)
            guard start &+ Int(size) <= ringBytes else { return .nothing }
            return .record(arena.copy(UnsafeRawBufferPointer(start: ring + start, count: Int(size))))
        }
        return .nothing
    }
}

/// Whether so many bytes are the same: most keys have nine, for which a call would cost more than the comparison.
@inline(__always)
private func isEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
    guard count >= 8 else { return memcmp(left, right, count) == 0 }
    var offset = 0
    while true {
        let a = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        if a != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self) { return false }
        if offset &+ 8 == count { return true }
        // The last eight bytes, some of them once more.
        offset = min(offset &+ 8, count &- 8)
    }
}

/// A word of the index: 16 bits of the hash, 2 bits how often it was hit lately, 46 bits the place in the ring in
/// units of 8 bytes, counted from 1. 0 is empty. The count stands in the word, so that a hit touches no other line.
enum HotPlace {
    static let oneUse: UInt64 = 1 << 46
    static let usesLimit: UInt64 = 3
    private static let offsetMask: UInt64 = oneUse - 1

    @inline(__always)
    static func word(_ hash: UInt64, offset: Int, uses: UInt64 = 0) -> UInt64 {
        (hash &>> 48) &<< 48 | uses &<< 46 | UInt64(truncatingIfNeeded: offset / 8 &+ 1)
    }

    @inline(__always)
    static func isTagged(_ word: UInt64, _ hash: UInt64) -> Bool { word != 0 && (word ^ hash) &>> 48 == 0 }

    @inline(__always)
    static func offset(_ word: UInt64) -> Int { (Int(truncatingIfNeeded: word & offsetMask) &- 1) &* 8 }

    @inline(__always)
    static func uses(_ word: UInt64) -> UInt64 { word &>> 46 & 3 }
}
