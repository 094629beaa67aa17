package import MartletCore
internal import MartletFeatures
internal import MartletOnline
internal import Synchronization

extension StreamedView {
    /// Rows that are counted under a lock at once: what a reader may have to wait for.
    private static let chunkRows = 256

    /// Counts rows of the log. Those that happen later than `now` wait until `advance` reaches them.
    /// - Parameter endOffset: behind the events that the rows were taken from; grows from call to call.
    package func apply(_ rows: StreamRows, endOffset: Int64, now: Timestamp) throws {
        var (due, resumed): ([Int32], [Int32]) = ([], [])
        var (later, resumedLater): ([Int32], [Int32]) = ([], [])
        feed.withLock { feed in
            let known = feed.endOffset
            feed.endOffset = max(known, endOffset)
            for row in 0..<rows.count {
                let position = rows.positions[row]
                let hasWaited = !feed.resumedWaiting.isEmpty && feed.resumedWaiting.remove(position) != nil
                if position < known, !hasWaited {
                    feed.counts.replayed += 1
                } else if rows.eventTimes[row] >= now.microseconds {
                    if hasWaited { resumedLater.append(Int32(row)) } else { later.append(Int32(row)) }
                } else if hasWaited {
                    resumed.append(Int32(row))
                } else {
                    due.append(Int32(row))
                }
            }
        }
        if !resumedLater.isEmpty { wait(rows.gathering(resumedLater)) }
        if !later.isEmpty { wait(try uncounted(rows.gathering(later))) }
        try count(due.count == rows.count ? rows : rows.gathering(due), upTo: now, haveWaited: false)
        if resumed.isEmpty { return }
        let late = rows.gathering(resumed)
        feed.withLock { $0.keysThatWaited.formUnion(keys(of: late)) }
        try count(late, upTo: now, haveWaited: true)
    }

    /// Counts the rows that waited and have happened before `now`.
    package func advance(to now: Timestamp) throws {
        let due = feed.withLock { feed -> StreamRows? in
            guard let waiting = feed.waiting, waiting.eventTimes.contains(where: { $0 < now.microseconds }) else {
                return nil
            }
            let all = (0..<Int32(waiting.count))
            let later = all.filter { waiting.eventTimes[Int($0)] >= now.microseconds }
            feed.waiting = later.isEmpty ? nil : waiting.gathering(later)
            return waiting.gathering(all.filter { waiting.eventTimes[Int($0)] < now.microseconds })
        }
        if let due { try count(due, upTo: now, haveWaited: true) }
    }

    /// Puts entities in the state that the rows make, whatever they were before: events were taken back.
    /// - Parameters:
    ///   - keys: the entities.
    ///   - rows: all their rows with a smaller offset than `mark`, in the order of the log or not.
    ///   - mark: no smaller than `markBound(of:)`: where the log is read again, events behind `endOffset` may be
    ///   counted.
    package func replace(
        _ keys: [Column], with rows: StreamRows, endOffset: Int64, mark: Int64, now: Timestamp
    ) throws {
        let entities = try EntityKeys(keys, keys: view.keys)
        let places = try makeResident(entities)
        for index in 0..<entities.uniqueCount {
            try entities.withKey(index) { key in
                try shard(of: key).entities.withLock { try $0.clear(places[index], mark: mark, now: now) }
            }
        }
        let due = (0..<Int32(rows.count)).filter { rows.eventTimes[Int($0)] < now.microseconds }
        let later = (0..<Int32(rows.count)).filter { rows.eventTimes[Int($0)] >= now.microseconds }
        feed.withLock { $0.endOffset = max($0.endOffset, endOffset) }
        try stopWaiting(of: entities)
        if !later.isEmpty { wait(rows.gathering(later)) }
        try count(rows.gathering(due), upTo: now, haveWaited: true)
    }

    /// Behind all events that are known to be counted of any of the entities.
    package func markBound(of keys: [Column]) throws -> Int64 {
        let entities = try EntityKeys(keys, keys: view.keys)
        let places = try makeResident(entities)
        let marks = places.enumerated().map { index, place in
            entities.withKey(index) { key in shard(of: key).entities.withLock { $0[place].mark } }
        }
        return max(marks.max() ?? 0, feed.withLock { $0.endOffset })
    }

    /// Lets go of the rows of entities that wait: some may have been taken back.
    private func stopWaiting(of entities: EntityKeys) throws {
        guard let waiting = feed.withLock({ $0.waiting }) else { return }
        let theirs = Set((0..<entities.uniqueCount).map { entities.withKey($0) { Array($0) } })
        let found = try EntityKeys(waiting.keys, keys: view.keys)
        let isTheirs = (0..<found.uniqueCount).map { found.withKey($0) { theirs.contains(Array($0)) } }
        let others = (0..<Int32(waiting.count)).filter { row in
            let id = found.rows[Int(row)]
            return id < 0 || !isTheirs[Int(id)]
        }
        feed.withLock { $0.waiting = others.isEmpty ? nil : waiting.gathering(others) }
    }

    /// Says that the events before an offset hold nothing for the view.
    package func skip(to endOffset: Int64) { feed.withLock { $0.endOffset = max($0.endOffset, endOffset) } }

    /// The rows that the marks of their entities do not say to be counted: a clock that was set back may find in the
    /// future what was counted before.
    private func uncounted(_ rows: StreamRows) throws -> StreamRows {
        let keys = try EntityKeys(rows.keys, keys: view.keys)
        let places = try makeResident(keys)
        let marks = places.enumerated().map { index, place in
            keys.withKey(index) { key in shard(of: key).entities.withLock { $0[place].mark } }
        }
        let kept = (0..<Int32(rows.count)).filter { row in
            let id = keys.rows[Int(row)]
            return id >= 0 && rows.positions[Int(row)] >= marks[Int(id)]
        }
        feed.withLock { $0.counts.replayed += rows.count - kept.count }
        return kept.count == rows.count ? rows : rows.gathering(kept)
    }

    private func wait(_ rows: StreamRows) {
        if rows.count == 0 { return }
        feed.withLock { feed in
            feed.waiting = feed.waiting?.appending(rows) ?? rows
            feed.keysThatWaited.formUnion(keys(of: rows))
        }
    }

    /// - Parameter haveWaited: whether the marks of records may lie beyond the rows, which are in none of them.
    private func count(_ rows: StreamRows, upTo now: Timestamp, haveWaited: Bool) throws {
        guard rows.count > 0 else { return }
        let keys = try EntityKeys(rows.keys, keys: view.keys)
        let places = try makeResident(keys)
        if plan != nil {
            try countWindows(rows, keys, places, now, haveWaited)
        } else {
            try countLatest(rows, keys, places)
        }
    }

    /// Takes up what the store has of entities that are not in memory.
    /// - Returns: of each unique key its place in its shard, which holds until the second checkpoint from now.
    private func makeResident(_ keys: EntityKeys) throws -> [Int32] {
        var places = [Int32](repeating: -1, count: keys.uniqueCount)
        var missing = EntityKeys()
        var missingIndices: [Int] = []
        for index in 0..<keys.uniqueCount {
            keys.withKey(index) { key in
                if let place = shard(of: key).entities.withLock({ $0.place(of: key) }) {
                    places[index] = place
                } else {
                    missing.append(encoded: key)
                    missingIndices.append(index)
                }
            }
        }
        if missingIndices.isEmpty { return places }
        var table = RecordTable()
        try store.read([RecordLookup(view: handle, keyIndex: 0)], keys: [missing], into: &table) { table in
            for (number, index) in missingIndices.enumerated() {
                let record = table.record(lookup: 0, key: number)
                places[index] = try missing.withKey(number) { key in
                    try shard(of: key).entities.withLock { try $0.add(key, stored: record) }
                }
            }
        }
        return places
    }

    private func countWindows(
        _ rows: StreamRows, _ keys: EntityKeys, _ places: [Int32], _ now: Timestamp, _ haveWaited: Bool
    ) throws {
        let events = EventColumns(
            ids: keys.rows.map { $0 < 0 ? -1 : places[Int($0)] }, eventTimes: rows.eventTimes,
            arrivalTimes: rows.arrivalTimes, positions: rows.positions, inputs: rows.inputs)
        let shardNumbers = (0..<keys.uniqueCount).map { keys.withKey($0) { shardNumber(of: $0) } }
        var parts = [[Int32]](repeating: [], count: Self.shardCount)
        for (row, id) in keys.rows.enumerated() where id >= 0 { parts[shardNumbers[Int(id)]].append(Int32(row)) }
        let endOffset = feed.withLock { $0.endOffset }
        var counts = StreamCounts()
        for (shard, part) in zip(shards, parts) where !part.isEmpty {
            var counted: [Int32] = []
            for first in stride(from: 0, to: part.count, by: Self.chunkRows) {
                let chunk = part[first..<min(part.count, first + Self.chunkRows)]
                try shard.entities.withLock {
                    try $0.count(
                        events, rows: chunk, now: now, haveWaited: haveWaited, counted: &counted, &counts)
                }
            }
            // Only now: the rows of one entity may lie in many chunks.
            shard.entities.withLock { entities in
                for row in counted { entities[events.ids[Int(row)]].raiseMark(to: endOffset) }
            }
        }
        feed.withLock { $0.counts.add(counts) }
    }

    private func countLatest(_ rows: StreamRows, _ keys: EntityKeys, _ places: [Int32]) throws {
        var winners = [Int32](repeating: -1, count: keys.uniqueCount)
        for (row, id) in keys.rows.enumerated() where id >= 0 {
            let best = winners[Int(id)]
            if best < 0 || rows.order(Int(best)) <= rows.order(row) { winners[Int(id)] = Int32(row) }
        }
        let values = LatestValues(
            keys: rows.keys, features: rows.inputs, eventTimes: rows.eventTimes, createdTimes: rows.arrivalTimes,
            positions: rows.positions)
        let chunk = RecordChunk(values, rows: winners[...])
        let endOffset = feed.withLock { $0.endOffset }
        for index in 0..<keys.uniqueCount {
            let record = chunk.withRecord(index) { Array($0) }
            try keys.withKey(index) { key in
                try shard(of: key).entities.withLock {
                    try $0.replaceLatest(record, places[index], mark: endOffset)
                }
            }
        }
        feed.withLock { $0.counts.applied += rows.count }
    }
}

extension ResidentEntity {
    fileprivate mutating func raiseMark(to offset: Int64) { mark = max(mark, offset) }
}

extension ResidentEntities {
    /// Counts events whose ids are places here.
    /// - Parameter counted: is given the rows that were not counted before.
    fileprivate mutating func count(
        _ events: EventColumns, rows: ArraySlice<Int32>, now: Timestamp, haveWaited: Bool, counted: inout [Int32],
        _ counts: inout StreamCounts
    ) throws {
        var new: [Int32] = []
        new.reserveCapacity(rows.count)
        for row in rows {
            let place = events.ids[Int(row)]
            if !haveWaited, let position = events.positions?[Int(row)], position < self[place].mark {
                counts.replayed += 1
                continue
            }
            if let newest = tiles?.newest(of: place), events.eventTimes[Int(row)] < newest.eventTime {
                counts.late += 1
            }
            try willChange(place)
            self[place].isGone = false
            self[place].upTo = max(self[place].upTo, now.microseconds)
            new.append(row)
        }
        if new.isEmpty { return }
        tiles?.advance(to: now)
        let applied = try tiles?.apply(events, rows: new)
        counts.applied += new.count
        counts.beyondReach += applied?.beyondReach ?? 0
        counted += new
    }

    /// Keeps of a row and the one that is there the newer.
    fileprivate mutating func replaceLatest(_ record: [UInt8], _ place: Int32, mark: Int64) throws {
        let isNewer = try record.withUnsafeBytes { new in
            try self[place].latest.withUnsafeBytes { old in
                guard !old.isEmpty else { return true }
                var held = try RecordHeader(reading: old, kind: .latest)
                held.mark = 0
                return try RecordHeader(reading: new, kind: .latest).mayReplace(held)
            }
        }
        guard isNewer, record != self[place].latest else { return }
        try willChange(place)
        setLatest(record, place)
        self[place].isGone = false
        self[place].raiseMark(to: mark)
    }

    /// Takes all events of an entity back.
    fileprivate mutating func clear(_ place: Int32, mark: Int64, now: Timestamp) throws {
        try willChange(place)
        if !self[place].latest.isEmpty {
            let header = try self[place].latest.withUnsafeBytes { try RecordHeader(reading: $0, kind: .latest) }
            self[place].goneAt = (header.eventTime, header.createdTime)
            self[place].isGone = true
        }
        if let newest = tiles?.newest(of: place) {
            self[place].goneAt = (newest.eventTime, newest.arrivalTime)
            self[place].isGone = true
        }
        setLatest([], place)
        tiles?.remove(place)
        self[place].upTo = max(self[place].upTo, now.microseconds)
        self[place].raiseMark(to: mark)
    }
}

extension StreamRows {
    fileprivate func order(_ row: Int) -> (Int64, Int64, Int64) {
        (eventTimes[row], arrivalTimes[row], positions[row])
    }
}

extension StreamCounts {
    fileprivate mutating func add(_ other: StreamCounts) {
        applied += other.applied
        late += other.late
        beyondReach += other.beyondReach
        replayed += other.replayed
    }
}
