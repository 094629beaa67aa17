package import MartletCore
package import MartletDefinitions
package import MartletLog

extension SourceDefinition {
    /// What makes each event the same event when it comes again: the values of the declared `id`, one after another,
    /// each behind its length where that varies. Empty for an event with a null in its id, and for all events of a
    /// source without one; and for updates and deletes, which are another event's.
    /// - Parameter columns: the declared columns, in their order.
    package func eventIDs(_ columns: [Column], operations: [EventOperation]) -> ByteStrings {
        let count = operations.count
        let places = id.compactMap { name in self.columns.firstIndex { $0.name == name } }
        var ids = ByteStrings()
        ids.reserveCapacity(count, bytes: count * 16 * places.count)
        var bytes: [UInt8] = []
        for row in 0..<count {
            bytes.removeAll(keepingCapacity: true)
            if operations[row] == .insert, !places.contains(where: { columns[$0].isNull(row) }) {
                for place in places { append(columns[place], row, to: &bytes) }
            }
            ids.append(contentsOf: bytes)
        }
        return ids
    }
}

private func append(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
    func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    switch column.values {
    case .bool(let values): bytes.append(values[row] ? 1 : 0)
    case .int32(let values): append(values[row])
    case .int64(let values), .timestamp(let values): append(values[row])
    // Of equal numbers the bits are equal: -0 is 0, and every NaN the same.
    case .float32(let values): append((values[row] == 0 ? 0 : values[row].isNaN ? .nan : values[row]).bitPattern)
    case .float64(let values): append((values[row] == 0 ? 0 : values[row].isNaN ? .nan : values[row]).bitPattern)
    case .string(let values), .bytes(let values):
        let range = values.range(row)
        append(UInt32(range.count))
        bytes.append(contentsOf: values.bytes[range])
    case .list, .map: preconditionFailure("no column of an id is a list or a map")
    }
}
