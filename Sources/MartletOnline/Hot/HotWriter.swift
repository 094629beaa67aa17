internal import Synchronization

/// What an entry knows of its reading.
struct HotStamp {
    /// Milliseconds of a clock that goes round.
    var tick: Int32
    /// During which it is known to be what the store has; 0 where nothing is known.
    var generation: UInt32
}

/// What the writers of a shard know; guarded by the shard's mutex.
struct HotWriter: Sendable {
    private let shard: HotShard
    /// Positions in an endless ring; the memory is that modulo its size. Entries lie between tail and head.
    private var head = 0
    private var tail = 0
    private(set) var entries = 0
    private var absentBytes = 0
    /// How often a key was missed lately: one byte for each of a few hashes of it, halved now and then (TinyLFU;
    /// Einziger, Friedman, Manes 2017).
    private var sketch: [UInt8]
    private var sketched = 0
    private var setAside: [SetAside] = []
    /// How many more entries may be set aside while one comes in: it bounds how long readers find the writer at work.
    private var chances = 0
    private static let chancesPerAdmission = 16
    /// Counts invalidations: what was read before one may be older than what was written.
    private(set) var epoch: UInt64 = 0
    /// Writes to the store under way that touch this shard. What is read from the store meanwhile may be of before or
    /// after them, so it is not kept: a reader never goes back to the older record.
    private var writes = 0
    private(set) var statistics = HotTierStatistics()

    init(_ shard: HotShard) {
        self.shard = shard
        sketch = [UInt8](repeating: 0, count: (shard.bucketMask + 1) * HotShard.bucketEntries)
    }

    var usedBytes: Int { head - tail }

    /// Takes in what the store has for a key that was missed; nil where it has nothing.
    /// - Parameter isForced: whether it need not have been asked for before.
    mutating func admit(
        _ key: UnsafeRawBufferPointer, view: UInt32, hash: UInt64, _ record: UnsafeRawBufferPointer?, _ stamp: HotStamp,
        readAt epoch: UInt64, isForced: Bool = false
    ) {
        guard epoch == self.epoch, writes == 0 else { return }
        let keyBytes = (key.count + 7) & ~7
        let bytes = HotShard.headerBytes + keyBytes + ((record?.count ?? 0) + 7) & ~7
        // Nothing may take a large part of the ring, and what is not there no more than an eighth.
        guard bytes <= shard.ringBytes / 4, record != nil || absentBytes + bytes <= shard.ringBytes / 8 else {
            statistics.rejections += 1
            return
        }
        let known = place(of: key, view, hash)
        let seen = known == nil ? noteMiss(hash) : 0
        if known == nil, !isForced, head - tail + bytes > shard.ringBytes, seen < 2 {
            statistics.rejections += 1
            return
        }
        beginWriting()
        defer { endWriting() }
        if let known { remove(known) }
        chances = Self.chancesPerAdmission
        let offset = makeRoom(bytes)
        write(key, view, hash, record, stamp, bytes, at: offset)
        if record == nil { absentBytes += bytes }
        enter(hash, offset)
        bringBack()
        statistics.admissions += 1
    }

    mutating func beginWrite() { writes += 1 }

    mutating func endWrite() {
        writes -= 1
        epoch &+= 1
    }

    /// Removes the key, which was written.
    mutating func invalidate(_ key: UnsafeRawBufferPointer, view: UInt32, hash: UInt64) {
        // A load by a command has nothing in memory.
        guard entries > 0, let place = place(of: key, view, hash) else { return }
        statistics.invalidations += 1
        beginWriting()
        remove(place)
        endWriting()
    }

    /// Removes everything.
    mutating func clear() {
        epoch &+= 1
        beginWriting()
        let places = (shard.bucketMask + 1) * HotShard.bucketEntries
        for place in 0..<places { shard.index[place].store(0, ordering: .relaxed) }
        entries = 0
        // The head begins at the start, so that the tail meets whole entries only.
        (head, tail, absentBytes) = (0, 0, 0)
        endWriting()
    }

    /// Runs `body` with each key of the view and how often it was hit lately.
    func forEachKey(of view: UInt32, _ body: (UnsafeRawBufferPointer, Int) -> Void) {
        for place in 0..<(shard.bucketMask + 1) * HotShard.bucketEntries {
            let word = word(place)
            if word == 0 { continue }
            let entry = shard.ring + HotPlace.offset(word)
            guard entry.load(fromByteOffset: 16, as: UInt32.self) == view,
                entry.load(fromByteOffset: 4, as: UInt32.self) != HotShard.absent
            else { continue }
            let count = Int(entry.load(fromByteOffset: 20, as: UInt32.self))
            body(UnsafeRawBufferPointer(start: entry + HotShard.headerBytes, count: count), Int(HotPlace.uses(word)))
        }
    }

    private func beginWriting() {
        shard.sequence.pointee.wrappingAdd(1, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
    }

    private func endWriting() { shard.sequence.pointee.wrappingAdd(1, ordering: .releasing) }

    private func word(_ place: Int) -> UInt64 { shard.index[place].load(ordering: .relaxed) }

    private func places(_ hash: UInt64) -> Range<Int> {
        let first = shard.firstPlace(hash)
        return first..<first + HotShard.bucketEntries
    }

    private func place(of key: UnsafeRawBufferPointer, _ view: UInt32, _ hash: UInt64) -> Int? {
        places(hash).first { place in
            let word = word(place)
            guard HotPlace.isTagged(word, hash) else { return false }
            let entry = shard.ring + HotPlace.offset(word)
            guard entry.load(fromByteOffset: 8, as: UInt64.self) == hash,
                entry.load(fromByteOffset: 16, as: UInt32.self) == view,
                entry.load(fromByteOffset: 20, as: UInt32.self) == UInt32(key.count)
            else { return false }
            return compareBytes(UnsafeRawBufferPointer(start: entry + HotShard.headerBytes, count: key.count), key) == 0
        }
    }

    private mutating func remove(_ place: Int) {
        shard.index[place].store(0, ordering: .relaxed)
        entries -= 1
    }

    private mutating func enter(_ hash: UInt64, _ offset: Int, uses: UInt64 = 0) {
        let places = places(hash)
        let free = places.first { word($0) == 0 }
        // A full bucket gives up what was hit least.
        let place =
            free ?? places.min { HotPlace.uses(word($0)) < HotPlace.uses(word($1)) } ?? places.lowerBound
        if free == nil {
            statistics.evictions += 1
            entries -= 1
        }
        shard.index[place].store(HotPlace.word(hash, offset: offset, uses: uses), ordering: .relaxed)
        entries += 1
    }

    private func write(
        _ key: UnsafeRawBufferPointer, _ view: UInt32, _ hash: UInt64, _ record: UnsafeRawBufferPointer?,
        _ stamp: HotStamp, _ bytes: Int, at offset: Int
    ) {
        let entry = shard.ring + offset
        entry.storeBytes(of: UInt32(bytes), as: UInt32.self)
        entry.storeBytes(of: record.map { UInt32($0.count) } ?? HotShard.absent, toByteOffset: 4, as: UInt32.self)
        entry.storeBytes(of: hash, toByteOffset: 8, as: UInt64.self)
        entry.storeBytes(of: view, toByteOffset: 16, as: UInt32.self)
        entry.storeBytes(of: UInt32(key.count), toByteOffset: 20, as: UInt32.self)
        entry.storeBytes(of: stamp.tick, toByteOffset: 24, as: Int32.self)
        entry.storeBytes(of: stamp.generation, toByteOffset: 28, as: UInt32.self)
        if let base = key.baseAddress { (entry + HotShard.headerBytes).copyMemory(from: base, byteCount: key.count) }
        if let record, let base = record.baseAddress {
            (entry + HotShard.headerBytes + (key.count + 7) & ~7).copyMemory(from: base, byteCount: record.count)
        }
    }

    /// Frees so many bytes in one piece at the head, and takes them.
    private mutating func makeRoom(_ bytes: Int) -> Int {
        // An entry does not go over the end of the ring: what is left there is skipped.
        let rest = shard.ringBytes - head % shard.ringBytes
        if rest < bytes {
            free(rest)
            let hole = shard.ring + head % shard.ringBytes
            hole.storeBytes(of: UInt32(rest), as: UInt32.self)
            // No absent entity, and nothing that the index points to.
            if rest >= HotShard.headerBytes { hole.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self) }
            head += rest
        }
        free(bytes)
        defer { head += bytes }
        return head % shard.ringBytes
    }

    /// Lets the tail go on until so many bytes are free.
    private mutating func free(_ bytes: Int) {
        while head - tail + bytes > shard.ringBytes { dropOldest() }
    }

    /// What was hit since it came gets a second chance (CLOCK): it is set aside, to come in again at the head.
    private mutating func dropOldest() {
        let offset = tail % shard.ringBytes
        let entry = shard.ring + offset
        let bytes = Int(entry.load(as: UInt32.self))
        tail += bytes
        guard bytes >= HotShard.headerBytes else { return }
        if entry.load(fromByteOffset: 4, as: UInt32.self) == HotShard.absent { absentBytes -= bytes }
        let hash = entry.load(fromByteOffset: 8, as: UInt64.self)
        let sought = places(hash).first { place in
            let word = word(place)
            return HotPlace.isTagged(word, hash) && HotPlace.offset(word) == offset
        }
        guard let place = sought else { return }
        let uses = HotPlace.uses(word(place))
        remove(place)
        if uses > 0, chances > 0 {
            chances -= 1
            let copy = Array(UnsafeRawBufferPointer(start: entry, count: bytes))
            setAside.append(SetAside(bytes: copy, hash: hash, uses: uses - 1))
        } else {
            statistics.evictions += 1
        }
    }

    private struct SetAside: Sendable {
        var bytes: [UInt8]
        var hash: UInt64
        var uses: UInt64
    }

    /// Takes in again what was set aside, which may set others aside, until there are no chances left.
    private mutating func bringBack() {
        var next = 0
        while next < setAside.count {
            let item = setAside[next]
            next += 1
            let offset = makeRoom(item.bytes.count)
            (shard.ring + offset).copyMemory(from: item.bytes, byteCount: item.bytes.count)
            if (shard.ring + offset).load(fromByteOffset: 4, as: UInt32.self) == HotShard.absent {
                absentBytes += item.bytes.count
            }
            enter(item.hash, offset, uses: item.uses)
        }
        setAside.removeAll(keepingCapacity: true)
    }

    /// - Returns: how often the key was missed lately, this time too.
    private mutating func noteMiss(_ hash: UInt64) -> UInt8 {
        let mask = sketch.count - 1
        var least = UInt8.max
        for shift in [UInt64(0), 16, 32] {
            let place = Int(truncatingIfNeeded: (hash >> shift) &* 0x9E37_79B9_7F4A_7C15 >> 20) & mask
            if sketch[place] < 255 { sketch[place] += 1 }
            least = min(least, sketch[place])
        }
        sketched += 1
        if sketched >= sketch.count {
            for place in sketch.indices { sketch[place] >>= 1 }
            sketched = 0
        }
        return least
    }
}
