import MartletCore
import Synchronization

/// A hash table from keys to dense numbers, in the order in which the keys first occur.
///
/// Where a key lies in the table depends on a random number of each table, so that nobody can choose keys that collide;
/// the numbers do not depend on it.
protocol NumberTable: Sendable {
    associatedtype Keys: Sendable

    /// A table of the same kind without a key.
    func emptied() -> Self

    /// Numbers the keys of some rows: writes the number of each row, -1 for null, to its place in `ids`; a new key gets
    /// the next number and its row is appended to `firstRows`.
    mutating func assign(
        _ keys: Keys, _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>, _ firstRows: inout [Int32])

    /// The number of the key of one row, which is not null.
    mutating func assign(_ keys: Keys, row: Int, _ firstRows: inout [Int32]) -> Int32

    /// Writes the number of each row, -1 for null and unknown ones, to its place in `ids`.
    func lookup(_ keys: Keys, _ validity: Bitmap?, _ rows: Range<Int>, _ ids: SharedBuffer<Int32>)
}

extension NumberTable {
    /// The number of each key, -1 for null; `firstRows` gets the row of each new one.
    ///
    /// Several threads number a stretch of rows each, in a table of its own; then the keys of the later stretches are
    /// numbered once more, in the order of their stretch, so that the numbers are those of a single pass.
    mutating func assign(
        _ keys: Keys, count: Int, _ validity: Bitmap?, _ firstRows: inout [Int32], threads: Int
    ) -> [Int32] {
        let parts = max(1, min(threads, count / 65_536))
        let bounds = (0...parts).map { count * $0 / parts }
        return [Int32](count: count) { ids in
            let shared = SharedBuffer(ids)
            if parts == 1 {
                assign(keys, validity, 0..<count, shared, &firstRows)
                return
            }
            let empty = emptied()
            let numbered = Mutex<[Int: (table: Self, firstRows: [Int32])]>([:])
            parallelFor(parts, threads: parts) { part in
                var table = empty
                var firstRows: [Int32] = []
                table.assign(keys, validity, bounds[part]..<bounds[part + 1], shared, &firstRows)
                numbered.withLock { $0[part] = (table, firstRows) }
            }
            var stretches = numbered.withLock { $0 }
            // The first stretch's numbers stand.
            guard let first = stretches.removeValue(forKey: 0) else { preconditionFailure("there is a first part") }
            self = first.table
            firstRows = first.firstRows
            var renumbered: [[Int32]] = [[]]
            for part in 1..<parts {
                renumbered.append((stretches[part]?.firstRows ?? []).map { assign(keys, row: Int($0), &firstRows) })
            }
            let numbers = renumbered
            parallelFor(parts - 1, threads: parts) { part in
                numbers[part + 1].withUnsafeBufferPointer { numbers in
                    for row in bounds[part + 1]..<bounds[part + 2] where shared.base[row] >= 0 {
                        shared.base[row] = numbers[Int(shared.base[row])]
                    }
                }
            }
        }
    }

    /// The number of each key, -1 for null and unknown ones.
    func lookup(_ keys: Keys, count: Int, _ validity: Bitmap?, threads: Int) -> [Int32] {
        [Int32](count: count) { ids in
            let shared = SharedBuffer(ids)
            parallelRanges(of: count, threads: threads) { lookup(keys, validity, $0, shared) }
        }
    }
}
