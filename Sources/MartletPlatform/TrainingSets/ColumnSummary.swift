internal import MartletCore
internal import MartletObjects
internal import MartletRegistry

/// The hash and the statistics of one column, from its rows in their order, however they are cut into batches.
///
/// The hash is SHA-256 over the type's name, the digest of the values and the digest of their presence. Values stand
/// one after another: numbers and times little-endian, bools as a byte, texts with their length before them (32 bits),
/// lists and maps with their count; a null as zeros or as the empty text; every NaN as one. Presence is a byte a row.
final class ColumnSummary {
    private let field: Field
    private var values: SHA256Digest
    private var presence: SHA256Digest
    private var rows: Int64 = 0
    private var nulls: Int64 = 0
    private var numbers: Int64 = 0
    private var sum = 0.0
    private var minimum = Double.infinity
    private var maximum = -Double.infinity

    init(_ field: Field) throws {
        self.field = field
        values = try SHA256Digest()
        presence = try SHA256Digest()
    }

    func update(_ column: Column) throws {
        rows += Int64(column.count)
        nulls += Int64(column.nullCount)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(column.count * 8)
        appendCanonical(column, 0..<column.count, &bytes)
        try values.update(bytes)
        try presence.update((0..<column.count).map { column.isNull($0) ? 0 : 1 as UInt8 })
        measure(column)
    }

    func finish(feature: String?) throws -> DatasetColumn {
        var digest = try SHA256Digest()
        try digest.update("\(field.type.rawValue)\n".utf8)
        try digest.update(finished(&values))
        try digest.update(finished(&presence))
        let has = numbers > 0
        return DatasetColumn(
            name: field.name, type: field.type.rawValue, feature: feature, hash: try digest.finishAsHex(),
            nullCount: nulls, mean: has ? sum / Double(numbers) : nil, minimum: has ? minimum : nil,
            maximum: has ? maximum : nil)
    }

    private func finished(_ digest: inout SHA256Digest) throws -> [UInt8] {
        var whole = try SHA256Digest()
        swap(&whole, &digest)
        return try whole.finish()
    }

    private func measure(_ column: Column) {
        func add(_ count: Int, _ number: (Int) -> Double) {
            for row in 0..<count where !column.isNull(row) {
                let number = number(row)
                if number.isNaN { continue }
                numbers += 1
                sum += number
                minimum = min(minimum, number)
                maximum = max(maximum, number)
            }
        }
        switch column.values {
        case .bool(let array): add(array.count) { array[$0] ? 1 : 0 }
        case .int32(let array): add(array.count) { Double(array[$0]) }
        case .int64(let array): add(array.count) { Double(array[$0]) }
        case .float32(let array): add(array.count) { Double(array[$0]) }
        case .float64(let array): add(array.count) { array[$0] }
        case .timestamp, .string, .bytes, .list, .map: break
        }
    }
}

private func appendCanonical(_ column: Column, _ rows: Range<Int>, _ bytes: inout [UInt8]) {
    func append<T: FixedWidthInteger>(_ number: T) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    switch column.values {
    case .bool(let array): for row in rows { bytes.append(!column.isNull(row) && array[row] ? 1 : 0) }
    case .int32(let array): for row in rows { append(column.isNull(row) ? 0 : array[row]) }
    case .int64(let array), .timestamp(let array): for row in rows { append(column.isNull(row) ? 0 : array[row]) }
    case .float32(let array):
        for row in rows {
            let value = array[row].isNaN ? Float.nan : array[row]
            append(column.isNull(row) ? 0 : value.bitPattern)
        }
    case .float64(let array):
        for row in rows {
            let value = array[row].isNaN ? Double.nan : array[row]
            append(column.isNull(row) ? 0 : value.bitPattern)
        }
    case .string(let strings), .bytes(let strings):
        for row in rows {
            let slice = column.isNull(row) ? [] : strings.slice(row)
            append(UInt32(slice.count))
            bytes.append(contentsOf: slice)
        }
    case .list(let lists):
        for row in rows {
            let range = column.isNull(row) ? 0..<0 : lists.range(row)
            append(UInt32(range.count))
            appendCanonical(lists.elements, range, &bytes)
        }
    case .map(let maps):
        for row in rows {
            let range = column.isNull(row) ? 0..<0 : maps.range(row)
            append(UInt32(range.count))
            appendCanonical(Column(.string(maps.keys)), range, &bytes)
            appendCanonical(maps.values, range, &bytes)
        }
    }
}
