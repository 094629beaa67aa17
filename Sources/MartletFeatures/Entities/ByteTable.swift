import MartletCore

/// A hash table from byte strings to dense numbers; it keeps one copy of each string.
struct ByteTable: NumberTable {
    private struct Slot {
        var hash: UInt64
        /// -1 marks an empty slot.
        var id: Int32
    }

    private var slots = [Slot](repeating: Slot(hash: 0, id: -1), count: 1_024)
    private var starts: [Int] = [0]
    private var bytes: [UInt8] = []
    private let seed = UInt64.random(in: .min ... .max)

    init() {}

    func emptied() -> ByteTable { ByteTable() }

    private var count: Int { starts.count - 1 }

    mutating func assign(
        _ keys: ByteStrings, _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>,
        _ firstRows: inout [Int32]
    ) {
        keys.offsets.withUnsafeBufferPointer { offsets in
            keys.bytes.withUnsafeBytes { bytes in
                for row in rows {
                    if let validity, !validity[row] {
                        ids.base[row] = -1
                        continue
                    }
                    let key = UnsafeRawBufferPointer(rebasing: bytes[Int(offsets[row])..<Int(offsets[row + 1])])
                    ids.base[row] = number(key, row: row, &firstRows)
                }
            }
        }
    }

    mutating func assign(_ keys: ByteStrings, row: Int, _ firstRows: inout [Int32]) -> Int32 {
        keys.bytes.withUnsafeBytes { bytes in
            number(UnsafeRawBufferPointer(rebasing: bytes[keys.range(row)]), row: row, &firstRows)
        }
    }

    @inline(__always)
    private mutating func number(_ key: UnsafeRawBufferPointer, row: Int, _ firstRows: inout [Int32]) -> Int32 {
        let known = find(key)
        if known.id >= 0 { return known.id }
        firstRows.append(Int32(truncatingIfNeeded: row))
        return insert(key, hash: known.hash, place: known.place)
    }

    func lookup(_ keys: ByteStrings, _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>) {
        keys.offsets.withUnsafeBufferPointer { offsets in
            keys.bytes.withUnsafeBytes { bytes in
                for row in rows {
                    if let validity, !validity[row] {
                        ids.base[row] = -1
                        continue
                    }
                    let key = UnsafeRawBufferPointer(rebasing: bytes[Int(offsets[row])..<Int(offsets[row + 1])])
                    ids.base[row] = find(key).id
                }
            }
        }
    }

    private func find(_ key: UnsafeRawBufferPointer) -> (id: Int32, hash: UInt64, place: Int) {
        let hash = hashedText(key, seed: seed)
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[place]
            if slot.id < 0 { return (-1, hash, place) }
            if slot.hash == hash && isEqual(Int(slot.id), key) { return (slot.id, hash, place) }
            place = (place &+ 1) & mask
        }
    }

    private func isEqual(_ id: Int, _ key: UnsafeRawBufferPointer) -> Bool {
        let start = starts[id]
        return bytes.withUnsafeBytes {
            compareBytes(UnsafeRawBufferPointer(rebasing: $0[start..<starts[id + 1]]), key) == 0
        }
    }

    private mutating func insert(_ key: UnsafeRawBufferPointer, hash: UInt64, place: Int) -> Int32 {
        let id = Int32(truncatingIfNeeded: count)
        slots[place] = Slot(hash: hash, id: id)
        bytes.append(contentsOf: key)
        starts.append(bytes.count)
        if count * 2 > slots.count { grow() }
        return id
    }

    private mutating func grow() {
        let old = slots
        let capacity = old.count * 2
        slots = [Slot](repeating: Slot(hash: 0, id: -1), count: capacity)
        for slot in old where slot.id >= 0 {
            var place = Int(truncatingIfNeeded: slot.hash) & (capacity - 1)
            while slots[place].id >= 0 { place = (place + 1) & (capacity - 1) }
            slots[place] = slot
        }
    }
}

/// Eight bytes at a time, multiplied and folded (after wyhash); the length is part of it.
/// - Parameter seed: random where an enemy may choose the keys.
func hashedText(_ key: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    var state = seed ^ (UInt64(truncatingIfNeeded: key.count) &* 0x9E37_79B9_7F4A_7C15)
    var offset = 0
    while offset + 8 <= key.count {
        state = folded(state ^ key.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8
    }
    var tail: UInt64 = 0
    while offset < key.count {
        tail = tail &<< 8 | UInt64(key[offset])
        offset += 1
    }
    return folded(state ^ tail)
}

@inline(__always)
private func folded(_ word: UInt64) -> UInt64 {
    let product = (word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
}
