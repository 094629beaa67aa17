import MartletCore

/// The numbers of integers that lie close together, as serial numbers do: by the integer itself, without hashing.
struct DirectTable: NumberTable {
    /// A table has no more places than this for each key, and not more than these in all (64 MiB).
    private static let placesPerKey = 4
    private static let placeMaximum = 1 << 24

    private let first: Int64
    /// The number of each integer from `first` on; -1 for those not seen.
    private var numbers: [Int32]
    private var count: Int32 = 0

    /// nil where the integers lie too far apart.
    init?(for keys: [Int64], _ validity: Bitmap?, threads: Int) {
        guard let range = rangeOfKeys(keys, validity, threads: threads) else { return nil }
        let (span, isBeyond) = range.upperBound.subtractingReportingOverflow(range.lowerBound)
        guard !isBeyond, span < min(Self.placeMaximum, Self.placesPerKey * keys.count) else { return nil }
        first = range.lowerBound
        numbers = [Int32](repeating: -1, count: Int(span) + 1)
    }

    func emptied() -> DirectTable {
        var table = self
        table.numbers = [Int32](repeating: -1, count: numbers.count)
        table.count = 0
        return table
    }

    mutating func assign(
        _ keys: [Int64], _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>,
        _ firstRows: inout [Int32]
    ) {
        let first = first
        var next = count
        keys.withUnsafeBufferPointer { keys in
            numbers.withUnsafeMutableBufferPointer { numbers in
                for row in rows {
                    if let validity, !validity[row] {
                        ids.base[row] = -1
                        continue
                    }
                    let place = Int(keys[row] &- first)
                    if numbers[place] < 0 {
                        numbers[place] = next
                        firstRows.append(Int32(truncatingIfNeeded: row))
                        next &+= 1
                    }
                    ids.base[row] = numbers[place]
                }
            }
        }
        count = next
    }

    mutating func assign(_ keys: [Int64], row: Int, _ firstRows: inout [Int32]) -> Int32 {
        let place = Int(keys[row] &- first)
        if numbers[place] < 0 {
            numbers[place] = count
            firstRows.append(Int32(truncatingIfNeeded: row))
            count &+= 1
        }
        return numbers[place]
    }

    func lookup(_ keys: [Int64], _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>) {
        let first = first
        keys.withUnsafeBufferPointer { keys in
            numbers.withUnsafeBufferPointer { numbers in
                for row in rows {
                    // What lies before the first is far behind the last as an unsigned number.
                    let place = UInt64(bitPattern: keys[row] &- first)
                    let isKnown = place < UInt64(numbers.count) && (validity?[row] ?? true)
                    ids.base[row] = isKnown ? numbers[Int(place)] : -1
                }
            }
        }
    }
}

/// From the smallest key to the greatest; nil where there is none.
private func rangeOfKeys(_ keys: [Int64], _ validity: Bitmap?, threads: Int) -> ClosedRange<Int64>? {
    let parts = max(1, min(threads, keys.count / 65_536))
    var bounds = [Int64](repeating: 0, count: 2 * parts)
    bounds.withUnsafeMutableBufferPointer { bounds in
        let shared = SharedBuffer(bounds)
        parallelFor(parts, threads: parts) { part in
            var (least, greatest) = (Int64.max, Int64.min)
            let rows = keys.count * part / parts..<keys.count * (part + 1) / parts
            keys.withUnsafeBufferPointer { keys in
                if let validity {
                    for row in rows where validity[row] {
                        least = min(least, keys[row])
                        greatest = max(greatest, keys[row])
                    }
                } else {
                    for row in rows {
                        least = min(least, keys[row])
                        greatest = max(greatest, keys[row])
                    }
                }
            }
            shared.base[2 * part] = least
            shared.base[2 * part + 1] = greatest
        }
    }
    let least = stride(from: 0, to: 2 * parts, by: 2).reduce(Int64.max) { min($0, bounds[$1]) }
    let greatest = stride(from: 1, to: 2 * parts, by: 2).reduce(Int64.min) { max($0, bounds[$1]) }
    return least <= greatest ? least...greatest : nil
}
