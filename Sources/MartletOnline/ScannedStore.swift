internal import MartletCore
internal import MartletKeyValue

/// A store whose records of one view can be walked over. For what reads a view as a whole, such as a search; not for
/// requests by key.
package protocol ScannedStore: OnlineStore {
    /// Runs `body` with the encoded entity key and the record of every entity, tombstones too, in any order. Where keys
    /// are many others may write meanwhile: each record is one state, in LMDB all are of one snapshot, and in Redis a
    /// key may come twice.
    /// - Throws: what `body` throws; `limitExceeded` where the store does not know the key any more.
    func scan(
        _ view: ViewIdentity, _ body: (_ key: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) throws -> Void
    ) throws

    /// A number that is another one after a write, of this process or another, to any view; nil where the store does
    /// not tell. Cheap.
    func changeMark(of view: ViewIdentity) throws -> UInt64?
}

extension LMDBOnlineStore: ScannedStore {
    package func scan(
        _ view: ViewIdentity, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let prefix = viewPrefix(try handle(for: view))
        try environment.read { reader in
            try reader.scan(prefix: prefix, in: rows) { name, value in
                try name.withUnsafeBytes { name in
                    try value.withUnsafeBytes { value in
                        let key = UnsafeRawBufferPointer(rebasing: name[prefix.count...])
                        guard key.first == StoredKey.hashMark else { return try body(key, value) }
                        let whole = try fullKey(of: value)
                        try body(whole, UnsafeRawBufferPointer(rebasing: value[..<(value.count - whole.count - 4)]))
                    }
                }
                return true
            }
        }
    }

    package func changeMark(of _: ViewIdentity) -> UInt64? { environment.lastWrite }
}

extension RedisOnlineStore: ScannedStore {
    package func scan(
        _ view: ViewIdentity, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let handle = try handle(for: view)
        let suffix = RecordKeySuffix(handle).bytes.count
        var table = RecordTable()
        try forEachKey(of: handle) { names in
            var keys = EntityKeys()
            for name in names {
                name.withUnsafeBytes {
                    keys.append(encoded: UnsafeRawBufferPointer(rebasing: $0[2..<$0.count - suffix]))
                }
            }
            try read([RecordLookup(view: handle, keyIndex: 0)], keys: [keys], into: &table) { table in
                for index in 0..<keys.uniqueCount {
                    guard let record = table.record(lookup: 0, key: index) else { continue }
                    try keys.withKey(index) { try body($0, record) }
                }
            }
        }
    }

    package func changeMark(of _: ViewIdentity) -> UInt64? { nil }
}

extension DynamoOnlineStore: ScannedStore {
    package func scan(
        _ view: ViewIdentity, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let prefix = viewPrefix(try handle(for: view)).count
        try scan(handle(for: view), select: "SPECIFIC_ATTRIBUTES", attributes: "k, r") { page in
            for item in page["Items"]?.array ?? [] {
                var bytes: [UInt8] = []
                guard let key = item["k"]?["B"]?.string, let record = item["r"]?["B"]?.string,
                    Base64.decode(key, to: &bytes), bytes.count > prefix
                else { throw foreignItem() }
                let keyEnd = bytes.count
                guard bytes[prefix] != DynamoItem.hashMark else {
                    throw MartletError(
                        .limitExceeded, "\(view.view) has an entity key longer than DynamoDB holds, kept as its digest",
                        fix: "search views with shorter keys")
                }
                guard Base64.decode(record, to: &bytes) else { throw foreignItem() }
                try bytes.withUnsafeBytes { bytes in
                    try body(
                        UnsafeRawBufferPointer(rebasing: bytes[prefix..<keyEnd]),
                        UnsafeRawBufferPointer(rebasing: bytes[keyEnd...]))
                }
            }
        }
    }

    package func changeMark(of _: ViewIdentity) -> UInt64? { nil }
}

extension HotTier: ScannedStore {
    package func scan(
        _ view: ViewIdentity, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try store.scanned.scan(view, body)
    }

    package func changeMark(of view: ViewIdentity) throws -> UInt64? { try store.scanned.changeMark(of: view) }
}

extension OnlineStore {
    /// The store as one that can be walked over.
    /// - Throws: `internalFault` for a store that cannot.
    package var scanned: any ScannedStore {
        get throws {
            guard let scanned = self as? any ScannedStore else {
                throw MartletError(.internalFault, "the online store cannot be searched")
            }
            return scanned
        }
    }
}
