internal import MartletCore
internal import MartletKeyValue

extension LMDBOnlineStore {
    package var version: UInt64? { environment.version }

    package func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        table.removeAll()
        try environment.read { reader in
            table.version = reader.version
            for lookup in lookups {
                table.beginLookup()
                let keys = keys[lookup.keyIndex]
                var storedKey = StoredKey(lookup.view)
                for index in 0..<keys.uniqueCount {
                    let record = try keys.withKey(index) { key in
                        storedKey.set(key)
                        return storedKey.isHashed
                            ? try probe(reader, key, &storedKey)
                            : try storedKey.withBytes { try reader.value(for: $0, in: rows) }
                    }
                    table.append(record)
                }
            }
            try body(table)
        }
    }

    private func probe(
        _ reader: borrowing ReadTransaction, _ key: UnsafeRawBufferPointer, _ storedKey: inout StoredKey
    ) throws -> UnsafeRawBufferPointer? {
        while let value = try storedKey.withBytes({ try reader.value(for: $0, in: rows) }) {
            if try compareBytes(fullKey(of: value), key) == 0 {
                return UnsafeRawBufferPointer(rebasing: value[..<(value.count - key.count - 4)])
            }
            try storedKey.probe()
        }
        return nil
    }
}

/// The key under which LMDB has a record: the view's number and the entity key, or where that is longer than LMDB
/// allows, the number, the byte 0xFF (no entity key begins so), 16 bytes of hash and a probe. The record is then
/// followed by the whole key and its length, so that different keys with equal hashes stay apart.
struct StoredKey: ~Copyable {
    private let bytes: UnsafeMutableRawBufferPointer
    private var count = 0
    private(set) var isHashed = false

    private static let hashedCount = 4 + 1 + 16 + 1
    /// What stands in place of the first byte of a key where only its hash does.
    static let hashMark: UInt8 = 0xFF

    init(_ view: ViewHandle) {
        bytes = .allocate(byteCount: maximumKeyBytes, alignment: 8)
        bytes.storeBytes(of: view.number.bigEndian, as: UInt32.self)
    }

    deinit { bytes.deallocate() }

    mutating func set(_ key: UnsafeRawBufferPointer) {
        isHashed = !Self.isPlain(key)
        if isHashed {
            bytes[4] = Self.hashMark
            bytes.storeBytes(of: hashed(key), toByteOffset: 5, as: UInt64.self)
            bytes.storeBytes(of: hashed(key, seed: 0x2545_F491_4F6C_DD1D), toByteOffset: 13, as: UInt64.self)
            bytes[21] = 0
            count = Self.hashedCount
        } else {
            UnsafeMutableRawBufferPointer(rebasing: bytes[4...]).copyMemory(from: key)
            count = 4 + key.count
        }
    }

    /// Whether the key fits as it is.
    static func isPlain(_ key: UnsafeRawBufferPointer) -> Bool { 4 + key.count <= maximumKeyBytes }

    /// Goes on to the next place of a hashed key.
    mutating func probe() throws {
        guard bytes[21] < 255 else {
            throw MartletError(.limitExceeded, "256 long entity keys have the same hash")
        }
        bytes[21] += 1
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }
}

/// The entity key behind the record of a hashed key.
func fullKey(of value: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
    guard value.count >= 4 else { throw MartletError(.corruptData, "a record of the online store has no key") }
    let size = Int(value.loadUnaligned(fromByteOffset: value.count - 4, as: UInt32.self).littleEndian)
    guard size + 4 <= value.count else {
        throw MartletError(.corruptData, "a record of the online store has a key longer than itself")
    }
    return UnsafeRawBufferPointer(rebasing: value[(value.count - 4 - size)..<(value.count - 4)])
}
