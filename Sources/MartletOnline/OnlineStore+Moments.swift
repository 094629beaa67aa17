package import MartletCore

/// Served values of some keys at several moments, all of one snapshot.
package struct OnlineMoments: Sendable {
    /// One for each moment.
    package var answers: [OnlineColumns] = []
    /// The high-water mark of each row's record: events with smaller offsets of the log are counted; -1 where there is
    /// no record.
    package var marks: [Int64] = []
}

extension OnlineStore {
    /// All features of the keys as of each of the times.
    /// - Throws: as `read(_:keys:features:at:)`.
    package func read(_ view: OnlineView, keys: [Column], at times: [Timestamp]) throws -> OnlineMoments {
        let features = Array(view.features.indices)
        var encoded = try EntityKeys(keys, keys: view.keys)
        let nullKey = encoded.uniqueCount
        if encoded.rows.contains(-1) { encoded.appendImpossibleKey() }
        let rows = encoded.rows.prefix(keys.first?.count ?? 0).map { $0 < 0 ? nullKey : Int($0) }
        let lookup = RecordLookup(view: try handle(for: view.identity), keyIndex: 0)
        var table = RecordTable()
        var result = OnlineMoments()
        try read([lookup], keys: [encoded], into: &table) { table in
            for time in times {
                var answer = ViewAnswer()
                try answer.fill(
                    view, features: features, lookup: 0, keyCount: encoded.uniqueCount, from: table, at: time)
                result.answers.append(try answer.columns(view, features, rows))
            }
            for row in rows {
                let record = table.record(lookup: 0, key: row)
                result.marks.append(try record.map { try RecordHeader(verifying: $0).mark } ?? -1)
            }
        }
        return result
    }
}
