package import MartletCore

/// How an event's values lie in its payload, for the columns of its source's schema:
///
///     presence   a bit a column, set where it has a value, in whole words of 8 bytes
///     slots      8 bytes a column: the value itself, or for what has no fixed size its place and length, 4 bytes each,
///                counted from the row's start
///     tail       texts, byte strings, lists and maps, in the order of their columns
///
/// Numbers are little-endian; a slot of a null is zero. A list is the number of its elements (4 bytes), then each: 8
/// bytes like a slot, or a text's length (4 bytes) and bytes; a map has each value behind its key.
package struct RowLayout: Sendable, Hashable {
    package let types: [DataType]
    let presenceBytes: Int
    /// The bytes in front of the tail: the shortest row.
    let fixedBytes: Int

    package init(_ schema: Schema) { self.init(types: schema.fields.map(\.type)) }

    package init(types: [DataType]) {
        self.types = types
        presenceBytes = (types.count + 63) / 64 * 8
        fixedBytes = presenceBytes + 8 * types.count
    }

    func slot(_ column: Int) -> Int { presenceBytes + 8 * column }

    /// The most rows that are worked on at once, so that they stay in the nearest cache while column after column
    /// passes over them.
    static let blockRows = 256
}

extension DataType {
    /// Whether values lie in the tail.
    var hasTail: Bool {
        switch self {
        case .string, .bytes, .list, .map: true
        case .bool, .int32, .int64, .float32, .float64, .timestamp: false
        }
    }
}
