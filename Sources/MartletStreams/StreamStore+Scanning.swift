package import MartletOnline
internal import Synchronization

extension StreamStore: ScannedStore {
    package func scan(
        _ view: ViewIdentity, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let streamed = followed(try handle(for: view)) else { return try base.scanned.scan(view, body) }
        // Taken before the store is read: what is stored and leaves memory meanwhile is not missed.
        let resident = try streamed.residentRecords()
        try base.scanned.scan(view) { key, record in
            if resident[Array(key)] == nil { try body(key, record) }
        }
        for (key, record) in resident {
            try key.withUnsafeBytes { key in try record.withUnsafeBytes { try body(key, $0) } }
        }
    }

    package func changeMark(of view: ViewIdentity) throws -> UInt64? {
        guard let mark = try base.scanned.changeMark(of: view) else { return nil }
        guard let streamed = followed(try handle(for: view)) else { return mark }
        return mark &* 0x9E37_79B9_7F4A_7C15 ^ streamed.changeMark
    }
}

extension StreamedView {
    /// The records in memory by their entity keys, as they would be stored now.
    fileprivate func residentRecords() throws -> [[UInt8]: [UInt8]] {
        var found: [[UInt8]: [UInt8]] = [:]
        for shard in shards {
            try shard.entities.withLock { entities in
                for place in entities.entities.indices {
                    guard let key = entities.entities[place]?.key else { continue }
                    found[key] = try entities.record(of: Int32(place))
                }
            }
        }
        return found
    }

    /// Another number after each step of the feed.
    fileprivate var changeMark: UInt64 {
        feed.withLock {
            UInt64(bitPattern: $0.endOffset) &* 0xC2B2_AE3D_27D4_EB4F ^ UInt64(bitPattern: Int64($0.counts.applied))
        }
    }
}
