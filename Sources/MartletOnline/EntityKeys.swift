package import MartletCore

/// The entity keys of a read, encoded, with repeated ones held once. Built key by key and reusable.
///
/// The encoding is typed and injective: each part is a tag and its value, int32 and int64 alike as eight big-endian
/// bytes with the sign flipped (so that keys sort as numbers do), a bool as one byte, text as a length and its bytes.
package struct EntityKeys: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int32] = []
    /// For each row the index among `unique`; -1 for a null key.
    package private(set) var rows: [Int32] = []
    /// A table of the unique keys, in the first `slotCount` places; 0 while there is none.
    private var slots: [Int32] = []
    private var slotCount = 0
    private var expectedCount = 0
    private var start = 0

    package init() {}

    /// The number of different keys.
    package var uniqueCount: Int { ends.count }

    package mutating func removeAll() {
        if ends.count == 1, rows.count == 1 {
            // The usual key; one step each instead of the removal of a range.
            ends.removeLast()
            rows.removeLast()
        } else {
            ends.removeAll(keepingCapacity: true)
            rows.removeAll(keepingCapacity: true)
        }
        bytes.removeAll(keepingCapacity: true)
        // The memory stays.
        slotCount = 0
        expectedCount = 0
        start = 0
    }

    package mutating func append(integer value: Int64) {
        appendTagged(.integer, UInt64(bitPattern: value) ^ 1 << 63)
    }

    package mutating func append(timestamp microseconds: Int64) {
        appendTagged(.timestamp, UInt64(bitPattern: microseconds) ^ 1 << 63)
    }

    package mutating func append(bool value: Bool) {
        bytes.append(Tag.bool.rawValue)
        bytes.append(value ? 1 : 0)
    }

    package mutating func append(string utf8: UnsafeRawBufferPointer) { appendTagged(.string, utf8) }

    package mutating func append(bytes value: UnsafeRawBufferPointer) { appendTagged(.bytes, value) }

    /// Tells how many different keys may come.
    package mutating func reserve(_ count: Int) {
        expectedCount = count
        rows.reserveCapacity(count)
        ends.reserveCapacity(count)
    }

    /// Ends the key of a row.
    package mutating func endKey() {
        let end = bytes.count
        if ends.isEmpty {
            // The only key of most requests needs no table.
            ends.append(Int32(end))
            rows.append(0)
            start = end
            return
        }
        if slotCount < 2 * (ends.count + 1) { rehash() }
        let mask = slotCount - 1
        let place = bytes.withUnsafeBytes { all -> Int in
            let key = UnsafeRawBufferPointer(rebasing: all[start..<end])
            var place = Int(truncatingIfNeeded: hashed(key)) & mask
            while slots[place] >= 0, !isEqual(Int(slots[place]), key, in: all) { place = (place &+ 1) & mask }
            return place
        }
        if slots[place] >= 0 {
            rows.append(slots[place])
            bytes.removeSubrange(start...)
        } else {
            slots[place] = Int32(ends.count)
            rows.append(Int32(ends.count))
            ends.append(Int32(end))
            start = end
        }
    }

    /// Appends a row whose key is encoded already.
    package mutating func append(encoded key: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: key)
        endKey()
    }

    /// Ends a row whose key has a null part: nothing is stored under it.
    package mutating func endNullKey() {
        bytes.removeSubrange(start...)
        rows.append(-1)
    }

    /// Appends a row whose key no entity has, as the last unique one: what null keys are answered from.
    package mutating func appendImpossibleKey() {
        bytes.append(0)
        endKey()
    }

    package func withKey<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let first = index == 0 ? 0 : Int(ends[index - 1])
        let end = Int(ends[index])
        return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[first..<end])) }
    }

    /// Runs `body` with the bytes of the unique keys, one after the other, and with the end of each. Not where there is
    /// none.
    @inline(__always)
    func withUnsafeKeys(_ body: (UnsafeRawPointer, UnsafeBufferPointer<Int32>) -> Void) {
        bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return }
            ends.withUnsafeBufferPointer { body(base, $0) }
        }
    }

    enum Tag: UInt8 { case bool = 1, integer, timestamp, string, bytes }

    private mutating func appendTagged(_ tag: Tag, _ word: UInt64) {
        bytes.append(tag.rawValue)
        // One by one: a copy of a range costs more than eight checked steps.
        var rest = word
        for _ in 0..<8 {
            bytes.append(UInt8(truncatingIfNeeded: rest &>> 56))
            rest &<<= 8
        }
    }

    private mutating func appendTagged(_ tag: Tag, _ text: UnsafeRawBufferPointer) {
        bytes.append(tag.rawValue)
        withUnsafeBytes(of: UInt32(text.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: text)
    }

    private func isEqual(_ index: Int, _ key: UnsafeRawBufferPointer, in all: UnsafeRawBufferPointer) -> Bool {
        let first = index == 0 ? 0 : Int(ends[index - 1])
        let end = Int(ends[index])
        return compareBytes(UnsafeRawBufferPointer(rebasing: all[first..<end]), key) == 0
    }

    private mutating func rehash() {
        var capacity = 16
        while capacity < 2 * (max(2 * ends.count, expectedCount) + 1) { capacity *= 2 }
        if slots.count < capacity {
            slots = [Int32](repeating: -1, count: capacity)
        } else {
            for place in 0..<capacity { slots[place] = -1 }
        }
        slotCount = capacity
        for index in 0..<ends.count {
            var place = withKey(index) { Int(truncatingIfNeeded: hashed($0)) } & (capacity - 1)
            while slots[place] >= 0 { place = (place + 1) & (capacity - 1) }
            slots[place] = Int32(index)
        }
    }
}

extension EntityKeys {
    /// Encodes the rows of key columns.
    /// - Throws: `typeMismatch` where a column is not of its key's type (an int32 is as good as an int64), or floating
    ///   point.
    package init(_ columns: [Column], keys: [Field]) throws {
        self.init()
        try append(columns, keys: keys)
    }

    package mutating func append(_ columns: [Column], keys: [Field]) throws {
        guard columns.count == keys.count else {
            throw MartletError(.missingColumn, "\(keys.count) key columns are needed, not \(columns.count)")
        }
        for (column, key) in zip(columns, keys) where kind(column.type) != kind(key.type) || kind(key.type) == nil {
            throw MartletError(.typeMismatch, "the key \(key.name) is \(key.type), not \(column.type)")
        }
        for row in 0..<(columns.first?.count ?? 0) {
            if columns.contains(where: { $0.isNull(row) }) {
                endNullKey()
            } else {
                for column in columns { append(column, row) }
                endKey()
            }
        }
    }

    private mutating func append(_ column: Column, _ row: Int) {
        switch column.values {
        case .int64(let array): append(integer: array[row])
        case .int32(let array): append(integer: Int64(array[row]))
        case .timestamp(let array): append(timestamp: array[row])
        case .bool(let array): append(bool: array[row])
        case .string(let strings):
            strings.bytes.withUnsafeBytes { append(string: UnsafeRawBufferPointer(rebasing: $0[strings.range(row)])) }
        case .bytes(let strings):
            strings.bytes.withUnsafeBytes { append(bytes: UnsafeRawBufferPointer(rebasing: $0[strings.range(row)])) }
        case .float32, .float64, .list, .map: preconditionFailure("\(column.type) was let through as a key")
        }
    }

    /// The types that keys compare within; nil for those that cannot be keys.
    private func kind(_ type: DataType) -> DataType? {
        switch type {
        case .int32, .int64: .int64
        case .bool, .string, .bytes, .timestamp: type
        case .float32, .float64, .list, .map: nil
        }
    }
}

/// Eight bytes at a time, multiplied and folded, after wyhash. Not for keys that an enemy chooses: a request's size
/// bounds what collisions can cost.
func hashed(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    var state = seed ^ UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while offset &+ 8 <= bytes.count {
        state = folded(state ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian)
        offset &+= 8
    }
    var tail: UInt64 = 0
    while offset < bytes.count {
        tail = tail &<< 8 | UInt64(bytes[offset])
        offset &+= 1
    }
    return folded(state ^ tail)
}

@inline(__always)
private func folded(_ word: UInt64) -> UInt64 {
    let product = (word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
}

/// A hash of an encoded key that is the same in every process.
package func stableHash(of key: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 { hashed(key, seed: seed) }
