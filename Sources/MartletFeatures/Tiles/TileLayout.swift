package import MartletCore
import MartletDefinitions

/// How the tiles of a plan are laid out as bytes: one record an entity, read in place.
///
/// A tile is the state of an entity's events within one hop; a window whose left end is rounded to that hop is exactly
/// the tiles that start at or after its left end. Each hop that a window of the plan needs is a tier; the tier of exact
/// windows has a hop of one microsecond, so that its tiles are the events themselves. Windows of the newest so many
/// events have a tier of their own, which keeps no more than those.
///
/// ```
/// offset  size
///      0     4  "MTIL"
///      4     2  version of the format, 1
///      6     2  number of tiers
///      8     8  fingerprint of the layout
///     16     8  checksum of everything after it
///     24     8  upTo: the record knows the events before it, microseconds
///     32     4  size of the record
///     36     4  start of the tail
///     40  8 * tiers: number of tiles, start of the tier
///           each tier: the starts of its tiles, ascending, 8 bytes each; then their states, `stateByteCount` each
///           the tail: what has no fixed size, addressed by offset from the start of the record
/// ```
/// Little-endian, unaligned. Of equal events the records are equal, byte for byte.
package struct TileLayout: Sendable, Hashable {
    package let tiers: [TileTier]
    /// Changes with everything that changes the meaning of the bytes.
    package let fingerprint: UInt64

    static let magic: UInt32 = 0x4C49_544D
    static let version: UInt16 = 1
    static let headerByteCount = 40

    /// Where the first tier starts.
    var tiersStart: Int { Self.headerByteCount + 8 * tiers.count }
}

/// The tiles of one hop.
package struct TileTier: Sendable, Hashable {
    package let hop: TimeSpan
    /// How far back the windows made of these tiles reach.
    package let reach: TimeSpan
    /// Where the windows hold the newest events: how many are kept, with those of the time of the oldest of them.
    package let newestCount: Int?
    /// The fixed part of one tile.
    package let stateByteCount: Int
    let slots: [TileSlot]

    /// The start of the oldest tile that a window read at or after `time` can hold.
    package func firstStart(at time: Timestamp) -> Timestamp { (time - reach).floored(to: hop) }

    /// The slot that counts the events of a tile; there is one in a tier of the newest.
    var rows: TileSlot? { slots.first { $0.family == .rows } }
}

/// The place of one state group within a tile.
///
/// | family | bytes |
/// | --- | --- |
/// | rows | count 8 |
/// | moments | count 4, offset of the wide part 4 (0: none), then sum 24, then squares 40, each where it is needed |
/// | extremes | minimum 8, maximum 8 |
/// | ends | first 32, last 32, each where it is needed: event time 8, arrival time 8, position 8, value 8 |
/// | newest | event time 8 |
/// | all others | offset in the tail 4, number of bytes there 4 (`TailState`) |
///
/// A value is its ordered bits, or for text its offset and its length. Emptiness is a minimum above the maximum, an
/// event time beyond all times, a text at offset 0, no bytes in the tail.
struct TileSlot: Sendable, Hashable {
    let group: Int
    let family: StateGroup.Family
    let isText: Bool
    let isReal: Bool
    let offset: Int
    let needsSum: Bool
    let needsSquares: Bool
    let needsFirst: Bool
    let needsLast: Bool
    /// The parameters of the state.
    let key: StateGroup.Key

    /// - Parameter group: as this tier needs it, with only its outputs.
    init(_ group: StateGroup, index: Int, offset: Int) {
        self.group = index
        family = group.family
        isText = group.isText
        isReal = group.isReal
        self.offset = offset
        needsSum = group.needsSum
        needsSquares = group.needsSquares
        needsFirst = group.needs(.first)
        needsLast = group.needs(.last)
        key = group.key
    }

    var byteCount: Int {
        switch family {
        case .rows, .newest: 8
        case .moments: 8 + (needsSum ? 24 : 0) + (needsSquares ? 40 : 0)
        case .extremes: 16
        case .ends: (needsFirst ? 32 : 0) + (needsLast ? 32 : 0)
        case .skew, .firsts, .lasts, .values, .registers, .sketch, .keyed, .decayed, .sessions: 8
        }
    }
}

extension WindowPlan {
    /// The layout of this plan's tiles.
    package var tileLayout: TileLayout {
        let tiers = Set(windows.map(\.tier)).sorted().map { tier in
            var offset = 0
            var slots: [TileSlot] = []
            for (index, group) in groups.enumerated() {
                var needed = group
                needed.outputs = group.outputs.filter { windows[$0.window].tier == tier }
                if needed.outputs.isEmpty && !(tier.keepsNewest && group.family == .rows) { continue }
                let slot = TileSlot(needed, index: index, offset: offset)
                slots.append(slot)
                offset += slot.byteCount
            }
            let held = windows.filter { $0.tier == tier }
            return TileTier(
                hop: tier.hop, reach: held.map(\.reach).max() ?? .zero,
                newestCount: held.compactMap(\.newestCount).max(), stateByteCount: offset, slots: slots)
        }
        return TileLayout(tiers: tiers, fingerprint: fingerprint(of: tiers))
    }

    private func fingerprint(of tiers: [TileTier]) -> UInt64 {
        var text = "martlet tiles \(TileLayout.version)"
        for tier in tiers {
            text += ";\(tier.hop.microseconds),\(tier.reach.microseconds)"
            if let count = tier.newestCount { text += ",\(count)" }
            for slot in tier.slots {
                let group = groups[slot.group]
                text += "|\(group.family.rawValue) \(group.columnName) \(group.type.rawValue)"
                text += " \(slot.offset) \(slot.byteCount) \(slot.needsFirst) \(slot.needsLast)"
                let key = group.key
                if key.category != nil { text += " by \(group.categoryName) \(group.categoryType) \(slot.needsSum)" }
                if key.length != 0 { text += " of \(key.length)" }
                if key.halfLife != 0 || key.gap != 0 { text += " in \(key.halfLife) \(key.gap)" }
            }
        }
        return Array(text.utf8).withUnsafeBytes { tileChecksum($0) }
    }
}

extension PlannedWindow {
    /// Which tier's tiles the window is made of.
    struct Tier: Hashable, Comparable {
        var hop: TimeSpan
        var keepsNewest: Bool

        static func < (left: Tier, right: Tier) -> Bool {
            left.hop != right.hop ? left.hop < right.hop : !left.keepsNewest && right.keepsNewest
        }
    }

    var tier: Tier { Tier(hop: hop, keepsNewest: newestCount != nil) }

    var newestCount: Int? { if case .newest(let count) = shape { count } else { nil } }
}

/// Eight bytes at a time, multiplied and folded; finds damage, not malice.
func tileChecksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state = UInt64(bytes.count) ^ 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while offset + 8 <= bytes.count {
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let product = (state ^ word).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        state = product.high ^ product.low ^ (state &<< 7)
        offset += 8
    }
    var last: UInt64 = 0
    while offset < bytes.count {
        last = last &<< 8 | UInt64(bytes[offset])
        offset += 1
    }
    let product = (state ^ last).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return product.high ^ product.low
}
