internal import Glibc
internal import Synchronization

/// One part of the hot tier's memory: a ring of entries, the oldest overwritten first, and an index of buckets of one
/// cache line. Readers take no lock: they copy an entry and look whether a writer was there meanwhile (a sequence
/// lock, after Boehm: "Can Seqlocks Get Along With Programming Language Memory Models?", MSPC 2012). Writers hold the
/// shard's mutex.
///
/// An entry: total bytes (4), record bytes or `absent` (4), hash (8), view (4), key bytes (4), milliseconds of its
/// reading (4), zero (4), then the key and the record, each from a multiple of 8 on.
struct HotShard: @unchecked Sendable {
    // @unchecked: the memory is read under the sequence lock and written under the mutex of the shard.
    /// Odd while a writer is at work.
    let sequence: UnsafeMutablePointer<Atomic<UInt64>>
    let ring: UnsafeMutableRawPointer
    let ringBytes: Int
    /// 16 bits of the hash, then the place in the ring in units of 8 bytes, counted from 1; 0 is empty.
    let index: UnsafeMutablePointer<UInt64>
    let bucketMask: Int
    /// How often each place of the index was hit lately, up to 3.
    let uses: UnsafeMutablePointer<UInt8>

    static let bucketEntries = 8
    static let headerBytes = 32
    static let absent: UInt32 = .max

    init(ringBytes: Int) {
        self.ringBytes = (ringBytes + 63) / 64 * 64
        var buckets = 8
        // Two places for each entry of 192 bytes.
        while buckets * Self.bucketEntries < 2 * self.ringBytes / 192 { buckets *= 2 }
        bucketMask = buckets - 1
        ring = .allocate(byteCount: self.ringBytes, alignment: 64)
        ring.initializeMemory(as: UInt8.self, repeating: 0, count: self.ringBytes)
        let places = buckets * Self.bucketEntries
        index = UnsafeMutableRawPointer.allocate(byteCount: places * 8, alignment: 64)
            .initializeMemory(as: UInt64.self, repeating: 0, count: places)
        uses = .allocate(capacity: places)
        uses.initialize(repeating: 0, count: places)
        sequence = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
            .bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        sequence.initialize(to: Atomic(0))
    }

    func deallocate() {
        ring.deallocate()
        index.deallocate()
        uses.deallocate()
        sequence.deallocate()
    }

    enum Found {
        case nothing
        case absent
        case record(UnsafeRawBufferPointer)
    }

    /// Copies the record of the key to the arena, where it is not read before `oldest`.
    func find(
        _ key: UnsafeRawBufferPointer, view: UInt32, hash: UInt64, oldest: Int32, to arena: RecordArena
    ) -> Found {
        // A writer is done in less than a microsecond; one that was suspended is not waited for.
        for _ in 0..<512 {
            let before = sequence.pointee.load(ordering: .acquiring)
            if before & 1 != 0 { continue }
            let found = look(key, view, hash, oldest, arena)
            atomicMemoryFence(ordering: .acquiring)
            if sequence.pointee.load(ordering: .relaxed) == before { return found }
        }
        return .nothing
    }

    /// Everything read here may be torn: it is checked before it is used as a size, and thrown away where a writer was
    /// there.
    @inline(__always)
    private func look(
        _ key: UnsafeRawBufferPointer, _ view: UInt32, _ hash: UInt64, _ oldest: Int32, _ arena: RecordArena
    ) -> Found {
        let first = (Int(truncatingIfNeeded: hash) & bucketMask) &* Self.bucketEntries
        for place in first..<first &+ Self.bucketEntries {
            let word = index[place]
            guard word != 0, word &>> 48 == hash &>> 48 else { continue }
            let offset = (Int(word & 0xFFFF_FFFF_FFFF) &- 1) &* 8
            guard offset >= 0, offset &+ Self.headerBytes <= ringBytes else { continue }
            let entry = ring + offset
            let keyBytes = Int(entry.load(fromByteOffset: 20, as: UInt32.self))
            guard entry.load(fromByteOffset: 8, as: UInt64.self) == hash,
                entry.load(fromByteOffset: 16, as: UInt32.self) == view, keyBytes == key.count,
                offset &+ Self.headerBytes &+ keyBytes <= ringBytes, let base = key.baseAddress,
                memcmp(entry + Self.headerBytes, base, keyBytes) == 0
            else { continue }
            guard entry.load(fromByteOffset: 24, as: Int32.self) &- oldest >= 0 else { return .nothing }
            if uses[place] < 3 { uses[place] &+= 1 }
            let size = entry.load(fromByteOffset: 4, as: UInt32.self)
            if size == Self.absent { return .absent }
            let start = offset &+ Self.headerBytes &+ ((keyBytes &+ 7) & ~7)
            guard start &+ Int(size) <= ringBytes else { return .nothing }
            return .record(arena.copy(UnsafeRawBufferPointer(start: ring + start, count: Int(size))))
        }
        return .nothing
    }
}
