import MartletCore

/// One tile record while it is written: the fixed part is laid out first, the tail grows behind it.
struct TileWriter {
    private(set) var bytes: [UInt8] = []

    init() {}

    /// Starts a record with this many tiles in each tier; their starts and states are zero until written.
    mutating func begin(_ layout: TileLayout, upTo: Int64, tileCounts: [Int]) {
        bytes.removeAll(keepingCapacity: true)
        var size = layout.tiersStart
        for (tier, count) in zip(layout.tiers, tileCounts) { size += count * (8 + tier.stateByteCount) }
        bytes.append(contentsOf: repeatElement(0, count: size))
        store(TileLayout.magic, 0)
        store(TileLayout.version, 4)
        store(UInt16(layout.tiers.count), 6)
        store(layout.fingerprint, 8)
        store(upTo, 24)
        store(UInt32(size), 36)
        var start = layout.tiersStart
        for (index, tier) in layout.tiers.enumerated() {
            store(UInt32(tileCounts[index]), TileLayout.headerByteCount + 8 * index)
            store(UInt32(start), TileLayout.headerByteCount + 8 * index + 4)
            start += tileCounts[index] * (8 + tier.stateByteCount)
        }
    }

    /// - Throws: `limitExceeded` for a record of 4 GiB or more.
    mutating func finish() throws(MartletError) {
        guard bytes.count <= Int(UInt32.max) else {
            throw MartletError(.limitExceeded, "the tiles of one entity take 4 GiB or more")
        }
        store(UInt32(bytes.count), 32)
        let sum = bytes.withUnsafeBytes { tileChecksum(UnsafeRawBufferPointer(rebasing: $0[24...])) }
        store(sum, 16)
    }

    @inline(__always)
    mutating func store<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer, _ offset: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Integer.self) }
    }

    mutating func append<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ text: some Sequence<UInt8>) { bytes.append(contentsOf: text) }

    var end: UInt32 { UInt32(truncatingIfNeeded: bytes.count) }
}
