package import MartletCore

/// Dense numbers for entity keys, in the order in which the keys first occur: what the kernels work on instead of keys.
///
/// A key is one or more columns. int32 and int64 keys are equal by value; other types are equal only to themselves. A
/// null in any column makes the key null, which has no number. Linear in rows; about 10 ns for a row of one integer
/// column and thread.
package struct EntityIndex: Sendable {
    /// The number of each row the index was made of; -1 where its key is null.
    package private(set) var ids: [Int32] = []
    /// The first row of each number, so that the keys themselves can be gathered: `column.gathering(index.firstRows)`.
    package private(set) var firstRows: [Int32] = []
    private let kinds: [KeyKind]
    /// One a key column.
    private var columns: [KeyTable] = []
    /// A key of several columns is numbered column by column: table `i` numbers the pairs of the number of the
    /// columns up to `i` and the number of the next one.
    private var pairs: [IntegerTable] = []

    /// - Throws: `typeMismatch` for a floating-point key, `limitExceeded` beyond 2^31 rows, `invalidInput` for no
    ///   columns or columns of different lengths.
    package init(_ keys: [Column], threads: Int = processorCount) throws(MartletError) {
        kinds = try keyKinds(keys)
        for key in keys {
            var table = KeyTable()
            var rows: [Int32] = []
            let numbers = table.assign(key, &rows, threads: threads)
            columns.append(table)
            if columns.count == 1 {
                ids = numbers
                firstRows = rows
            } else {
                var table = IntegerTable()
                firstRows = []
                let pair = pairKeys(ids, numbers)
                ids = table.assign(
                    pair.keys, count: pair.keys.count, pair.validity, &firstRows, threads: threads)
                pairs.append(table)
            }
        }
    }

    /// How many different keys there are.
    package var count: Int { firstRows.count }

    /// The number of each of these keys, -1 for a null or unknown one.
    /// - Throws: `typeMismatch` where the columns do not have the types of the index.
    package func lookup(_ keys: [Column], threads: Int = processorCount) throws(MartletError) -> [Int32] {
        let other = try keyKinds(keys)
        guard other == kinds else {
            throw MartletError(
                .typeMismatch,
                "the entity keys have the types \(names(other)) on one side and \(names(kinds)) on the other",
                fix: "give the key columns the same types on both sides")
        }
        var ids = columns[0].lookup(keys[0], threads: threads)
        for (index, table) in pairs.enumerated() {
            let pair = pairKeys(ids, columns[index + 1].lookup(keys[index + 1], threads: threads))
            ids = table.lookup(pair.keys, count: pair.keys.count, pair.validity, threads: threads)
        }
        return ids
    }
}

/// Two numbers as one integer; null where one of them is.
private func pairKeys(_ left: [Int32], _ right: [Int32]) -> (keys: [Int64], validity: Bitmap?) {
    let keys = [Int64](count: left.count) { keys in
        for row in left.indices { keys[row] = Int64(left[row]) << 32 | Int64(UInt32(bitPattern: right[row])) }
    }
    let hasNull = left.contains { $0 < 0 } || right.contains { $0 < 0 }
    return (keys, hasNull ? Bitmap(zip(left, right).map { $0 >= 0 && $1 >= 0 }) : nil)
}

/// The numbers of one key column.
private struct KeyTable: Sendable {
    private var integers = IntegerTable()
    /// Instead of `integers` where these lie close together.
    private var direct: DirectTable?
    private var texts = ByteTable()

    mutating func assign(_ key: Column, _ firstRows: inout [Int32], threads: Int) -> [Int32] {
        switch key.values {
        case .string(let strings), .bytes(let strings):
            return texts.assign(strings, count: key.count, key.validity, &firstRows, threads: threads)
        default:
            let keys = integerKeys(key)
            direct = DirectTable(for: keys, key.validity, threads: threads)
            return direct?.assign(keys, count: key.count, key.validity, &firstRows, threads: threads)
                ?? integers.assign(keys, count: key.count, key.validity, &firstRows, threads: threads)
        }
    }

    func lookup(_ key: Column, threads: Int) -> [Int32] {
        switch key.values {
        case .string(let strings), .bytes(let strings):
            return texts.lookup(strings, count: key.count, key.validity, threads: threads)
        default:
            let keys = integerKeys(key)
            return direct?.lookup(keys, count: key.count, key.validity, threads: threads)
                ?? integers.lookup(keys, count: key.count, key.validity, threads: threads)
        }
    }
}

/// The classes of key types within which keys compare.
private enum KeyKind: String, Sendable {
    case integer, timestamp, bool, string, bytes
}

private func keyKinds(_ keys: [Column]) throws(MartletError) -> [KeyKind] {
    guard let first = keys.first else { throw MartletError(.invalidInput, "an entity needs at least one key column") }
    guard keys.allSatisfy({ $0.count == first.count }) else {
        throw MartletError(.invalidInput, "the key columns differ in length")
    }
    guard first.count <= Int(Int32.max) else {
        throw MartletError(.limitExceeded, "\(first.count) rows are more than the \(Int32.max) of one index")
    }
    var kinds: [KeyKind] = []
    for key in keys {
        switch key.type {
        case .int32, .int64: kinds.append(.integer)
        case .timestamp: kinds.append(.timestamp)
        case .bool: kinds.append(.bool)
        case .string: kinds.append(.string)
        case .bytes: kinds.append(.bytes)
        case .float32, .float64, .list, .map:
            throw MartletError(
                .typeMismatch, "a \(key.type) column cannot be an entity key", fix: "use an integer or a string")
        }
    }
    return kinds
}

private func names(_ kinds: [KeyKind]) -> String { kinds.map(\.rawValue).joined(separator: ", ") }

private func integerKeys(_ column: Column) -> [Int64] {
    switch column.values {
    case .int64(let array), .timestamp(let array): array
    case .int32(let array): array.map(Int64.init)
    case .bool(let array): array.map { $0 ? 1 : 0 }
    case .float32, .float64, .string, .bytes, .list, .map: preconditionFailure("not an integer key")
    }
}
