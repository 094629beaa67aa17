import MartletCore

/// An open-addressing hash table from integers to dense numbers (linear probing, at most half full).
///
/// The hash is multiply-shift with a random odd factor (Dietzfelbinger, Hagerup, Katajainen, Penttonen, "A Reliable
/// Randomized Algorithm for the Closest-Pair Problem", 1997): two keys collide with a chance of 2 in the number of
/// slots.
struct IntegerTable: NumberTable {
    private struct Slot {
        var key: Int64
        /// -1 marks an empty slot.
        var id: Int32
    }

    private var slots = [Slot](repeating: Slot(key: 0, id: -1), count: 1_024)
    private var shift: UInt64 = 64 - 10
    private var count: Int32 = 0
    private let factor = UInt64.random(in: .min ... .max) | 1

    init() {}

    func emptied() -> IntegerTable { IntegerTable() }

    mutating func assign(
        _ keys: [Int64], _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>,
        _ firstRows: inout [Int32]
    ) {
        var row = rows.lowerBound
        while row < rows.upperBound {
            // A block never fills the table beyond half: its room is made before.
            let blockEnd = min(rows.upperBound, row + max(256, slots.count / 8))
            grow(for: Int(count) + blockEnd - row)
            assignBlock(keys, validity, row..<blockEnd, ids, &firstRows)
            row = blockEnd
        }
    }

    mutating func assign(_ keys: [Int64], row: Int, _ firstRows: inout [Int32]) -> Int32 {
        grow(for: Int(count) + 1)
        let key = keys[row]
        let place = find(key)
        if slots[place].id < 0 {
            slots[place] = Slot(key: key, id: count)
            firstRows.append(Int32(truncatingIfNeeded: row))
            count &+= 1
        }
        return slots[place].id
    }

    private func find(_ key: Int64) -> Int {
        var place = Int(truncatingIfNeeded: hashed(key, factor) &>> shift)
        while slots[place].id >= 0 && slots[place].key != key { place = (place &+ 1) & (slots.count - 1) }
        return place
    }

    private mutating func assignBlock(
        _ keys: [Int64], _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>,
        _ firstRows: inout [Int32]
    ) {
        let mask = slots.count - 1
        let shift = shift
        let factor = factor
        let ids = ids.base
        var next = count
        keys.withUnsafeBufferPointer { keys in
            slots.withUnsafeMutableBufferPointer { slots in
                for row in rows {
                    if let validity, !validity[row] {
                        ids[row] = -1
                        continue
                    }
                    let key = keys[row]
                    var place = Int(truncatingIfNeeded: hashed(key, factor) &>> shift)
                    while slots[place].id >= 0 && slots[place].key != key { place = (place &+ 1) & mask }
                    if slots[place].id < 0 {
                        slots[place] = Slot(key: key, id: next)
                        firstRows.append(Int32(truncatingIfNeeded: row))
                        next &+= 1
                    }
                    ids[row] = slots[place].id
                }
            }
        }
        count = next
    }

    func lookup(_ keys: [Int64], _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>) {
        let mask = slots.count - 1
        keys.withUnsafeBufferPointer { keys in
            slots.withUnsafeBufferPointer { slots in
                for row in rows {
                    let key = keys[row]
                    var place = Int(truncatingIfNeeded: hashed(key, factor) &>> shift)
                    while slots[place].id >= 0 && slots[place].key != key { place = (place &+ 1) & mask }
                    ids.base[row] = slots[place].id
                }
            }
        }
        if let validity {
            for row in rows where !validity[row] { ids.base[row] = -1 }
        }
    }

    private mutating func grow(for needed: Int) {
        // Only what is there must be moved; a block is at most an eighth of the table, so this doubles at about a
        // third.
        guard needed * 2 > slots.count else { return }
        var capacity = slots.count
        while needed * 2 > capacity { capacity *= 2 }
        let old = slots
        slots = [Slot](repeating: Slot(key: 0, id: -1), count: capacity)
        shift = UInt64(64 - capacity.trailingZeroBitCount)
        for slot in old where slot.id >= 0 { slots[find(slot.key)] = slot }
    }
}

/// Both halves folded first, so that keys which differ in their upper half only differ in the lower one.
@inline(__always)
private func hashed(_ key: Int64, _ factor: UInt64) -> UInt64 {
    let word = UInt64(bitPattern: key)
    return (word ^ (word &>> 32)) &* factor
}
