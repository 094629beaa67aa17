import MartletCore

/// A few words that rows name by number: how the generator writes text columns without making a `String` a row.
struct Vocabulary: Sendable {
    /// A word in three little-endian machine words, so that it is copied in at most three stores.
    private struct Word: Sendable {
        var parts: (UInt64, UInt64, UInt64)
        var count: Int
    }

    private static let maximumBytes = 24
    private let words: [Word]
    /// The longest word, in bytes.
    private let longest: Int

    /// - Precondition: at most 256 words of at most 24 bytes.
    init(_ words: [String]) {
        precondition(words.count <= 256, "a word's number fits into a byte")
        self.words = words.map { word in
            let bytes = Array(word.utf8)
            precondition(bytes.count <= Self.maximumBytes, "a word fits into three machine words")
            func part(_ index: Int) -> UInt64 {
                bytes.dropFirst(index * 8).prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            return Word(parts: (part(0), part(1), part(2)), count: bytes.count)
        }
        longest = words.map(\.utf8.count).max() ?? 0
    }

    /// - Precondition: every code is the number of a word.
    func column(_ codes: [UInt8]) -> Column {
        var offsets = [Int32](repeating: 0, count: codes.count + 1)
        let text = [UInt8](unsafeUninitializedCapacity: codes.count * longest + Self.maximumBytes) { buffer, count in
            var end = 0
            for row in codes.indices {
                let word = words[Int(codes[row])]
                // The capacity is the longest word for every row and one whole word more, so the stores stay inside;
                // what they write beyond the word, the next row writes over.
                let place = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[end...])
                place.storeBytes(of: word.parts.0.littleEndian, as: UInt64.self)
                if word.count > 8 { place.storeBytes(of: word.parts.1.littleEndian, toByteOffset: 8, as: UInt64.self) }
                if word.count > 16 {
                    place.storeBytes(of: word.parts.2.littleEndian, toByteOffset: 16, as: UInt64.self)
                }
                end &+= word.count
                offsets[row &+ 1] = Int32(truncatingIfNeeded: end)
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
