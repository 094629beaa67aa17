import MartletCore

/// Rows grouped by entity by a counting sort: the rows of entity `k` are `rows[offsets[k]..<offsets[k + 1]]`, in row
/// order. Rows of entities outside `0..<keyCount` are left out.
struct RowGrouping: Sendable {
    private(set) var offsets: [Int32]
    private(set) var rows: [Int32]

    /// - Parameters:
    ///   - isWanted: one byte an entity, zero where its rows are left out; nil keeps all.
    ///   - parts: how many threads count and move; the result does not depend on it.
    init(ids: [Int32], keyCount: Int, isWanted: [UInt8]? = nil, parts: Int) {
        let parts = max(1, min(parts, ids.count / 65_536))
        let bounds = (0...parts).map { ids.count * $0 / parts }
        // One histogram a part, turned into the place where the part puts its next row of the entity.
        var places = [Int32](repeating: 0, count: parts * keyCount)
        var offsets = [Int32](repeating: 0, count: keyCount + 1)
        var rows: [Int32] = []
        places.withUnsafeMutableBufferPointer { places in
            let shared = SharedBuffer(places)
            parallelFor(parts, threads: parts) { part in
                let counts = shared.base + part * keyCount
                forEachWanted(ids, bounds[part]..<bounds[part + 1], keyCount, isWanted) { _, id in counts[id] &+= 1 }
            }
            var total: Int32 = 0
            for key in 0..<keyCount {
                offsets[key] = total
                for part in 0..<parts {
                    let count = places[part * keyCount + key]
                    places[part * keyCount + key] = total
                    total += count
                }
            }
            offsets[keyCount] = total
            rows = [Int32](count: Int(total)) { rows in
                let target = SharedBuffer(rows)
                parallelFor(parts, threads: parts) { part in
                    let next = shared.base + part * keyCount
                    forEachWanted(ids, bounds[part]..<bounds[part + 1], keyCount, isWanted) { row, id in
                        target.base[Int(next[id])] = Int32(truncatingIfNeeded: row)
                        next[id] &+= 1
                    }
                }
            }
        }
        self.offsets = offsets
        self.rows = rows
    }

    var keyCount: Int { offsets.count - 1 }

    @inline(__always)
    func range(_ key: Int) -> Range<Int> { Int(offsets[key])..<Int(offsets[key + 1]) }

    /// Sorts the rows of each entity by `times`, equal times staying in row order.
    /// - Parameter parts: how many threads share the entities; the result does not depend on it.
    consuming func sortedWithinGroups(by times: [Int64], parts: Int) -> RowGrouping {
        let offsets = offsets
        rows.withUnsafeMutableBufferPointer { rows in
            let shared = SharedBuffer(rows)
            parallelRanges(ofGroups: offsets, parts: parts) { keys in
                var keyed: [TimedRow] = []
                for key in keys {
                    sortRows(shared.base, Int(offsets[key])..<Int(offsets[key + 1]), by: times, &keyed)
                }
            }
        }
        return self
    }
}

/// - Parameter keyed: room that is used from entity to entity.
private func sortRows(
    _ rows: UnsafeMutablePointer<Int32>, _ range: Range<Int>, by times: [Int64], _ keyed: inout [TimedRow]
) {
    var isSorted = true
    for place in range.dropFirst() where times[Int(rows[place])] < times[Int(rows[place - 1])] {
        isSorted = false
        break
    }
    if isSorted { return }
    keyed.removeAll(keepingCapacity: true)
    for place in range { keyed.append(TimedRow(time: times[Int(rows[place])], row: rows[place])) }
    sortByTime(&keyed)
    for (place, timed) in zip(range, keyed) { rows[place] = timed.row }
}

/// Runs `body` for ranges of entities with about as many rows each.
private func parallelRanges(ofGroups offsets: [Int32], parts: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let total = Int(offsets[offsets.count - 1])
    let parts = max(1, min(parts, total / 8_192))
    // The first entity that begins at or behind its share of the rows.
    let bounds = (0...parts).map { part in
        part == parts ? offsets.count - 1 : offsets.partitioningIndex { Int($0) >= total * part / parts }
    }
    parallelFor(parts, threads: parts) { part in
        if bounds[part] < bounds[part + 1] { body(bounds[part]..<bounds[part + 1]) }
    }
}

extension [Int32] {
    /// The first index for which the condition holds, which holds for all behind it.
    fileprivate func partitioningIndex(_ isBehind: (Int32) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

@inline(__always)
private func forEachWanted(
    _ ids: [Int32], _ rows: Range<Int>, _ keyCount: Int, _ isWanted: [UInt8]?, _ body: (Int, Int) -> Void
) {
    ids.withUnsafeBufferPointer { ids in
        if let isWanted {
            isWanted.withUnsafeBufferPointer { isWanted in
                for row in rows {
                    let id = Int(UInt32(bitPattern: ids[row]))
                    if id < keyCount && isWanted[id] != 0 { body(row, id) }
                }
            }
        } else {
            for row in rows {
                let id = Int(UInt32(bitPattern: ids[row]))
                if id < keyCount { body(row, id) }
            }
        }
    }
}

struct TimedRow: BitwiseCopyable {
    var time: Int64
    var row: Int32
}

/// By time, then by row; many rows by their digits, the least significant first.
/// - Precondition: the rows ascend.
func sortByTime(_ rows: inout [TimedRow]) {
    if rows.count < 1_024 {
        rows.sort { $0.time != $1.time ? $0.time < $1.time : $0.row < $1.row }
        return
    }
    radixSortByTime(&rows)
}

/// Stable; as many passes of eleven bits as the range of the times has.
private func radixSortByTime(_ rows: inout [TimedRow]) {
    let smallest = rows.reduce(Int64.max) { min($0, $1.time) }
    let greatest = rows.reduce(Int64.min) { max($0, $1.time) }
    let width = 64 - UInt64(bitPattern: greatest &- smallest).leadingZeroBitCount
    var other = rows
    var shift = 0
    while shift < width {
        var places = [Int](repeating: 0, count: 2_049)
        places.withUnsafeMutableBufferPointer { places in
            rows.withUnsafeBufferPointer { source in
                other.withUnsafeMutableBufferPointer { target in
                    for row in source { places[digit(row.time &- smallest, shift) + 1] += 1 }
                    for index in 1..<2_049 { places[index] += places[index - 1] }
                    for row in source {
                        let place = digit(row.time &- smallest, shift)
                        target[places[place]] = row
                        places[place] += 1
                    }
                }
            }
        }
        swap(&rows, &other)
        shift += 11
    }
}

@inline(__always)
private func digit(_ time: Int64, _ shift: Int) -> Int {
    Int(truncatingIfNeeded: (UInt64(bitPattern: time) &>> UInt64(shift)) & 0x7FF)
}

/// Memory that several threads write, each its own part.
///
/// `@unchecked Sendable` because the threads of one `parallelFor` write disjoint elements, and nobody reads before all
/// are done.
struct SharedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ buffer: UnsafeMutableBufferPointer<Element>) {
        // An empty buffer has no address; nothing is ever written through this one then.
        base = buffer.baseAddress ?? UnsafeMutablePointer(bitPattern: MemoryLayout<Element>.alignment)!
        count = buffer.count
    }
}
