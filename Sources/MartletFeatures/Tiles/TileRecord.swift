import MartletCore

/// A record of tiles, checked so far that nothing outside it is ever read.
struct TileRecord {
    let bytes: UnsafeRawBufferPointer
    let upTo: Int64

    /// - Throws: `corruptData` for what is no whole record, `stalePlan` for the record of another layout.
    init(_ bytes: UnsafeRawBufferPointer, _ layout: TileLayout) throws(MartletError) {
        guard bytes.count >= TileLayout.headerByteCount, load(bytes, 0, UInt32.self) == TileLayout.magic,
            Int(load(bytes, 32, UInt32.self)) == bytes.count
        else { throw MartletError(.corruptData, "a tile record is damaged or cut off") }
        guard load(bytes, 4, UInt16.self) == TileLayout.version, load(bytes, 8, UInt64.self) == layout.fingerprint
        else {
            throw MartletError(
                .stalePlan, "a tile record was written for another version of its feature view",
                fix: "materialize the view again")
        }
        self.bytes = bytes
        upTo = load(bytes, 24, Int64.self)
        let tailStart = Int(load(bytes, 36, UInt32.self))
        var end = layout.tiersStart
        guard Int(load(bytes, 6, UInt16.self)) == layout.tiers.count, end <= bytes.count else {
            throw MartletError(.corruptData, "a tile record has the wrong tiers")
        }
        for (index, tier) in layout.tiers.enumerated() {
            guard start(index) == end else { throw MartletError(.corruptData, "a tile record has a misplaced tier") }
            end += tileCount(index) * (8 + tier.stateByteCount)
        }
        guard end == tailStart, tailStart <= bytes.count else {
            throw MartletError(.corruptData, "a tile record does not end where it should")
        }
    }

    func verifyChecksum() throws(MartletError) {
        let found = tileChecksum(UnsafeRawBufferPointer(rebasing: bytes[24...]))
        guard found == load(bytes, 16, UInt64.self) else {
            throw MartletError(.corruptData, "a tile record does not match its checksum")
        }
    }

    @inline(__always)
    func tileCount(_ tier: Int) -> Int { Int(load(bytes, TileLayout.headerByteCount + 8 * tier, UInt32.self)) }

    @inline(__always)
    func start(_ tier: Int) -> Int { Int(load(bytes, TileLayout.headerByteCount + 8 * tier + 4, UInt32.self)) }

    /// The start of each tile of a tier and where its states are.
    func tiles(_ index: Int, _ tier: TileTier) -> [(start: Int64, states: Int)] {
        let count = tileCount(index)
        let place = start(index)
        return (0..<count).map {
            (load(bytes, place + 8 * $0, Int64.self), place + 8 * count + $0 * tier.stateByteCount)
        }
    }

    /// - Returns: nil where the reference points out of the record.
    @inline(__always)
    func tail(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer? {
        guard offset >= TileLayout.headerByteCount, count >= 0, count <= bytes.count, offset <= bytes.count - count
        else {
            return nil
        }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}

/// Reads a record in place; it is valid within `body` only.
/// - Throws: as `TileRecord.init` and `body`.
func withRecord<Value>(
    _ bytes: [UInt8], _ layout: TileLayout, _ body: (TileRecord) throws(MartletError) -> Value
) throws(MartletError) -> Value {
    let result = bytes.withUnsafeBytes { bytes in
        Result { () throws(MartletError) in try body(try TileRecord(bytes, layout)) }
    }
    return try result.get()
}

func withRecords<Value>(
    _ left: [UInt8], _ right: [UInt8], _ layout: TileLayout,
    _ body: (TileRecord, TileRecord) throws(MartletError) -> Value
) throws(MartletError) -> Value {
    try withRecord(left, layout) { left throws(MartletError) in
        try withRecord(right, layout) { right throws(MartletError) in try body(left, right) }
    }
}

@inline(__always)
func load<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ offset: Int, _: Integer.Type
) -> Integer {
    Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
}

let corruptTail = MartletError(.corruptData, "a tile record refers to bytes outside it")

/// The records of many entities.
package struct TileRecords: Sendable {
    struct Chunk: Sendable {
        var ids: [Int32] = []
        var ends: [Int] = []
        var bytes: [UInt8] = []
    }

    let chunks: [Chunk]
    private let firstIndices: [Int]
    package let count: Int

    init(chunks: [Chunk]) {
        self.chunks = chunks.filter { !$0.ids.isEmpty }
        var total = 0
        var firstIndices: [Int] = []
        for chunk in self.chunks {
            firstIndices.append(total)
            total += chunk.ids.count
        }
        self.firstIndices = firstIndices
        count = total
    }

    /// The size of all records.
    package var byteCount: Int { chunks.reduce(0) { $0 + $1.bytes.count } }

    /// Calls `body` with the entity and the bytes of each record, entities ascending.
    package func forEach(_ body: (_ id: Int32, _ record: RawSpan) throws -> Void) rethrows {
        for chunk in chunks {
            try chunk.bytes.withUnsafeBytes { bytes in
                var start = 0
                for (id, end) in zip(chunk.ids, chunk.ends) {
                    try body(id, RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
                    start = end
                }
            }
        }
    }

    package var ids: [Int32] { chunks.flatMap(\.ids) }

    /// A copy of the bytes of one record, the first one at 0.
    package func record(_ index: Int) -> [UInt8] {
        precondition(index >= 0 && index < count, "there is no record \(index)")
        let place = (firstIndices.lastIndex { $0 <= index }) ?? 0
        let local = index - firstIndices[place]
        let chunk = chunks[place]
        return Array(chunk.bytes[(local == 0 ? 0 : chunk.ends[local - 1])..<chunk.ends[local]])
    }
}
