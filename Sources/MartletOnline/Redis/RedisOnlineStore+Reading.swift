internal import MartletCore

extension RedisOnlineStore {
    /// Keys of one MGET: beyond that a single server answers in parts, between which it may serve others.
    private static let keysPerCommand = 10_000

    package func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        table.removeAll()
        var batch = RedisBatch()
        let count = lookups.reduce(0) { $0 + keys[$1.keyIndex].uniqueCount }
        if settings.isCluster {
            addGets(lookups, keys, to: &batch)
        } else if count > 0 {
            addMultipleGets(lookups, keys, to: &batch)
        }
        let replies =
            batch.count == 0
            ? RedisReplies(count: 0)
            : try nodes.run(batch, by: Deadline(milliseconds: settings.readTimeoutMilliseconds))
        // The records lie in the replies until the body has run.
        try withExtendedLifetime(replies) {
            var place = 0
            for lookup in lookups {
                table.beginLookup()
                for _ in 0..<keys[lookup.keyIndex].uniqueCount {
                    let reply = try record(place, count, replies)
                    // An empty value is no record; a nil one means that there is none.
                    table.append(reply.bytes)
                    place += 1
                }
            }
            try body(table)
        }
    }

    private func record(_ place: Int, _ count: Int, _ replies: RedisReplies) throws -> RedisReply {
        if settings.isCluster { return try checked(replies[place]) }
        let part = try checked(replies[place / Self.keysPerCommand])
        let expected = min(Self.keysPerCommand, count - place / Self.keysPerCommand * Self.keysPerCommand)
        guard part.count == expected else { throw foreignReply() }
        return part[place % Self.keysPerCommand]
    }

    private func addMultipleGets(_ lookups: [RecordLookup], _ keys: [EntityKeys], to batch: inout RedisBatch) {
        var count = 0
        for lookup in lookups {
            let keys = keys[lookup.keyIndex]
            let suffix = RecordKeySuffix(lookup.view)
            for index in 0..<keys.uniqueCount {
                if count % Self.keysPerCommand == 0 {
                    if count > 0 { batch.end() }
                    batch.append("MGET")
                }
                keys.withKey(index) { key in batch.append { appendRecordKey(key, suffix, to: &$0) } }
                count += 1
            }
        }
        batch.end()
    }

    private func addGets(_ lookups: [RecordLookup], _ keys: [EntityKeys], to batch: inout RedisBatch) {
        for lookup in lookups {
            let keys = keys[lookup.keyIndex]
            let suffix = RecordKeySuffix(lookup.view)
            for index in 0..<keys.uniqueCount {
                batch.append("GET")
                var slot = 0
                keys.withKey(index) { key in
                    batch.append { appendRecordKey(key, suffix, to: &$0) }
                    slot = recordSlot(key)
                }
                batch.end(slot: slot)
            }
        }
    }
}

/// What stands behind the entity key in the name of a record.
struct RecordKeySuffix {
    let bytes: [UInt8]
    init(_ view: ViewHandle) { bytes = Array("}\(view.number)".utf8) }
}

func appendRecordKey(_ key: UnsafeRawBufferPointer, _ suffix: RecordKeySuffix, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "m"))
    bytes.append(UInt8(ascii: "{"))
    bytes.append(contentsOf: key)
    bytes.append(contentsOf: suffix.bytes)
}

/// The slot of an entity's records: an entity key begins with a small number, so that the tag is never empty, and ends
/// at its first `}` where it has one.
func recordSlot(_ key: UnsafeRawBufferPointer) -> Int {
    let end = key.firstIndex(of: UInt8(ascii: "}")) ?? key.count
    return withUnsafeTemporaryAllocation(byteCount: end + 2, alignment: 1) { tag in
        tag[0] = UInt8(ascii: "{")
        UnsafeMutableRawBufferPointer(rebasing: tag[1...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: key[..<end]))
        tag[end + 1] = UInt8(ascii: "}")
        return redisSlot(UnsafeRawBufferPointer(tag))
    }
}
