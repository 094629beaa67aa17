/// A table as the database described it when a row was sent: rows of one description share it.
package final class RawTable: Sendable {
    package struct Column: Sendable, Hashable {
        package var name: String
        /// PostgreSQL's number of the type, such as 20 for bigint; 0 where it is not known.
        package var type: UInt32
        /// Whether it is part of what identifies a row.
        package var isKey: Bool

        package init(name: String, type: UInt32, isKey: Bool) {
            self.name = name
            self.type = type
            self.isKey = isKey
        }
    }

    package let schema: String
    package let name: String
    package let columns: [Column]
    /// Counted up from 1 each time the description changes while a connector runs.
    package let version: Int

    package init(schema: String, name: String, columns: [Column], version: Int) {
        self.schema = schema
        self.name = name
        self.columns = columns
        self.version = version
    }

    func describesSame(as other: RawTable) -> Bool {
        schema == other.schema && name == other.name && columns == other.columns
    }
}

/// What stands in one cell of a row.
package enum RawCell: Sendable, Hashable {
    case null
    /// A large value that the change did not touch and that the database therefore did not send: it is what it was.
    case unchanged
    /// The text form of the value, in the session's fixed formats (ISO dates, UTC, shortest exact numbers).
    case text(ArraySlice<UInt8>)
}

/// A row of a table as text, all cells in one buffer.
package struct RawRow: Sendable, Hashable {
    package let table: RawTable
    private var bytes: [UInt8] = []
    /// Where each cell ends in `bytes`, or one of the marks.
    private var ends: [Int32] = []

    private static let nullMark: Int32 = -1
    private static let unchangedMark: Int32 = -2

    package init(_ table: RawTable) { self.table = table }

    package var count: Int { ends.count }
    package var sizeBytes: Int { 64 + bytes.count + ends.count * 4 }

    package mutating func reserveCapacity(_ count: Int, bytes byteCount: Int) {
        ends.reserveCapacity(count)
        bytes.reserveCapacity(byteCount)
    }

    package mutating func appendNull() { ends.append(Self.nullMark) }
    package mutating func appendUnchanged() { ends.append(Self.unchangedMark) }

    package mutating func append(text: some Sequence<UInt8>) {
        bytes.append(contentsOf: text)
        ends.append(Int32(bytes.count))
    }

    package mutating func append(text: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: text)
        ends.append(Int32(bytes.count))
    }

    package mutating func append(_ cell: RawCell) {
        switch cell {
        case .null: appendNull()
        case .unchanged: appendUnchanged()
        case .text(let text): append(text: text)
        }
    }

    package subscript(index: Int) -> RawCell {
        switch ends[index] {
        case Self.nullMark: return .null
        case Self.unchangedMark: return .unchanged
        case let end:
            var start: Int32 = 0
            var previous = index
            while previous > 0 {
                previous -= 1
                if ends[previous] >= 0 {
                    start = ends[previous]
                    break
                }
            }
            return .text(bytes[Int(start)..<Int(end)])
        }
    }

    package var hasUnchanged: Bool { ends.contains(Self.unchangedMark) }

    /// The row with cells that were not sent taken from `older`, a row of the same table.
    package func filled(from older: RawRow) -> RawRow {
        guard hasUnchanged, older.count == count else { return self }
        var row = RawRow(table)
        row.reserveCapacity(count, bytes: bytes.count + older.bytes.count)
        for index in 0..<count {
            row.append(ends[index] == Self.unchangedMark ? older[index] : self[index])
        }
        return row
    }

    package static func == (one: RawRow, other: RawRow) -> Bool {
        one.table.describesSame(as: other.table) && one.ends == other.ends && one.bytes == other.bytes
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ends)
        hasher.combine(bytes)
    }
}
