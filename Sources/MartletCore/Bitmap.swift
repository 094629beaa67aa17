/// A growable sequence of bits, 64 to a word; bit `i` is bit `i & 63` of word `i >> 6`. As the validity of a column, a
/// set bit means that the value is present.
package struct Bitmap: Sendable, Hashable {
    package private(set) var words: [UInt64]
    package private(set) var count: Int

    package init(repeating bit: Bool, count: Int) {
        words = [UInt64](repeating: bit ? .max : 0, count: (count + 63) >> 6)
        self.count = count
        clearUnusedBits()
    }

    package init(_ bits: [Bool]) {
        self.init(repeating: false, count: bits.count)
        for (index, bit) in bits.enumerated() where bit { self[index] = true }
    }

    /// - Precondition: `words` holds `(count + 63) / 64` words.
    package init(words: [UInt64], count: Int) {
        precondition(words.count == (count + 63) >> 6, "a bitmap has one word for each 64 bits")
        self.words = words
        self.count = count
        clearUnusedBits()
    }

    package subscript(index: Int) -> Bool {
        get { words[index >> 6] & (1 &<< UInt64(index & 63)) != 0 }
        set {
            if newValue {
                words[index >> 6] |= 1 &<< UInt64(index & 63)
            } else {
                words[index >> 6] &= ~(1 &<< UInt64(index & 63))
            }
        }
    }

    package mutating func append(_ bit: Bool) {
        if count & 63 == 0 { words.append(0) }
        count += 1
        if bit { self[count - 1] = true }
    }

    /// Appends the lowest `extra` bits of a word, the lowest first.
    /// - Precondition: `extra` is at most 64.
    package mutating func append(word: UInt64, count extra: Int) {
        if extra <= 0 { return }
        let word = extra == 64 ? word : word & ((1 &<< UInt64(extra)) - 1)
        let used = count & 63
        if used == 0 {
            words.append(word)
        } else {
            words[words.count - 1] |= word &<< UInt64(used)
            if used + extra > 64 { words.append(word &>> UInt64(64 - used)) }
        }
        count += extra
    }

    package mutating func append(repeating bit: Bool, count extra: Int) {
        for start in stride(from: 0, to: extra, by: 64) {
            append(word: bit ? .max : 0, count: min(64, extra - start))
        }
    }

    /// Appends some bits of another bitmap.
    package mutating func append(_ other: Bitmap, _ range: Range<Int>) {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 64) {
            let (place, shift) = (start >> 6, UInt64(start & 63))
            var word = other.words[place] &>> shift
            if shift > 0 && place + 1 < other.words.count { word |= other.words[place + 1] &<< (64 - shift) }
            append(word: word, count: min(64, range.upperBound - start))
        }
    }

    /// The number of set bits.
    package var countOfOnes: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    package var allSet: Bool { countOfOnes == count }

    private mutating func clearUnusedBits() {
        let used = count & 63
        if used != 0, let last = words.indices.last { words[last] &= (1 &<< UInt64(used)) - 1 }
    }
}
