package import MartletCore

/// Builds payloads value by value, as a parser finds them: `set…` for each column that has a value, then `append(to:)`.
/// One builder serves any number of rows, one after the other.
package struct RowBuilder: Sendable {
    package let layout: RowLayout
    private var row: [UInt8]
    /// A row without a value.
    private let empty: [UInt8]

    package init(_ layout: RowLayout) {
        self.layout = layout
        empty = [UInt8](repeating: 0, count: layout.fixedBytes)
        row = empty
    }

    /// - Precondition: the column is a bool.
    package mutating func set(_ column: Int, bool: Bool) { set(column, bits: bool ? 1 : 0) }
    package mutating func set(_ column: Int, int32: Int32) { set(column, bits: UInt64(UInt32(bitPattern: int32))) }
    /// For int64 and timestamp columns.
    package mutating func set(_ column: Int, int64: Int64) { set(column, bits: UInt64(bitPattern: int64)) }
    package mutating func set(_ column: Int, float32: Float) { set(column, bits: UInt64(float32.bitPattern)) }
    package mutating func set(_ column: Int, float64: Double) { set(column, bits: float64.bitPattern) }

    /// For string columns, which take UTF-8, and bytes columns. A column is set at most once a row.
    package mutating func set(_ column: Int, bytes: UnsafeRawBufferPointer) {
        set(column, bits: UInt64(UInt32(row.count)) | UInt64(UInt32(bytes.count)) &<< 32)
        row.append(contentsOf: bytes)
    }

    package mutating func set(_ column: Int, text: String) {
        var text = text
        text.withUTF8 { set(column, bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Any value, lists and maps too; a null leaves the column without one.
    /// - Returns: false, with nothing set, where the value does not fit the column's type, as in `ColumnBuilder`.
    @discardableResult
    package mutating func set(_ column: Int, _ value: Value) -> Bool {
        let type = layout.types[column]
        switch (type, value) {
        case (_, .null): return true
        case (.bool, .bool(let value)): set(column, bool: value)
        case (.int32, .int32(let value)): set(column, int32: value)
        case (.int64, .int64(let value)): set(column, int64: value)
        case (.int64, .int32(let value)): set(column, int64: Int64(value))
        case (.float32, .float32(let value)): set(column, float32: value)
        case (.float64, .float64(let value)): set(column, float64: value)
        case (.float64, .float32(let value)): set(column, float64: Double(value))
        case (.float64, .int32(let value)): set(column, float64: Double(value))
        case (.string, .string(let value)): set(column, text: value)
        case (.bytes, .bytes(let value)): value.withUnsafeBytes { set(column, bytes: $0) }
        case (.timestamp, .timestamp(let value)): set(column, int64: value.microseconds)
        case (.list, .list), (.map, .map):
            var builder = ColumnBuilder(type)
            guard builder.append(value) else { return false }
            var tail: [UInt8] = []
            builder.finish().appendTail(of: 0, to: &tail)
            tail.withUnsafeBytes { set(column, bytes: $0) }
        default: return false
        }
        return true
    }

    /// The bytes of the row so far.
    package var sizeBytes: Int { row.count }

    /// Appends the row and begins the next one.
    package mutating func append(to payloads: inout ByteStrings) {
        row.withUnsafeBytes { payloads.append($0) }
        reset()
    }

    /// Forgets what was set.
    package mutating func reset() {
        row.removeAll(keepingCapacity: true)
        row.append(contentsOf: empty)
    }

    private mutating func set(_ column: Int, bits: UInt64) {
        let slot = layout.slot(column)
        row.withUnsafeMutableBytes { row in
            row.store(bits, slot)
            row[column >> 3] |= 1 &<< UInt8(column & 7)
        }
    }
}
