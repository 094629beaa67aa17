internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery
internal import MartletTables

/// The rows of `silver.SOURCE` that no later event has taken back. `removed.SOURCE`, which is there once an update or a
/// delete has come, names the others: their `_position`, when it was known that they are none any more
/// (`_removed_time`), and the position of the event that says so (`_removed_by`).
struct LiveRows {
    /// The versions that are read, by the tables' names.
    let versions: TableVersions
    /// A SELECT of the rows.
    let sql: String
    /// A SELECT of all rows, those that were taken back, too, with `_removed_time`, null for live ones; nil where none
    /// was ever taken back.
    let heldSQL: String?

    static let removedTime = Field("_removed_time", .timestamp, isNullable: false)
    static let removedSchema = Schema([
        SystemColumn.position, removedTime, Field("_removed_by", .int64, isNullable: false),
    ])

    /// What the rows of `heldSQL` are called beside those of a source.
    static func heldName(_ source: String) -> String { "_held_\(source)" }
}

extension Workspace {
    /// - Parameters:
    ///   - pinned: versions to read where the source's silver table is named; otherwise those of now.
    ///   - offset: gives the rows that were live when the events before this offset were all there were.
    /// - Returns: nil where the source has no rows yet.
    func liveRows(
        of source: String, pinned: TableVersions = [:], before offset: Int64? = nil
    ) throws -> LiveRows? {
        let (silver, removed) = (try table(.silver(source)), try table(.removed(source)))
        guard try silver.exists() else { return nil }
        let (silverName, removedName) = (silver.name.description, removed.name.description)
        let isPinned = pinned[silverName] != nil
        let snapshot = try pinned[silverName].map { try silver.snapshot(version: $0) } ?? silver.snapshot()
        var versions = [silverName: snapshot.version]
        var sql = try silver.scanSQL(snapshot)
        if let offset { sql = "SELECT * FROM (\(sql)) WHERE _position < \(offset)" }
        var held: String?
        if try isPinned ? pinned[removedName] != nil : removed.exists() {
            let snapshot = try pinned[removedName].map { try removed.snapshot(version: $0) } ?? removed.snapshot()
            versions[removedName] = snapshot.version
            var gone = try removed.scanSQL(snapshot)
            if let offset { gone = "SELECT * FROM (\(gone)) WHERE _removed_by < \(offset)" }
            held = """
                SELECT held.*, gone._removed_time FROM (\(sql)) AS held LEFT JOIN (
                    SELECT _position, min(_removed_time) AS _removed_time FROM (\(gone)) GROUP BY _position
                ) AS gone ON held._position = gone._position
                """
            sql = "SELECT held.* FROM (\(sql)) AS held ANTI JOIN (\(gone)) AS gone ON held._position = gone._position"
        }
        return LiveRows(versions: versions, sql: sql, heldSQL: held)
    }
}
