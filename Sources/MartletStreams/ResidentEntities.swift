internal import MartletCore
internal import MartletFeatures
internal import MartletOnline

/// What is held of one entity beside its tiles.
struct ResidentEntity: Sendable {
    let key: [UInt8]
    /// Of a view of latest values the record; empty where the entity has none.
    var latest: [UInt8] = []
    /// Of a windowed view up to which time the tiles are complete, microseconds.
    var upTo = Int64.min
    /// Events with a smaller offset are counted.
    var mark: Int64 = 0
    /// Of what is gone: when it happened and came, microseconds.
    var goneAt: (event: Int64, arrival: Int64) = (.min, .min)
    /// Whether it had events and has none any more.
    var isGone = false
    /// Between which checkpoints it was last changed; 0 where nothing is left to store.
    var changedIn = 0
    /// Between which checkpoints it was last looked for.
    var usedIn = 0
    /// The record as it is served, made when it is first read after a change.
    var served: ServedRecord?
}

/// Entities of a view in memory: those of one shard. What a checkpoint stores is each entity as it was when the
/// checkpoint began; whoever changes one that is not yet taken writes its record down first (copy on write), so that
/// nobody waits for a checkpoint.
// @unchecked: used under the lock of its shard alone, and its tiles leave it only as bytes.
struct ResidentEntities: ~Copyable, @unchecked Sendable {
    let kind: RecordHeader.Kind
    /// Of a windowed view; an entity's number is its place.
    var tiles: ResidentTiles?
    private var places: [[UInt8]: Int32] = [:]
    private(set) var entities: [ResidentEntity?] = []
    private var freePlaces: [Int32] = []
    private var latestByteCount = 0

    /// Counts the checkpoints that have begun, from 1.
    private(set) var generation = 1
    /// The entities that changed since the last checkpoint began.
    private var changed: [Int32] = []
    /// Those that the running checkpoint has still to take.
    private var toTake: [Int32] = []
    /// Records that were written down for the running checkpoint before they changed.
    private var writtenDown: [StoredRecord] = []

    /// An entity's key and record.
    typealias StoredRecord = (key: [UInt8], record: [UInt8])

    init(_ plan: WindowPlan?) {
        kind = plan == nil ? .latest : .tiles
        tiles = if let plan { ResidentTiles(plan) } else { nil }
    }

    var count: Int { places.count }
    var changedCount: Int { changed.count + toTake.count }
    /// The memory of tiles and records; keys come on top.
    var byteCount: Int { mutating get { latestByteCount + (tiles?.byteCount ?? 0) } }

    subscript(place: Int32) -> ResidentEntity {
        get {
            guard let entity = entities[Int(place)] else { preconditionFailure("an entity keeps its place") }
            return entity
        }
        _modify {
            guard entities[Int(place)] != nil else { preconditionFailure("an entity keeps its place") }
            yield &entities[Int(place)]!
        }
    }

    /// Where an entity is, if it is in memory; it will stay there until the second checkpoint from now.
    mutating func place(of key: UnsafeRawBufferPointer) -> Int32? {
        guard let place = places[Array(key)] else { return nil }
        self[place].usedIn = generation
        return place
    }

    /// Takes up an entity.
    /// - Parameter record: what the store has of it.
    /// - Throws: `corruptData` for what is no record of the kind, `stalePlan` for tiles of another layout.
    mutating func add(_ key: UnsafeRawBufferPointer, stored record: UnsafeRawBufferPointer?) throws -> Int32 {
        var entity = ResidentEntity(key: Array(key), usedIn: generation)
        let place = freePlaces.popLast() ?? Int32(entities.count)
        if Int(place) == entities.count { entities.append(nil) }
        tiles?.reserveKeys(place + 1)
        do {
            if let record { try take(record, &entity, at: place) }
        } catch {
            freePlaces.append(place)
            throw error
        }
        places[entity.key] = place
        latestByteCount += entity.latest.count
        entities[Int(place)] = entity
        return place
    }

    private mutating func take(
        _ record: UnsafeRawBufferPointer, _ entity: inout ResidentEntity, at place: Int32
    ) throws(MartletError) {
        if try RecordHeader.isTombstone(record) {
            // What it stands for is gone; what comes after it counts.
            let header = try RecordHeader(verifying: record)
            entity.goneAt = (header.eventTime, header.createdTime)
            (entity.mark, entity.upTo, entity.isGone) = (header.mark, header.position, true)
            return
        }
        let header = try RecordHeader(reading: record, kind: kind)
        entity.mark = header.mark
        guard kind == .tiles else {
            entity.latest = Array(record)
            return
        }
        entity.upTo = header.position
        try tiles?.load(
            UnsafeRawBufferPointer(rebasing: record[RecordHeader.byteCount...]), of: place,
            newestEventTime: header.eventTime, newestArrivalTime: header.createdTime)
    }

    /// Must be called before an entity changes.
    mutating func willChange(_ place: Int32) throws(MartletError) {
        let changedIn = self[place].changedIn
        self[place].served = nil
        if changedIn == generation { return }
        if changedIn > 0, let record = try record(of: place) {
            writtenDown.append((self[place].key, record))
        }
        self[place].changedIn = generation
        changed.append(place)
    }

    mutating func setLatest(_ record: [UInt8], _ place: Int32) {
        latestByteCount += record.count - self[place].latest.count
        self[place].latest = record
    }

    /// The record as a store holds it; nil where the entity has none.
    mutating func record(of place: Int32) throws(MartletError) -> [UInt8]? {
        let entity = self[place]
        if entity.isGone {
            var header = RecordHeader(
                kind: kind, eventTime: entity.goneAt.event, createdTime: entity.goneAt.arrival, position: entity.upTo)
            header.isTombstone = true
            header.mark = entity.mark
            return header.sealed(before: [])
        }
        guard kind == .tiles else {
            return entity.latest.isEmpty ? nil : RecordHeader.marked(entity.latest, entity.mark)
        }
        guard let newest = tiles?.newest(of: place) else { return nil }
        var header = RecordHeader(
            kind: .tiles, eventTime: newest.eventTime, createdTime: newest.arrivalTime, position: entity.upTo)
        header.mark = entity.mark
        return try tiles?.withRecord(of: place, upTo: Timestamp(microseconds: entity.upTo)) {
            header.sealed(before: $0)
        }
    }

    /// The record of an entity to be read; nil where it is not in memory or has none.
    mutating func served(_ key: UnsafeRawBufferPointer) throws(MartletError) -> ServedRecord? {
        guard let place = places[Array(key)] else { return nil }
        if let served = self[place].served { return served }
        guard let record = try record(of: place) else { return nil }
        let served = ServedRecord(record)
        self[place].served = served
        return served
    }

    // MARK: Checkpoints

    /// Of what has changed until now the state is to be stored.
    mutating func beginCheckpoint() {
        precondition(toTake.isEmpty && writtenDown.isEmpty, "one checkpoint at a time")
        swap(&toTake, &changed)
        generation += 1
    }

    /// Records for the running checkpoint, as they were when it began.
    /// - Parameters:
    ///   - limit: of entities that are looked at.
    ///   - taken: the places of those that count as stored now.
    /// - Returns: nil where nothing is left.
    mutating func takeRecords(limit: Int, taken: inout [Int32]) throws(MartletError) -> [StoredRecord]? {
        if toTake.isEmpty && writtenDown.isEmpty { return nil }
        var records: [StoredRecord] = []
        swap(&records, &writtenDown)
        for _ in 0..<min(limit, toTake.count) {
            guard let place = toTake.popLast() else { break }
            // What changed since was written down before.
            if self[place].changedIn == generation { continue }
            if let record = try record(of: place) { records.append((self[place].key, record)) }
            self[place].changedIn = 0
            taken.append(place)
        }
        return records
    }

    /// The running checkpoint failed: what it took, and what it did not come to, is still to be stored.
    mutating func abandonCheckpoint(taken: [Int32]) {
        for place in taken + toTake where self[place].changedIn != generation {
            self[place].changedIn = generation
            changed.append(place)
        }
        toTake = []
        writtenDown = []
    }

    /// Lets go of tiles beyond reach, and of the entities that are stored and that nobody has looked for since the
    /// checkpoint before the last began.
    mutating func settle(_ range: Range<Int>, evicts: Bool) {
        let range = range.clamped(to: 0..<entities.count)
        tiles?.sweep(Int32(range.lowerBound)..<Int32(range.upperBound))
        guard evicts else { return }
        for place in range {
            guard let entity = entities[place], entity.changedIn == 0, entity.usedIn < generation - 2 else { continue }
            latestByteCount -= entity.latest.count
            places[entity.key] = nil
            entities[place] = nil
            tiles?.remove(Int32(place))
            freePlaces.append(Int32(place))
        }
    }
}
