internal import MartletCore

extension RedisOnlineStore {
    /// Records that the script stores in one go; the server does nothing else meanwhile.
    private static let recordsPerScript = 64
    /// Bytes that are sent before replies are waited for.
    private static let bytesPerRound = 2 << 20

    package func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts {
        var counts = WriteCounts()
        let suffix = RecordKeySuffix(view)
        let groups = groups(chunk, keys, order)
        var pending = groups[...]
        // Groups for a server that restarted, or became a master, and has forgotten the script.
        var again: [Range<Int>] = []
        var deadline = Deadline(milliseconds: settings.writeTimeoutMilliseconds)
        while !pending.isEmpty || !again.isEmpty {
            let hash = try putScript(isKnown: again.isEmpty, by: deadline)
            if again.isEmpty { deadline = Deadline(milliseconds: settings.writeTimeoutMilliseconds) }
            var batch = RedisBatch()
            var sent = again
            for group in again { add(group, hash, chunk, keys, order, suffix, to: &batch) }
            while let group = pending.first, batch.byteCount < Self.bytesPerRound {
                add(group, hash, chunk, keys, order, suffix, to: &batch)
                sent.append(group)
                pending.removeFirst()
            }
            again.removeAll()
            let replies = try nodes.run(batch, by: deadline)
            for (index, group) in sent.enumerated() {
                if replies[index].error?.hasPrefix("NOSCRIPT") == true, !deadline.isOver {
                    again.append(group)
                } else {
                    try count(replies[index], group.count, &counts)
                }
            }
        }
        // Only now: a cursor must never promise rows that are not there.
        if let cursor { try setCursor(cursor, of: view) }
        return counts
    }

    /// The places of the chunk's records, grouped by what one script may store: a cluster wants one slot.
    private func groups(_ chunk: RecordChunk, _ keys: EntityKeys, _ order: ArraySlice<Int32>) -> [Range<Int>] {
        let size = settings.isCluster ? 1 : Self.recordsPerScript
        return stride(from: 0, to: order.count, by: size).map { $0..<min($0 + size, order.count) }
    }

    private func add(
        _ places: Range<Int>, _ hash: String, _ chunk: RecordChunk, _ keys: EntityKeys, _ order: ArraySlice<Int32>,
        _ suffix: RecordKeySuffix, to batch: inout RedisBatch
    ) {
        batch.append("EVALSHA")
        batch.append(hash)
        batch.append("\(places.count)")
        var slot = 0
        for place in places {
            keys.withKey(Int(order[order.startIndex + place])) { key in
                batch.append { appendRecordKey(key, suffix, to: &$0) }
                if settings.isCluster { slot = recordSlot(key) }
            }
        }
        for place in places { chunk.withRecord(place) { batch.append($0) } }
        for place in places { batch.append("\(chunk.withRecord(place) { expiryMilliseconds($0, chunk.ttl) })") }
        batch.end(slot: slot)
    }

    /// When the server may forget the record; 0 for never. Tombstones stay: they keep older rows from coming back.
    private func expiryMilliseconds(_ record: UnsafeRawBufferPointer, _ ttl: TimeSpan?) -> Int64 {
        guard let days = settings.expireAfterDays, let ttl, let header = try? RecordHeader(unverified: record),
            !header.isTombstone
        else { return 0 }
        let (end, overflow) = header.eventTime.addingReportingOverflow(ttl.microseconds)
        let (late, isTooLate) = end.addingReportingOverflow(Int64(days) * 86_400_000_000)
        return overflow || isTooLate ? 0 : max(1, late / 1_000)
    }

    private func count(_ reply: RedisReply, _ expected: Int, _ counts: inout WriteCounts) throws {
        guard let outcomes = try checked(reply).bytes, outcomes.count == expected else { throw foreignReply() }
        for outcome in outcomes {
            switch outcome {
            case UInt8(ascii: "0"): counts.written += 1
            case UInt8(ascii: "1"): counts.keptNewer += 1
            default: counts.unchanged += 1
            }
        }
    }

    package func drop(_ view: ViewIdentity) throws {
        let handle = try handle(for: view)
        let key = cursorKey(handle)
        var batch = RedisBatch()
        // The cursor first: a load that begins while rows are deleted must not believe that they are there.
        batch.add("DEL", key, slot: slot(key))
        let replies = try nodes.run(batch, by: Deadline(milliseconds: settings.writeTimeoutMilliseconds))
        _ = try checked(replies[0])
        try forEachKey(of: handle) { keys in
            var batch = RedisBatch()
            for key in keys {
                batch.append("UNLINK")
                key.withUnsafeBytes { batch.append($0) }
                batch.end(slot: settings.isCluster ? key.withUnsafeBytes { redisSlot($0) } : 0)
            }
            let replies = try nodes.run(batch, by: Deadline(milliseconds: settings.writeTimeoutMilliseconds))
            for index in keys.indices { _ = try checked(replies[index]) }
        }
    }

    package func recordCount(of view: ViewIdentity) throws -> Int {
        var found: Set<[UInt8]> = []
        // SCAN may name a key twice.
        try forEachKey(of: handle(for: view)) { found.formUnion($0) }
        return found.count
    }

    /// Walks over all keys of all servers in steps. The pattern is exact: after the last `}` stands the view's number.
    func forEachKey(of view: ViewHandle, _ body: ([[UInt8]]) throws -> Void) throws {
        for endpoint in try nodes.masters(by: Deadline(milliseconds: settings.writeTimeoutMilliseconds)) {
            var position = "0"
            repeat {
                var batch = RedisBatch()
                batch.add("SCAN", position, "MATCH", "m{*}\(view.number)", "COUNT", "1000")
                let replies = try nodes.run(
                    batch, on: endpoint, by: Deadline(milliseconds: settings.writeTimeoutMilliseconds))
                let reply = try checked(replies[0])
                guard reply.count == 2, let next = reply[0].string, let count = reply[1].count else {
                    throw foreignReply()
                }
                let keys = (0..<count).compactMap { reply[1][$0].bytes.map { Array($0) } }
                if !keys.isEmpty { try body(keys) }
                position = next
            } while position != "0"
        }
    }
}
