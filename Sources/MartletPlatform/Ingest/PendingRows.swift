internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The temporary table `candidates`: the rows of bronze that silver has not seen. What they do to one another is
/// settled here, so that those stay which are live when all of them have happened.
struct PendingRows {
    let source: SourceDefinition
    let connection: QueryConnection
    /// Rows with another operation than `insert`.
    private(set) var changes = 0

    private var id: String { source.id.map(quotedIdentifier).joined(separator: ", ") }

    private func equal(_ other: String) -> String {
        source.id.map { "candidates.\(quotedIdentifier($0)) = \(other).\(quotedIdentifier($0))" }
            .joined(separator: " AND ")
    }

    /// - Parameter rows: what can follow FROM.
    init(_ source: SourceDefinition, from rows: String, _ connection: QueryConnection) throws {
        self.source = source
        self.connection = connection
        try connection.execute("CREATE OR REPLACE TEMP TABLE candidates AS SELECT * FROM \(rows)")
        changes = Int(
            try connection.value("SELECT count(*) FROM candidates WHERE _operation <> 'insert'").number ?? 0)
    }

    func count() throws -> Int { Int(try connection.value("SELECT count(*) FROM candidates").number ?? 0) }

    func drop() { try? connection.execute("DROP TABLE IF EXISTS candidates") }

    /// Drops inserts whose id an earlier event has: of equal ids the first in the log stays.
    /// - Parameter known: a SELECT of the rows that silver holds, taken back or not.
    /// - Returns: how many were dropped.
    func dropDuplicates(known: String?) throws -> Int {
        if source.id.isEmpty { return 0 }
        let before = try count()
        try connection.execute(
            """
            DELETE FROM candidates USING (
                SELECT \(id), min(_position) AS kept
                FROM candidates WHERE _operation <> 'delete' GROUP BY \(id) HAVING count(*) > 1
            ) AS first
            WHERE \(equal("first")) AND candidates._operation = 'insert' AND candidates._position <> first.kept
            """)
        if let known {
            try connection.execute(
                "DELETE FROM candidates USING (SELECT \(id) FROM (\(known))) AS first "
                    + "WHERE \(equal("first")) AND candidates._operation = 'insert'")
        }
        return before - (try count())
    }

    /// Moves updates that a check holds back for what they alone say into the temporary table `held_updates`: they take
    /// nothing back, whatever comes with them.
    /// - Parameter condition: true for such a row.
    /// - Returns: how many there are.
    func holdBackUpdates(where condition: String) throws -> Int {
        let isHeld = "_operation = 'update' AND coalesce((\(condition)), false)"
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE held_updates AS SELECT * FROM candidates WHERE \(isHeld);
            DELETE FROM candidates WHERE \(isHeld)
            """)
        return Int(try connection.value("SELECT count(*) FROM held_updates").number ?? 0)
    }

    /// Of each id that is updated or deleted keeps the last row alone, or none, for the checks; the temporary table
    /// `removers` says from which event on earlier rows of the id are no more. The rows between, which counted until
    /// the next one came, are moved into the temporary table `superseded`, and the deletes into `deletes`.
    /// - Parameter condition: true for a row that a check holds back for what it alone says.
    func settleChanges(heldWhere condition: String?) throws {
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE removers AS
            SELECT \(id), max(_position) AS _removed_by, arg_max(_arrival_time, _position) AS _removed_time,
            arg_max(_operation, _position) AS _last
            FROM candidates GROUP BY \(id) HAVING bool_or(_operation <> 'insert')
            """)
        let passes = condition.map { " AND NOT coalesce((\($0)), false)" } ?? ""
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE deletes AS SELECT * FROM candidates WHERE _operation = 'delete';
            CREATE OR REPLACE TEMP TABLE superseded AS SELECT candidates.* FROM candidates JOIN removers
            ON \(equal("removers")) WHERE candidates._operation <> 'delete'
            AND candidates._position <> removers._removed_by\(passes)
            """)
        try connection.execute(
            """
            DELETE FROM candidates USING removers
            WHERE \(equal("removers"))
            AND (candidates._position <> removers._removed_by OR removers._last = 'delete')
            """)
    }

    /// The rows of silver and of what comes to it that the pending ones take back, as `removed.SOURCE` has them: each
    /// is none any more once a later event of its id has arrived, whichever of them did first.
    /// - Parameters:
    ///   - silver: a SELECT of the rows that silver holds, taken back or not; nil where there is none.
    ///   - removed: a SELECT of those that are noted as taken back already.
    ///   - good: a SELECT of the candidates that pass their checks.
    func removed(from silver: String?, noted removed: String?, good: String) -> String {
        func equal(_ left: String, _ right: String) -> String {
            source.id.map { "\(left).\(quotedIdentifier($0)) = \(right).\(quotedIdentifier($0))" }
                .joined(separator: " AND ")
        }
        let pending = [good, "SELECT * FROM superseded"]
        func rows(_ relations: [String], where condition: String) -> String {
            relations.map { "SELECT \(id), _position, _arrival_time FROM (\($0)) WHERE \(condition)" }
                .joined(separator: " UNION ALL ")
        }
        let changes =
            rows(pending, where: "_operation <> 'insert'") + " UNION ALL "
            + rows(["SELECT * FROM deletes"], where: "true")
        let held = rows((silver.map { [$0] } ?? []) + pending, where: "true")
        let found = """
            SELECT held._position, min(changes._arrival_time) AS _removed_time, min(changes._position) AS _removed_by
            FROM (\(held)) AS held JOIN (\(changes)) AS changes
            ON \(equal("held", "changes")) AND changes._position > held._position GROUP BY held._position
            """
        guard let removed else { return found }
        return """
            SELECT found.* FROM (\(found)) AS found LEFT JOIN (
                SELECT _position, min(_removed_time) AS _removed_time FROM (\(removed)) GROUP BY _position
            ) AS noted ON noted._position = found._position
            WHERE noted._position IS NULL OR noted._removed_time > found._removed_time
            """
    }

    /// Of `live`, the rows that the pending ones leave: what `unique` is held against.
    func left(of live: String) -> String {
        guard changes > 0 else { return live }
        let equal = source.id.map { "live.\(quotedIdentifier($0)) = removers.\(quotedIdentifier($0))" }
        return "SELECT live.* FROM (\(live)) AS live ANTI JOIN removers ON \(equal.joined(separator: " AND "))"
    }
}
