package import MartletCore

/// Served values, one column a feature and one row a key, in the order asked for.
package struct OnlineColumns: Sendable {
    package let columns: [Column]
    /// By feature, then by row.
    package let statuses: [[FeatureStatus]]
    /// Of each row; the epoch where nothing is stored.
    package let eventTimes: [Timestamp]
}

extension OnlineStore {
    /// The wanted features of the keys as of `time`: all of one snapshot, repeated keys read once, ttl applied.
    /// - Parameter features: indices into the view's features; nil means all.
    /// - Throws: `typeMismatch` for keys of other types, `corruptData`, `conflict` where `time` is before what the
    ///   store holds.
    package func read(
        _ view: OnlineView, keys: [Column], features: [Int]? = nil, at time: Timestamp
    ) throws -> OnlineColumns {
        let features = features ?? Array(view.features.indices)
        var encoded = try EntityKeys(keys, keys: view.keys)
        // Null keys are answered like a key that nothing is stored under.
        let nullKey = encoded.uniqueCount
        if encoded.rows.contains(-1) { encoded.appendImpossibleKey() }
        let rows = encoded.rows.prefix(keys.first?.count ?? 0).map { $0 < 0 ? nullKey : Int($0) }
        let lookup = RecordLookup(view: try handle(for: view.identity), keyIndex: 0)
        var table = RecordTable()
        var result: OnlineColumns?
        try read([lookup], keys: [encoded], into: &table) { table in
            var answer = ViewAnswer()
            try answer.fill(
                view, features: features, lookup: 0, keyCount: encoded.uniqueCount, from: table, at: time)
            result = try answer.columns(view, features, rows)
        }
        guard let result else { preconditionFailure("the store ran no body") }
        return result
    }
}

extension ViewAnswer {
    /// Values that outlive the read.
    /// - Parameters:
    ///   - features: those with which the answer was filled.
    ///   - rows: the key of each row.
    package func columns(_ view: OnlineView, _ features: [Int], _ rows: [Int]) throws -> OnlineColumns {
        let columns = try features.enumerated().map { place, feature in
            try column(of: view, feature: feature, place: place, rows: rows)
        }
        let statuses = columns.map { column in
            rows.enumerated().map { index, key in status(key: key, isNull: column.isNull(index)) }
        }
        return OnlineColumns(
            columns: columns, statuses: statuses, eventTimes: rows.map { Timestamp(microseconds: eventTimes[$0]) })
    }

    /// One feature, row by row.
    /// - Parameters:
    ///   - feature: index into the view's features.
    ///   - place: where it stands among the features with which the answer was filled.
    ///   - rows: the key of each row.
    package func column(of view: OnlineView, feature: Int, place: Int, rows: [Int]) throws -> Column {
        if isWindowed { return try columns[place].gathering(rows.map { Int32($0) }) }
        let type = view.features[feature].type
        if type.isNested { return try nestedColumn(of: feature, type, rows: rows) }
        var builder = ColumnBuilder(type)
        for key in rows {
            guard let row = self.rows[key], row.isPresent(feature) else {
                builder.appendNull()
                continue
            }
            builder.append(try row.value(feature, builder.type))
        }
        return builder.finish()
    }
}

extension LatestRow {
    /// A present value, boxed: for edges.
    package func value(_ feature: Int, _ type: DataType) throws -> Value {
        switch type {
        case .bool: .bool(bits(feature) != 0)
        case .int32: .int32(Int32(truncatingIfNeeded: bits(feature)))
        case .int64: .int64(Int64(bitPattern: bits(feature)))
        case .float32: .float32(Float(bitPattern: UInt32(truncatingIfNeeded: bits(feature))))
        case .float64: .float64(Double(bitPattern: bits(feature)))
        case .string: .string(String(decoding: try text(feature), as: UTF8.self))
        case .bytes: .bytes(Array(try text(feature)))
        case .timestamp: .timestamp(Timestamp(microseconds: Int64(bitPattern: bits(feature))))
        case .list(let element): try list(feature, of: element).value
        case .map(let element): try map(feature, to: element).value
        }
    }
}
