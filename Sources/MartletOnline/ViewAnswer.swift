package import MartletCore

/// What one view has for the unique keys of a read: the records judged and, for windows, assembled. Valid within the read it was
/// made in.
package struct ViewAnswer {
    package enum Content {
        /// The row of each key; nil where none may be served.
        case latest([LatestRow?])
        /// One column for each wanted feature, one value for each key.
        case windowed([Column])
    }

    package let content: Content
    /// The status of each key: `present` where its record may be served.
    package let statuses: [FeatureStatus]
    /// Of the row, or of the newest event in the window's tiles; the epoch where nothing is stored.
    package let eventTimes: [Int64]

    /// - Parameter features: the wanted features, as indices into the view's.
    /// - Throws: `corruptData` for a damaged record, `conflict` where `time` is before what the store holds: the older value is no
    ///   longer there.
    package init(
        _ view: OnlineView, features: [Int], lookup: Int, keyCount: Int, in table: borrowing RecordTable,
        at time: Timestamp
    ) throws {
        var statuses = [FeatureStatus](repeating: .notFound, count: keyCount)
        var eventTimes = [Int64](repeating: 0, count: keyCount)
        switch view.kind {
        case .latest:
            var rows = [LatestRow?](repeating: nil, count: keyCount)
            let oldest = view.ttl.map { time.microseconds.subtractingReportingOverflow($0.microseconds) }
            let limit = oldest.map { $0.overflow ? Int64.min : $0.partialValue } ?? Int64.min
            for key in 0..<keyCount {
                guard let record = table.record(lookup: lookup, key: key) else { continue }
                let row = try LatestRow(record, featureCount: view.features.count)
                guard row.eventTime <= time.microseconds else { throw readTooEarly(view, row.eventTime, time) }
                eventTimes[key] = row.eventTime
                if row.eventTime >= limit {
                    rows[key] = row
                    statuses[key] = .present
                } else {
                    statuses[key] = .outsideMaxAge
                }
            }
            content = .latest(rows)
        case .windowed(let assembler):
            var states = [UnsafeRawBufferPointer?](repeating: nil, count: keyCount)
            for key in 0..<keyCount {
                guard let record = table.record(lookup: lookup, key: key) else { continue }
                let header = try RecordHeader(reading: record, kind: .tiles)
                guard header.position <= time.microseconds else { throw readTooEarly(view, header.position, time) }
                states[key] = UnsafeRawBufferPointer(rebasing: record[RecordHeader.byteCount...])
                statuses[key] = .present
                eventTimes[key] = header.eventTime
            }
            content = .windowed(try assembler.assemble(states, features: features, at: time))
        }
        self.statuses = statuses
        self.eventTimes = eventTimes
    }

    /// The status of one value. A window's value is present also for an unknown entity where the empty window has one.
    @inline(__always)
    package func status(key: Int, isNull: Bool) -> FeatureStatus {
        let status = statuses[key]
        if case .windowed = content {
            return !isNull ? .present : status == .notFound ? .notFound : .nullValue
        }
        return status == .present && isNull ? .nullValue : status
    }
}

private func readTooEarly(_ view: OnlineView, _ stored: Int64, _ time: Timestamp) -> MartletError {
    MartletError(
        .conflict,
        "the online store holds \(view.name) as of \(Timestamp(microseconds: stored)), which is later than \(time)",
        fix: "read at a later moment, or build a training set for values of the past")
}
