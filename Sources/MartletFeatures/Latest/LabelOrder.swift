import MartletCore

/// Labels in the order of their times.
protocol LabelOrder: Sendable {
    /// The label at a place of the order.
    func label(_ place: Int) -> (row: Int, time: Int64)
}

/// Labels that stand in the order of time.
struct GivenOrder: LabelOrder {
    let times: [Int64]

    @inline(__always)
    func label(_ place: Int) -> (row: Int, time: Int64) { (place, times[place]) }
}

/// Labels whose time and row do not fit into one word.
struct WideOrder: LabelOrder {
    let rows: [TimedRow]

    @inline(__always)
    func label(_ place: Int) -> (row: Int, time: Int64) { (Int(rows[place].row), rows[place].time) }
}

/// Time and row of each label in one word, which is half of what has to be moved to sort them.
struct PackedOrder: LabelOrder {
    let words: [UInt64]
    let packing: LabelPacking

    @inline(__always)
    func label(_ place: Int) -> (row: Int, time: Int64) { packing.unpacked(words[place]) }
}

/// The upper bits of a word are the time since the first one, in the largest power of two of microseconds that divides
/// all of them; the lower ones are the row.
struct LabelPacking: Sendable {
    private let first: Int64
    private let zeroBits: UInt64
    let rowBits: UInt64

    /// nil where a word is too short.
    init?(_ times: [Int64], threads: Int) {
        guard let first = times.first else { return nil }
        var least = [Int64](repeating: first, count: max(1, threads))
        var greatest = least
        var bits = [UInt64](repeating: 0, count: least.count)
        let parts = least.count
        least.withUnsafeMutableBufferPointer { least in
            greatest.withUnsafeMutableBufferPointer { greatest in
                bits.withUnsafeMutableBufferPointer { bits in
                    let shared = (SharedBuffer(least), SharedBuffer(greatest), SharedBuffer(bits))
                    parallelFor(parts, threads: parts) { part in
                        var (low, high, found) = (first, first, UInt64(0))
                        for time in times[times.count * part / parts..<times.count * (part + 1) / parts] {
                            low = min(low, time)
                            high = max(high, time)
                            found |= UInt64(bitPattern: time &- first)
                        }
                        shared.0.base[part] = low
                        shared.1.base[part] = high
                        shared.2.base[part] = found
                    }
                }
            }
        }
        let (low, high) = (least.reduce(first) { min($0, $1) }, greatest.reduce(first) { max($0, $1) })
        // All differences to one time have these bits clear, and so have those to the least.
        let zeros = min(63, bits.reduce(0) { $0 | $1 }.trailingZeroBitCount)
        let timeBits = 64 - (UInt64(bitPattern: high &- low) >> UInt64(zeros)).leadingZeroBitCount
        let rowBits = 64 - UInt64(times.count).leadingZeroBitCount
        guard timeBits + rowBits <= 64 else { return nil }
        self.first = low
        zeroBits = UInt64(zeros)
        self.rowBits = UInt64(rowBits)
    }

    @inline(__always)
    func packed(row: Int, time: Int64) -> UInt64 {
        (UInt64(bitPattern: time &- first) &>> zeroBits) &<< rowBits | UInt64(truncatingIfNeeded: row)
    }

    @inline(__always)
    func unpacked(_ word: UInt64) -> (row: Int, time: Int64) {
        let row = word & ((1 &<< rowBits) &- 1)
        let time = (word &>> rowBits) &<< zeroBits
        return (Int(truncatingIfNeeded: row), first &+ Int64(bitPattern: time))
    }
}

/// The rows of the labels, dealt out to the stretches between the bounds and there sorted by time, equal times in row
/// order; all stretches at once.
/// - Parameters:
///   - bounds: ascending times; a stretch begins with the labels at its bound.
///   - made: an element of a row and its time.
///   - sort: sorts the elements of a stretch, which are in row order.
/// - Returns: the elements, where each stretch begins, and behind the last the number of labels.
func sortedInStretches<Element: BitwiseCopyable>(
    _ times: [Int64], bounds: [Int64], made: @Sendable (Int, Int64) -> Element,
    sort: @Sendable (UnsafeMutableBufferPointer<Element>) -> Void
) -> (elements: [Element], starts: [Int]) {
    let parts = bounds.count + 1
    let chunks = (0...parts).map { times.count * $0 / parts }
    // For each stretch the places of each chunk's rows, in the order of the chunks.
    var places = [Int](repeating: 0, count: parts * parts)
    var starts: [Int] = []
    let elements = [Element](count: times.count) { elements in
        places.withUnsafeMutableBufferPointer { places in
            let shared = (elements: SharedBuffer(elements), places: SharedBuffer(places))
            parallelFor(parts, threads: parts) { chunk in
                for row in chunks[chunk]..<chunks[chunk + 1] {
                    shared.places.base[stretch(of: times[row], bounds) * parts + chunk] += 1
                }
            }
            var total = 0
            for place in places.indices {
                if place % parts == 0 { starts.append(total) }
                let count = places[place]
                places[place] = total
                total += count
            }
            starts.append(total)
            let bounded = starts
            parallelFor(parts, threads: parts) { chunk in
                for row in chunks[chunk]..<chunks[chunk + 1] {
                    let place = stretch(of: times[row], bounds) * parts + chunk
                    shared.elements.base[shared.places.base[place]] = made(row, times[row])
                    shared.places.base[place] += 1
                }
            }
            parallelFor(parts, threads: parts) { part in
                sort(
                    UnsafeMutableBufferPointer(
                        start: shared.elements.base + bounded[part], count: bounded[part + 1] - bounded[part]))
            }
        }
    }
    return (elements, starts)
}

/// How many bounds are not after the time.
@inline(__always)
private func stretch(of time: Int64, _ bounds: [Int64]) -> Int {
    var count = 0
    for bound in bounds where bound <= time { count &+= 1 }
    return count
}

/// Ascending; by their digits from `lowest` on, the least significant first. The bits below `lowest` ascend already.
func sortWords(_ words: UnsafeMutableBufferPointer<UInt64>, lowest: UInt64) {
    guard let first = words.first else { return }
    if words.count < 1_024 {
        var sorted = words
        sorted.sort()
        return
    }
    let differing = words.reduce(0) { $0 | ($1 ^ first) } &>> lowest
    let width = 64 - differing.leadingZeroBitCount
    // Digits of about equal width, whose places stay in the cache nearest to the processor.
    let passes = (width + 11) / 12
    if passes == 0 { return }
    let digitBits = (width + passes - 1) / passes
    let radix = 1 << digitBits
    let mask = UInt64(radix - 1)
    let other = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: words.count)
    defer { other.deallocate() }
    adviseLargePages(UnsafeMutableRawBufferPointer(other))
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: radix) { places in
        var (source, target) = (words, other)
        for pass in 0..<passes {
            let shift = lowest + UInt64(pass * digitBits)
            places.initialize(repeating: 0)
            for word in source { places[Int(truncatingIfNeeded: (word &>> shift) & mask)] &+= 1 }
            var total: UInt32 = 0
            for digit in 0..<radix {
                let count = places[digit]
                places[digit] = total
                total &+= count
            }
            for word in source {
                let digit = Int(truncatingIfNeeded: (word &>> shift) & mask)
                target[Int(places[digit])] = word
                places[digit] &+= 1
            }
            swap(&source, &target)
        }
        if passes % 2 == 1 { _ = words.update(fromContentsOf: other) }
    }
}
