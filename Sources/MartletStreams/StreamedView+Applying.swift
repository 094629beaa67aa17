package import MartletCore
internal import MartletFeatures
internal import MartletOnline
internal import Synchronization

extension StreamedView {
    /// Counts rows of the log. Those that happen later than `now` wait until `advance` reaches them.
    /// - Parameter endOffset: behind the events that the rows were taken from; grows from call to call.
    package func apply(_ rows: StreamRows, endOffset: Int64, now: Timestamp) throws {
        let due = feed.withLock { feed -> StreamRows in
            let known = feed.endOffset
            feed.endOffset = max(known, endOffset)
            var (due, later): ([Int32], [Int32]) = ([], [])
            for row in 0..<rows.count {
                if rows.positions[row] < known, !feed.resumedWaiting.contains(rows.positions[row]) {
                    feed.counts.replayed += 1
                } else if rows.eventTimes[row] < now.microseconds {
                    due.append(Int32(row))
                } else {
                    later.append(Int32(row))
                }
            }
            if !later.isEmpty {
                let rows = rows.gathering(later)
                feed.waiting = feed.waiting?.appending(rows) ?? rows
            }
            return due.count == rows.count ? rows : rows.gathering(due)
        }
        try count(due, upTo: now, haveWaited: false)
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

    /// - Parameter haveWaited: whether the marks of records may lie beyond the rows, which are in none of them.
    /// Puts entities in the state that the rows make, whatever they were before: events were taken back.
    /// - Parameters:
    ///   - keys: the entities.
    ///   - rows: all their rows with a smaller offset than `endOffset`, in the order of the log or not.
    package func replace(_ keys: [Column], with rows: StreamRows, endOffset: Int64, now: Timestamp) throws {
        let entities = try EntityKeys(keys, keys: view.keys)
        try makeResident(entities)
        for index in 0..<entities.uniqueCount {
            entities.withKey(index) { key in
                shard(of: key).records.withLock { records in
                    guard var held = records[Array(key)] else { return }
                    held.isGone = held.isGone || !held.bytes.isEmpty
                    held.bytes = []
                    held.isDirty = true
                    held.served = nil
                    held.upTo = max(held.upTo, now.microseconds)
                    held.mark = 0
                    records[Array(key)] = held
                }
            }
        }
        let due = (0..<Int32(rows.count)).filter { rows.eventTimes[Int($0)] < now.microseconds }
        feed.withLock { feed in
            feed.endOffset = max(feed.endOffset, endOffset)
            if due.count < rows.count {
                let later = rows.gathering(
                    (0..<Int32(rows.count)).filter { rows.eventTimes[Int($0)] >= now.microseconds })
                let known = Set(feed.waiting?.positions ?? [])
                let new = (0..<Int32(later.count)).filter { !known.contains(later.positions[Int($0)]) }
                let added = later.gathering(new)
                feed.waiting = feed.waiting?.appending(added) ?? added
            }
        }
        try count(rows.gathering(due), upTo: now, haveWaited: true)
    }

    /// Says that the events before an offset hold nothing for the view.
    package func skip(to endOffset: Int64) { feed.withLock { $0.endOffset = max($0.endOffset, endOffset) } }

    private func count(_ rows: StreamRows, upTo now: Timestamp, haveWaited: Bool) throws {
        guard rows.count > 0 else { return }
        let keys = try EntityKeys(rows.keys, keys: view.keys)
        try makeResident(keys)
        if let plan {
            try countWindows(rows, keys, plan, now, haveWaited)
        } else {
            try countLatest(rows, keys)
        }
    }

    /// Takes up what the store has of entities that are not in memory.
    private func makeResident(_ keys: EntityKeys) throws {
        var missing = EntityKeys()
        for index in 0..<keys.uniqueCount {
            keys.withKey(index) { key in
                let isKnown = shard(of: key).records.withLock { $0[Array(key)] != nil }
                if !isKnown { missing.append(encoded: key) }
            }
        }
        guard missing.uniqueCount > 0 else { return }
        let generation = feed.withLock { $0.generation }
        var table = RecordTable()
        try store.read([RecordLookup(view: handle, keyIndex: 0)], keys: [missing], into: &table) { table in
            for index in 0..<missing.uniqueCount {
                var record = ResidentRecord()
                if let stored = table.record(lookup: 0, key: index) {
                    record = try ResidentRecord(reading: stored, kind)
                }
                record.generation = generation
                missing.withKey(index) { key in
                    shard(of: key).records.withLock { $0[Array(key)] = record }
                }
            }
        }
    }

    private func countWindows(
        _ rows: StreamRows, _ keys: EntityKeys, _ plan: WindowPlan, _ now: Timestamp, _ haveWaited: Bool
    ) throws {
        let (endOffset, generation, resumed) = feed.withLock { ($0.endOffset, $0.generation, $0.resumedWaiting) }
        let known = residents(keys)
        let earliest = plan.earliestEvent(at: now).microseconds
        var ids = keys.rows
        var newest = [(event: Int64, arrival: Int64)](repeating: (.min, .min), count: keys.uniqueCount)
        var counts = StreamCounts()
        for (row, id) in ids.enumerated() where id >= 0 {
            let held = known[Int(id)]
            if rows.positions[row] < held.mark, !haveWaited, !resumed.contains(rows.positions[row]) {
                counts.replayed += 1
                ids[row] = -1
                continue
            }
            if rows.eventTimes[row] < earliest { counts.beyondReach += 1 }
            if rows.eventTimes[row] < held.newestEvent { counts.late += 1 }
            counts.applied += 1
            newest[Int(id)] = (
                max(newest[Int(id)].event, rows.eventTimes[row]), max(newest[Int(id)].arrival, rows.arrivalTimes[row])
            )
        }
        let events = EventColumns(
            ids: ids, eventTimes: rows.eventTimes, arrivalTimes: rows.arrivalTimes, positions: rows.positions,
            inputs: rows.inputs)
        let added = try plan.buildTiles(events: events, upTo: now, threads: 1)
        for (index, id) in added.ids.enumerated() {
            let record = added.record(index)
            var changed = known[Int(id)]
            changed.bytes = changed.bytes.isEmpty ? record : try plan.merge(changed.bytes, record)
            changed.newestEvent = max(changed.newestEvent, newest[Int(id)].event)
            changed.newestArrival = max(changed.newestArrival, newest[Int(id)].arrival)
            changed.upTo = max(changed.upTo, now.microseconds)
            changed.mark = endOffset
            changed.isGone = false
            changed.isDirty = true
            changed.generation = generation
            changed.served = nil
            keys.withKey(Int(id)) { key in shard(of: key).records.withLock { $0[Array(key)] = changed } }
        }
        feed.withLock { $0.counts.add(counts) }
    }

    private func countLatest(_ rows: StreamRows, _ keys: EntityKeys) throws {
        var winners = [Int32](repeating: -1, count: keys.uniqueCount)
        for (row, id) in keys.rows.enumerated() where id >= 0 {
            let best = winners[Int(id)]
            if best < 0 || rows.order(Int(best)) <= rows.order(row) { winners[Int(id)] = Int32(row) }
        }
        let values = LatestValues(
            keys: rows.keys, features: rows.inputs, eventTimes: rows.eventTimes, createdTimes: rows.arrivalTimes,
            positions: rows.positions)
        let chunk = RecordChunk(values, rows: winners[...])
        let (generation, endOffset) = feed.withLock { ($0.generation, $0.endOffset) }
        let known = residents(keys)
        for index in 0..<keys.uniqueCount {
            let record = chunk.withRecord(index) { Array($0) }
            let isNewer = try record.withUnsafeBytes { new in
                try known[index].bytes.withUnsafeBytes { old in
                    guard !old.isEmpty else { return true }
                    var held = try RecordHeader(reading: old, kind: .latest)
                    held.mark = 0
                    return try RecordHeader(reading: new, kind: .latest).mayReplace(held)
                }
            }
            guard isNewer, record != known[index].bytes else { continue }
            var changed = ResidentRecord(bytes: record, isDirty: true, generation: generation)
            changed.newestEvent = rows.eventTimes[Int(winners[index])]
            changed.mark = endOffset
            keys.withKey(index) { key in shard(of: key).records.withLock { $0[Array(key)] = changed } }
        }
        feed.withLock { $0.counts.applied += rows.count }
    }

    /// What is held of each unique key; all are resident.
    private func residents(_ keys: EntityKeys) -> [ResidentRecord] {
        (0..<keys.uniqueCount).map { index in
            keys.withKey(index) { key in shard(of: key).records.withLock { $0[Array(key)] ?? ResidentRecord() } }
        }
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
