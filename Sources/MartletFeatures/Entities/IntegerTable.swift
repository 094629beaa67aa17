import MartletCore

/// An open-addressing hash table from integers to dense numbers (linear probing, at most half full).
struct IntegerTable: Sendable {
    private struct Slot {
        var key: Int64
        /// -1 marks an empty slot.
        var id: Int32
    }

    private var slots = [Slot](repeating: Slot(key: 0, id: -1), count: 1_024)
    private var shift: UInt64 = 64 - 10
    private var count: Int32 = 0

    init() {}

    /// The number of each key, -1 for null; a new key gets the next one and its row is appended to `firstRows`.
    mutating func assign(_ keys: [Int64], _ validity: Bitmap?, _ firstRows: inout [Int32]) -> [Int32] {
        [Int32](unsafeUninitializedCapacity: keys.count) { ids, initialized in
            var row = 0
            while row < keys.count {
                // A block never fills the table beyond half: its room is made before.
                let blockEnd = min(keys.count, row + max(256, slots.count / 8))
                grow(for: Int(count) + blockEnd - row)
                assignBlock(keys, validity, row..<blockEnd, ids, &firstRows)
                row = blockEnd
            }
            initialized = keys.count
        }
    }

    private mutating func assignBlock(
        _ keys: [Int64], _ validity: Bitmap?, _ rows: Range<Int>, _ ids: UnsafeMutableBufferPointer<Int32>,
        _ firstRows: inout [Int32]
    ) {
        let mask = slots.count - 1
        let shift = shift
        var next = count
        keys.withUnsafeBufferPointer { keys in
            slots.withUnsafeMutableBufferPointer { slots in
                for row in rows {
                    if let validity, !validity[row] {
                        ids[row] = -1
                        continue
                    }
                    let key = keys[row]
                    var place = Int(truncatingIfNeeded: hashed(key) &>> shift)
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

    /// The number of each key, -1 for null and unknown ones.
    func lookup(_ keys: [Int64], _ validity: Bitmap?) -> [Int32] {
        let mask = slots.count - 1
        return [Int32](unsafeUninitializedCapacity: keys.count) { ids, initialized in
            for row in keys.indices {
                let key = keys[row]
                var place = Int(truncatingIfNeeded: hashed(key) &>> shift)
                while slots[place].id >= 0 && slots[place].key != key { place = (place &+ 1) & mask }
                ids[row] = slots[place].id
            }
            if let validity {
                for row in keys.indices where !validity[row] { ids[row] = -1 }
            }
            initialized = keys.count
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
        for slot in old where slot.id >= 0 {
            var place = Int(truncatingIfNeeded: hashed(slot.key) &>> shift)
            while slots[place].id >= 0 { place = (place + 1) & (capacity - 1) }
            slots[place] = slot
        }
    }
}

/// Multiplicative hashing with both halves folded (after Knuth, TAOCP 3, 6.4): good upper bits for keys that differ
/// little.
@inline(__always)
private func hashed(_ key: Int64) -> UInt64 {
    let word = UInt64(bitPattern: key)
    return (word ^ (word &>> 32)) &* 0x9E37_79B9_7F4A_7C15
}
