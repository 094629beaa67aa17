internal import Glibc

extension EntityKeys {
    /// The indices of the unique keys in ascending order of their bytes. O(n log n).
    package func sortedOrder() -> [Int32] {
        // The first 16 bytes in two words decide nearly every comparison; a single number has nine.
        struct Item {
            var high: UInt64
            var low: UInt64
            var index: Int32
        }
        var items: [Item] = []
        items.reserveCapacity(uniqueCount)
        var isSorted = true
        for index in 0..<uniqueCount {
            let item = withKey(index) { key in
                Item(
                    high: word(key, at: 0), low: word(key, at: 8),
                    index: Int32(index))
            }
            if let last = items.last, (last.high, last.low) >= (item.high, item.low) { isSorted = false }
            items.append(item)
        }
        if !isSorted {
            items.sort { left, right in
                if left.high != right.high { return left.high < right.high }
                if left.low != right.low { return left.low < right.low }
                return withKey(Int(left.index)) { a in withKey(Int(right.index)) { b in compareBytes(a, b) < 0 } }
            }
        }
        return items.map(\.index)
    }
}

/// Eight bytes from `offset` on as a big-endian number, zeros beyond the end.
private func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
    if offset + 8 <= bytes.count {
        return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    var word: UInt64 = 0
    for index in offset..<offset + 8 { word = word << 8 | (index < bytes.count ? UInt64(bytes[index]) : 0) }
    return word
}

/// Less than, equal to or greater than zero, as `memcmp` and then by length.
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    guard let a = left.baseAddress, let b = right.baseAddress else { return left.count - right.count }
    let difference = memcmp(a, b, min(left.count, right.count))
    return difference != 0 ? Int(difference) : left.count - right.count
}
