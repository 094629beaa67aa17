internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery
internal import MartletTables

extension Workspace {
    /// The offset after that of the last event whose taking back a load up to `upTo` knows of; 0 where there is none.
    /// Records carry it as their mark: what is made after more was taken back goes before what had newer events.
    func removalMark(
        of view: FeatureViewDefinition, _ upTo: Timestamp, _ versions: TableVersions, _ connection: QueryConnection
    ) throws -> Int64 {
        var mark: Int64 = 0
        for (name, version) in versions where name.hasPrefix("removed.") {
            // What other views say of a row is fixed when it arrives.
            if view.sql == nil, name != "removed.\(view.source ?? "")" { continue }
            let removed = try table(TableName(name))
            let rows = try removed.scanSQL(removed.snapshot(version: version))
            // The query of a view sees nothing of what was taken back, whenever that was.
            let condition = view.sql == nil ? "_removed_time <= \(sqlLiteral(.timestamp(upTo)))" : "true"
            let found = try connection.value(
                "SELECT coalesce(max(_removed_by) + 1, 0)::BIGINT FROM (\(rows)) WHERE \(condition)")
            mark = max(mark, Int64(found.number ?? 0))
        }
        return mark
    }

    /// The entities that the load concerns and of which all rows were taken back by then; nil where there are none.
    func deletions(
        _ query: ViewQuery, _ plan: MaterializationPlan, _ connection: QueryConnection
    ) throws -> Deletions? {
        guard query.includesRemoved else { return nil }
        let keys = query.keys.indices.map { "c\($0)" }.joined(separator: ", ")
        let areThere = query.keys.indices.map { "c\($0) IS NOT NULL" }.joined(separator: " AND ")
        let scope = plan.changedRows == nil ? "true" : query.isOfChangedEntity
        let batch = try connection.query(
            """
            SELECT \(keys) FROM (\(query.sql)) WHERE \(areThere) AND \(scope)
            AND \(query.hadArrived(by: plan.upTo)) GROUP BY \(keys)
            HAVING bool_and(removed_at <= \(plan.upTo.microseconds)) ORDER BY \(keys)
            """)
        let count = batch.rowCount
        guard count > 0 else { return nil }
        // Any row of the entity that comes later is newer; tiles go by how far they are complete.
        let isWindowed = if case .windowed = query.view.features { true } else { false }
        let time = isWindowed ? plan.upTo.microseconds : -2 * timeLimitMicroseconds
        return Deletions(keys: Array(batch.columns), eventTimes: [Int64](repeating: time, count: count))
    }
}
