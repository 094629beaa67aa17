import MartletCore

/// One tile record while it is written: the fixed part is laid out first, the tail grows behind it. Reused from record
/// to record, so that nothing is allocated for a record that is no larger than those before.
final class TileWriter {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    init() {
        capacity = 4_096
        base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Starts a record with this many tiles in each tier; their starts and states are zero until written.
    func begin(_ layout: TileLayout, upTo: Int64, tileCounts: [Int]) {
        var size = layout.tiersStart
        for (tier, tiles) in zip(layout.tiers, tileCounts) { size += tiles * (8 + tier.stateByteCount) }
        count = 0
        makeRoom(size)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        count = size
        store(TileLayout.magic, 0)
        store(TileLayout.version, 4)
        store(UInt16(layout.tiers.count), 6)
        store(layout.fingerprint, 8)
        store(upTo, 24)
        store(UInt32(truncatingIfNeeded: size), 36)
        var start = layout.tiersStart
        for (index, tier) in layout.tiers.enumerated() {
            store(UInt32(truncatingIfNeeded: tileCounts[index]), TileLayout.headerByteCount + 8 * index)
            store(UInt32(truncatingIfNeeded: start), TileLayout.headerByteCount + 8 * index + 4)
            start += tileCounts[index] * (8 + tier.stateByteCount)
        }
    }

    /// - Throws: `limitExceeded` for a record of 4 GiB or more.
    func finish() throws(MartletError) {
        guard count <= Int(UInt32.max) else {
            throw MartletError(.limitExceeded, "the tiles of one entity take 4 GiB or more")
        }
        store(UInt32(count), 32)
        store(tileChecksum(UnsafeRawBufferPointer(rebasing: bytes[24...])), 16)
    }

    /// - Precondition: the place is within what was laid out or appended.
    @inline(__always)
    func store<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer, _ offset: Int) {
        base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Integer.self)
    }

    @inline(__always)
    func append<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) {
        makeRoom(MemoryLayout<Integer>.size)
        base.storeBytes(of: value.littleEndian, toByteOffset: count, as: Integer.self)
        count += MemoryLayout<Integer>.size
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        makeRoom(bytes.count)
        if let source = bytes.baseAddress { (base + count).copyMemory(from: source, byteCount: bytes.count) }
        count += bytes.count
    }

    /// Overwrites what was laid out at `offset`.
    func store(_ bytes: UnsafeRawBufferPointer, _ offset: Int) {
        if let source = bytes.baseAddress { (base + offset).copyMemory(from: source, byteCount: bytes.count) }
    }

    private func makeRoom(_ extra: Int) {
        if count + extra <= capacity { return }
        let larger = max(count + extra, 2 * capacity)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        grown.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = grown
        capacity = larger
    }

    /// Where the next appended byte goes. A record that outgrows this number is refused by `finish`.
    var end: UInt32 { UInt32(truncatingIfNeeded: count) }
}

extension TileWriter {
    func write(_ moments: Moments, _ slot: TileSlot, at place: Int) {
        store(UInt32(truncatingIfNeeded: moments.count), place)
        if slot.needsSum {
            moments.narrow.sum.forEachWord { store($1, place + 8 + 8 * $0) }
        }
        if slot.needsSquares {
            moments.narrow.squares.forEachWord { store($1, place + 32 + 8 * $0) }
        }
        guard slot.needsSum, let wide = moments.wide else { return }
        store(end, place + 4)
        append(headOf: wide)
        if wide.finiteCount == 0 { return }
        for word in wide.sum.words { append(word) }
        if slot.needsSquares {
            for word in wide.squares.words { append(word) }
        }
    }

    func append(headOf wide: WideMoments) {
        append(wide.positiveInfinities)
        append(wide.negativeInfinities)
        append(wide.finiteCount)
    }

    func write(_ order: OrderKey, at place: Int) {
        store(order.eventTime, place)
        store(order.arrivalTime, place + 8)
        store(order.position, place + 16)
    }

    /// Appends the text and writes its offset and length.
    func write(_ text: UnsafeRawBufferPointer, at place: Int) {
        store(end, place)
        store(UInt32(truncatingIfNeeded: text.count), place + 4)
        append(text)
    }

    func append(_ order: OrderKey) {
        append(order.eventTime)
        append(order.arrivalTime)
        append(order.position)
    }
}
