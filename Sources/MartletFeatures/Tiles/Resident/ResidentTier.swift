import MartletCore

/// A tier made ready for updates: what each event does to a tile, without looking at definitions.
struct ResidentTier {
    let tier: TileTier
    let hop: Int64
    /// With its `TileHead`.
    let tileByteCount: Int
    let operations: [TileOperation]
    /// The states of a tile without events.
    let emptyStates: [UInt8]
    /// Whether a state may refer to what is kept beside the tiles.
    let hasReferences: Bool
    /// Tiles that start before it are beyond reach, microseconds.
    var oldest = Int64.min

    init(_ tier: TileTier, _ plan: WindowPlan, _ block: EventBlock, _ pools: inout [any TailPool]) {
        self.tier = tier
        hop = tier.hop.microseconds
        tileByteCount = TileHead.byteCount + tier.stateByteCount
        var operations: [TileOperation] = []
        var empty = [UInt8](repeating: 0, count: tier.stateByteCount)
        func store(_ value: Int64, _ offset: Int) {
            withUnsafeBytes(of: value.littleEndian) { bytes in
                for (index, byte) in bytes.enumerated() { empty[offset + index] = byte }
            }
        }
        for slot in tier.slots {
            let input = plan.groups[slot.group].key.column ?? -1
            func add(_ kind: TileOperation.Kind, _ offset: Int = slot.offset, pool: Int = -1) {
                operations.append(
                    TileOperation(
                        kind: kind, offset: TileHead.byteCount + offset, input: input, pool: pool, isReal: slot.isReal,
                        present: block.presence(input), bits: input < 0 ? nil : block.bits[input].base,
                        lifted: input < 0 ? nil : block.lifted[input].base))
            }
            switch slot.family {
            case .rows: add(.rows)
            case .moments: add(slot.needsSquares ? .squares : slot.needsSum ? .sum : .count)
            case .extremes:
                add(slot.isText ? .textExtremes : .extremes)
                if !slot.isText {
                    store(.max, slot.offset)
                    store(.min, slot.offset + 8)
                }
            case .ends:
                if slot.needsFirst {
                    add(slot.isText ? .textFirst : .first)
                    store(absentFirstTime, slot.offset)
                }
                let lastOffset = slot.offset + (slot.needsFirst ? 32 : 0)
                if slot.needsLast {
                    add(slot.isText ? .textLast : .last, lastOffset)
                    store(absentLastTime, lastOffset)
                }
            case .newest:
                add(.newest)
                store(.min, slot.offset)
            case .skew, .firsts, .lasts, .values, .registers, .sketch, .keyed, .decayed, .sessions:
                add(.tail, pool: pools.count)
                pools.append(makeTailPool(slot, plan.groups[slot.group]))
            }
        }
        self.operations = operations
        emptyStates = empty
        hasReferences = operations.contains {
            switch $0.kind {
            case .sum, .squares, .textExtremes, .textFirst, .textLast, .tail: true
            case .rows, .count, .extremes, .first, .last, .newest: false
            }
        }
    }
}

/// What an event does to one state of a tile. States have the bytes of `TileSlot`, but that a reference to the tail of
/// a record is a number of what is kept beside the tiles: of a text, of wide moments, or of a `TailState`; 0 is none.
struct TileOperation: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable {
        case rows, count, sum, squares, extremes, textExtremes, first, textFirst, last, textLast, newest, tail
    }

    let kind: Kind
    /// From the start of the tile.
    let offset: Int
    /// Index into the events' inputs; -1 for rows.
    let input: Int
    /// Index into the pools of tail states; -1 for others.
    let pool: Int
    let isReal: Bool
    /// What the block holds of the input, one for each event; they stay where they are.
    let present: UnsafeMutablePointer<UInt8>
    let bits: UnsafeMutablePointer<Int64>!
    let lifted: UnsafeMutablePointer<LiftedNumber>!
}

/// What the path of every event reads of a tier, without looking at arrays.
struct HotTier: BitwiseCopyable {
    let hop: Int64
    var oldest: Int64
    let tileByteCount: Int
    let keepsNewest: Bool
    /// From a key's run of the tier to its newest tile.
    let newestTileOffset: Int
    let operations: UnsafeMutablePointer<TileOperation>
    let operationCount: Int
}
