/// A set of the numbers of an entity's events that knows the neighbours of each: a bit an event, and over every 64
/// words of bits a word that tells which of them are not empty, up to a single one. Each step takes O(log64 of the
/// room); memory is kept from entity to entity.
final class EventSet {
    /// All levels, the bits of the events first.
    private var words: [UInt64] = []
    /// Where each level starts.
    private var starts: [Int] = []
    private(set) var count = 0

    /// Empties the set and makes room for the numbers below `room`.
    func removeAll(room: Int) {
        count = 0
        starts.removeAll(keepingCapacity: true)
        var total = 0
        var size = max(1, room)
        repeat {
            size = (size + 63) >> 6
            starts.append(total)
            total += size
        } while size > 1
        words.removeAll(keepingCapacity: true)
        words.append(contentsOf: repeatElement(0, count: total))
    }

    /// - Precondition: the number is not in the set.
    func insert(_ event: Int) {
        var index = event
        for start in starts {
            words[start + (index >> 6)] |= 1 &<< UInt64(index & 63)
            index >>= 6
        }
        count += 1
    }

    /// - Precondition: the number is in the set.
    func remove(_ event: Int) {
        var index = event
        for start in starts {
            words[start + (index >> 6)] &= ~(1 &<< UInt64(index & 63))
            if words[start + (index >> 6)] != 0 { break }
            index >>= 6
        }
        count -= 1
    }

    /// The greatest number of the set below `event`.
    func last(before event: Int) -> Int? {
        var index = event
        for level in starts.indices {
            let below = words[starts[level] + (index >> 6)] & (1 &<< UInt64(index & 63) &- 1)
            if below != 0 {
                return lowered(index & ~63 | (63 - below.leadingZeroBitCount), level) { 63 - $0.leadingZeroBitCount }
            }
            index >>= 6
        }
        return nil
    }

    /// The smallest number of the set above `event`.
    func first(after event: Int) -> Int? {
        var index = event
        for level in starts.indices {
            let above = words[starts[level] + (index >> 6)] & ((UInt64.max &- 1) &<< UInt64(index & 63))
            if above != 0 {
                return lowered(index & ~63 | above.trailingZeroBitCount, level) { $0.trailingZeroBitCount }
            }
            index >>= 6
        }
        return nil
    }

    /// From a bit of a level down to that of an event, by the bit that `choose` takes of each word on the way.
    @inline(__always)
    private func lowered(_ bit: Int, _ level: Int, _ choose: (UInt64) -> Int) -> Int {
        var place = bit
        for lower in starts[..<level].reversed() { place = place << 6 | choose(words[lower + place]) }
        return place
    }
}
