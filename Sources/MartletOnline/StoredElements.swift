package import MartletCore

/// The elements of a list, read in place from the tail of a row, little-endian:
///
/// | Elements | Bytes |
/// | --- | --- |
/// | bool | 1 each |
/// | int32, float32 | 4 each |
/// | int64, float64, timestamp | 8 each |
/// | string, bytes | their number (4), the end of each (4) counted from behind the ends, then the texts |
package struct StoredList {
    // A view over borrowed bytes: it must not outlive the read that it came from.
    private let bytes: UnsafeRawBufferPointer
    package let element: DataType.Element
    package let count: Int

    /// - Throws: `corruptData` where the bytes are no list of such elements.
    init(_ bytes: UnsafeRawBufferPointer, _ element: DataType.Element) throws(MartletError) {
        self.bytes = bytes
        self.element = element
        if let width = element.storedByteCount {
            guard bytes.count % width == 0 else { throw foreignElements }
            count = bytes.count / width
            return
        }
        guard bytes.count >= 4 else { throw foreignElements }
        count = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        guard bytes.count >= 4 + 4 * count else { throw foreignElements }
        var before = 0
        for index in 0..<count {
            let end = end(index)
            guard end >= before else { throw foreignElements }
            before = end
        }
        guard bytes.count == 4 + 4 * count + before else { throw foreignElements }
    }

    /// A number, a time or a bool as in a slot: see `LatestRow.bits`.
    @inline(__always)
    package func bits(_ index: Int) -> UInt64 {
        switch element {
        case .bool: UInt64(bytes[index])
        case .int32:
            UInt64(
                bitPattern: Int64(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 &* index, as: Int32.self))))
        case .float32:
            UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 &* index, as: UInt32.self)))
        case .int64, .float64, .timestamp:
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 &* index, as: UInt64.self))
        case .string, .bytes: preconditionFailure("texts have no bits")
        }
    }

    /// The bytes of a text.
    package func text(_ index: Int) -> UnsafeRawBufferPointer {
        let start = index == 0 ? 0 : end(index - 1)
        let texts = 4 + 4 * count
        return UnsafeRawBufferPointer(rebasing: bytes[texts + start..<texts + end(index)])
    }

    /// The floats as they stand, not aligned.
    package var float32Bytes: UnsafeRawBufferPointer? { element == .float32 ? bytes : nil }

    private func end(_ index: Int) -> Int {
        Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 + 4 * index, as: UInt32.self)))
    }
}

/// The entries of a map, read in place: the size of the keys (4 bytes), the keys as a list of texts, ascending by their
/// bytes, and the values as a list.
package struct StoredMap {
    package let keys: StoredList
    package let values: StoredList

    init(_ bytes: UnsafeRawBufferPointer, _ element: DataType.Element) throws(MartletError) {
        guard bytes.count >= 4 else { throw foreignElements }
        let keyBytes = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        guard 4 + keyBytes <= bytes.count else { throw foreignElements }
        keys = try StoredList(UnsafeRawBufferPointer(rebasing: bytes[4..<4 + keyBytes]), .string)
        values = try StoredList(UnsafeRawBufferPointer(rebasing: bytes[(4 + keyBytes)...]), element)
        guard keys.count == values.count else { throw foreignElements }
    }

    package var count: Int { keys.count }
}

extension LatestRow {
    /// A present list.
    /// - Throws: `corruptData` where its bytes are none.
    package func list(_ feature: Int, of element: DataType.Element) throws(MartletError) -> StoredList {
        try StoredList(try text(feature), element)
    }

    /// A present map.
    package func map(_ feature: Int, to element: DataType.Element) throws(MartletError) -> StoredMap {
        try StoredMap(try text(feature), element)
    }
}

private var foreignElements: MartletError {
    MartletError(
        .corruptData, "a list of the online store is not of the expected format", fix: "materialize the view again")
}

extension DataType.Element {
    /// The bytes of one element in a record; nil where they vary.
    var storedByteCount: Int? {
        switch self {
        case .bool: 1
        case .int32, .float32: 4
        case .int64, .float64, .timestamp: 8
        case .string, .bytes: nil
        }
    }
}
