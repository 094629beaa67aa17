import MartletCore

/// A few words that rows name by number: how the generator writes text columns without making a `String` a row.
struct Vocabulary: Sendable {
    private let bytes: [UInt8]
    private let starts: [Int32]
    /// The longest word, in bytes.
    private let longest: Int

    /// - Precondition: at most 256 words.
    init(_ words: [String]) {
        precondition(words.count <= 256, "a word's number fits into a byte")
        let strings = ByteStrings(words)
        bytes = strings.bytes
        starts = strings.offsets
        longest = words.map(\.utf8.count).max() ?? 0
    }

    /// - Precondition: every code is the number of a word.
    func column(_ codes: [UInt8]) -> Column {
        var offsets = [Int32](repeating: 0, count: codes.count + 1)
        let text = [UInt8](unsafeUninitializedCapacity: codes.count * longest) { buffer, count in
            var end = 0
            for row in codes.indices {
                let code = Int(codes[row])
                var byte = Int(starts[code])
                let stop = Int(starts[code + 1])
                // The capacity is the longest word for every row, so the writes stay inside.
                while byte < stop {
                    buffer[end] = bytes[byte]
                    end += 1
                    byte += 1
                }
                offsets[row + 1] = Int32(truncatingIfNeeded: end)
            }
            count = end
        }
        return Column(.string(ByteStrings(offsets: offsets, bytes: text)))
    }
}

/// `p` and ten digits; a number of -1 is a null.
func paymentIDColumn(_ numbers: [Int]) -> Column {
    let width = 11
    var validity: Bitmap?
    var offsets = [Int32](repeating: 0, count: numbers.count + 1)
    var words = [UInt64](repeating: 0, count: (numbers.count + 63) >> 6)
    let text = [UInt8](unsafeUninitializedCapacity: numbers.count * width) { buffer, count in
        var end = 0
        for row in numbers.indices {
            if numbers[row] >= 0 {
                // The capacity is `width` bytes for every row, so the writes stay inside.
                buffer[end] = UInt8(ascii: "p")
                var high = UInt32(truncatingIfNeeded: numbers[row] / 100_000)
                var low = UInt32(truncatingIfNeeded: numbers[row] % 100_000)
                for place in 0..<5 {
                    buffer[end + 10 - place] = 48 + UInt8(truncatingIfNeeded: low % 10)
                    buffer[end + 5 - place] = 48 + UInt8(truncatingIfNeeded: high % 10)
                    low /= 10
                    high /= 10
                }
                end += width
                words[row >> 6] |= 1 &<< UInt64(row & 63)
            }
            offsets[row + 1] = Int32(truncatingIfNeeded: end)
        }
        count = end
    }
    let present = Bitmap(words: words, count: numbers.count)
    if !present.allSet { validity = present }
    return Column(.string(ByteStrings(offsets: offsets, bytes: text)), validity: validity)
}
