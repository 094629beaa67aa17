package import MartletCore

/// What one view has for the unique keys of a read: the records judged and, for windows, assembled. Valid within the
/// read it was filled in; reusable.
package struct ViewAnswer {
    package private(set) var isWindowed = false
    /// Of a latest-value view: the row of each key; nil where none may be served.
    package private(set) var rows: [LatestRow?] = []
    /// Of a windowed view: one column for each wanted feature, one value for each key.
    package private(set) var columns: [Column] = []
    /// The status of each key: `present` where its record may be served.
    package private(set) var statuses: [FeatureStatus] = []
    /// Of the row, or of the newest event in the window's tiles; the epoch where nothing is stored.
    package private(set) var eventTimes: [Int64] = []

    package init() {}

    /// - Parameter features: the wanted features, as indices into the view's.
    /// - Throws: `corruptData` for a damaged record, `conflict` where `time` is before what the store holds: the older
    ///   value is no longer there.
    package mutating func fill(
        _ view: OnlineView, features: [Int], lookup: Int, keyCount: Int, from table: borrowing RecordTable,
        at time: Timestamp
    ) throws {
        switch view.kind {
        case .latest:
            isWindowed = false
            try fillLatest(view, lookup, keyCount, table, time.microseconds)
        case .windowed(let assembler):
            isWindowed = true
            rows.removeAll(keepingCapacity: true)
            statuses.removeAll(keepingCapacity: true)
            eventTimes.removeAll(keepingCapacity: true)
            let states = try tileStates(view, lookup, keyCount, table, time.microseconds)
            columns = try assembler.assemble(states, features: features, at: time)
        }
    }

    private mutating func fillLatest(
        _ view: OnlineView, _ lookup: Int, _ keyCount: Int, _ table: borrowing RecordTable, _ time: Int64
    ) throws {
        var oldest = Int64.min
        if let ttl = view.ttl {
            let (limit, overflow) = time.subtractingReportingOverflow(ttl.microseconds)
            oldest = overflow ? .min : limit
        }
        // Most requests ask for as many keys as the one before: then nothing is emptied and filled anew.
        if rows.count != keyCount {
            rows = [LatestRow?](repeating: nil, count: keyCount)
            statuses = [FeatureStatus](repeating: .notFound, count: keyCount)
            eventTimes = [Int64](repeating: 0, count: keyCount)
        }
        for key in 0..<keyCount {
            guard let record = table.record(lookup: lookup, key: key), try !RecordHeader.isTombstone(record) else {
                set(key, nil, .notFound, 0)
                continue
            }
            let row = try LatestRow(record, featureCount: view.features.count)
            guard row.eventTime <= time else { throw readTooEarly(view, row.eventTime, time) }
            if row.eventTime >= oldest {
                set(key, row, .present, row.eventTime)
            } else {
                set(key, nil, .outsideMaxAge, row.eventTime)
            }
        }
    }

    @inline(__always)
    private mutating func set(_ key: Int, _ row: LatestRow?, _ status: FeatureStatus, _ eventTime: Int64) {
        rows[key] = row
        statuses[key] = status
        eventTimes[key] = eventTime
    }

    private mutating func tileStates(
        _ view: OnlineView, _ lookup: Int, _ keyCount: Int, _ table: borrowing RecordTable, _ time: Int64
    ) throws -> [UnsafeRawBufferPointer?] {
        var states: [UnsafeRawBufferPointer?] = []
        states.reserveCapacity(keyCount)
        for key in 0..<keyCount {
            guard let record = table.record(lookup: lookup, key: key), try !RecordHeader.isTombstone(record) else {
                states.append(nil)
                statuses.append(.notFound)
                eventTimes.append(0)
                continue
            }
            let header = try RecordHeader(reading: record, kind: .tiles)
            guard header.position <= time else { throw readTooEarly(view, header.position, time) }
            states.append(UnsafeRawBufferPointer(rebasing: record[RecordHeader.byteCount...]))
            statuses.append(.present)
            eventTimes.append(header.eventTime)
        }
        return states
    }

    /// The status of one value. A window's value is present also for an unknown entity where the empty window has one.
    @inline(__always)
    package func status(key: Int, isNull: Bool) -> FeatureStatus {
        let status = statuses[key]
        if isWindowed {
            return !isNull ? .present : status == .notFound ? .notFound : .nullValue
        }
        return status == .present && isNull ? .nullValue : status
    }
}

private func readTooEarly(_ view: OnlineView, _ stored: Int64, _ time: Int64) -> MartletError {
    MartletError(
        .conflict,
        "the online store holds \(view.name) as of \(Timestamp(microseconds: stored)), which is later than "
            + "\(Timestamp(microseconds: time))",
        fix: "read at a later moment, or build a training set for values of the past")
}
