package import MartletCore

/// Where served records live. One semantic for all stores: newest wins, reads never wait for writes, and what a reader
/// sees of one record is one state; of one call too in LMDB and in a single Redis (docs/backends.md).
package protocol OnlineStore: Sendable {
    /// The store's own short name for a view, made when it is first asked for and never changed or used again.
    func handle(for view: ViewIdentity) throws -> ViewHandle

    /// Looks up the keys of several views in one snapshot and runs `body`, during which alone the records in `table`
    /// are valid.
    func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws

    /// Stores a chunk, each record atomically and in LMDB the whole: `order[i]` is the index in `keys` of the chunk's
    /// record `i`; keys ascend. A stored record that is newer stays. The cursor, where one is given, is stored with
    /// the chunk or after it, never before.
    func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts

    /// How far the view's last load came; nil where there was none.
    func cursor(of view: ViewIdentity) throws -> LoadCursor?
    func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws

    /// Deletes every record of the view, in steps between which readers and writers go on.
    func drop(_ view: ViewIdentity) throws

    /// The number of records of the view, tombstones too. Walks over all of them, in some stores over those of other
    /// views as well: for operators, not for requests.
    func recordCount(of view: ViewIdentity) throws -> Int

    /// Whether a read may wait for a network: then it belongs on a thread that may block.
    var isRemote: Bool { get }

    /// A number that is another one after each commit, whoever made it, and one more after one commit; nil where the
    /// store tells none. O(1) and without a system call.
    var version: UInt64? { get }
}

extension OnlineStore {
    package var isRemote: Bool { false }
    package var version: UInt64? { nil }
}

package struct ViewHandle: Sendable, Hashable {
    package let number: UInt32
    package init(number: UInt32) { self.number = number }
}

/// The unique keys of `keys[keyIndex]`, in one view.
package struct RecordLookup: Sendable {
    package var view: ViewHandle
    package var keyIndex: Int

    package init(view: ViewHandle, keyIndex: Int) {
        self.view = view
        self.keyIndex = keyIndex
    }
}

/// The records that a read found, by lookup and unique key. Reusable.
package struct RecordTable {
    // Never made shorter: emptying an array that holds plain words costs more than counting those in use.
    private var records: [UnsafeRawBufferPointer] = []
    private var recordCount = 0
    private var starts: [Int] = []
    private var lookupCount = 0
    private var arena: RecordArena?
    /// Whether the store was unavailable and these records are older than the hot tier otherwise serves.
    package var isStale = false
    /// How old records may be that stand in for a store which is unavailable, besides what the hot tier's settings
    /// allow; nil allows none. Kept from read to read.
    package var allowedStaleness: TimeSpan?
    /// Of the snapshot that was read, where the store tells one.
    package internal(set) var version: UInt64?

    package init() {}

    /// Memory for copies, used again by the next read.
    mutating func recordArena() -> RecordArena {
        if let arena {
            arena.removeAll()
            return arena
        }
        let made = RecordArena()
        arena = made
        return made
    }

    package mutating func removeAll() {
        isStale = false
        version = nil
        recordCount = 0
        lookupCount = 0
    }

    package mutating func beginLookup() {
        if lookupCount < starts.count { starts[lookupCount] = recordCount } else { starts.append(recordCount) }
        lookupCount &+= 1
    }

    @inline(__always)
    package mutating func append(_ record: UnsafeRawBufferPointer?) {
        let record = record ?? UnsafeRawBufferPointer(start: nil, count: 0)
        if recordCount < records.count { records[recordCount] = record } else { records.append(record) }
        recordCount &+= 1
    }

    /// A record that must still be set.
    mutating func appendMissing() { append(missingRecord) }

    func isMissing(lookup: Int, key: Int) -> Bool {
        records[starts[lookup] + key].baseAddress == missingRecord.baseAddress
    }

    mutating func set(_ record: UnsafeRawBufferPointer?, lookup: Int, key: Int) {
        records[starts[lookup] + key] = record ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// nil where nothing is stored.
    package func record(lookup: Int, key: Int) -> UnsafeRawBufferPointer? {
        let record = records[starts[lookup] + key]
        return record.baseAddress == nil ? nil : record
    }
}

// Its address alone means anything.
private nonisolated(unsafe) let missingRecord = UnsafeRawBufferPointer(
    UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1))

/// What became of the records of a write.
package struct WriteCounts: Sendable, Hashable {
    package var written = 0
    /// A newer record was there.
    package var keptNewer = 0
    /// The same bytes were there.
    package var unchanged = 0
    /// Rows with a null key, which nothing could ask for.
    package var nullKeys = 0
    /// Rows that an interrupted load had stored before.
    package var resumed = 0

    package init() {}

    package static func += (left: inout WriteCounts, right: WriteCounts) {
        left.written += right.written
        left.keptNewer += right.keptNewer
        left.unchanged += right.unchanged
        left.nullKeys += right.nullKeys
        left.resumed += right.resumed
    }
}
