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

    /// Of each id that is updated or deleted keeps the last row alone, or none; the temporary table `removers` says
    /// from which event on earlier rows of the id are no more.
    func settleChanges() throws {
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE removers AS
            SELECT \(id), max(_position) AS _removed_by, arg_max(_arrival_time, _position) AS _removed_time,
            arg_max(_operation, _position) AS _last
            FROM candidates GROUP BY \(id) HAVING bool_or(_operation <> 'insert')
            """)
        try connection.execute(
            """
            DELETE FROM candidates USING removers
            WHERE \(equal("removers"))
            AND (candidates._position <> removers._removed_by OR removers._last = 'delete')
            """)
    }

    /// The rows of `live` that the pending ones take back, as `removed.SOURCE` has them.
    /// - Parameters:
    ///   - live: a SELECT of the live rows of silver.
    ///   - good: a SELECT of the candidates that pass their checks.
    func removed(from live: String, good: String) -> String {
        let equal = source.id.map { "live.\(quotedIdentifier($0)) = removers.\(quotedIdentifier($0))" }
        return """
            SELECT live._position, removers._removed_time, removers._removed_by
            FROM (\(live)) AS live JOIN removers ON \(equal.joined(separator: " AND "))
            WHERE live._position < removers._removed_by
            AND (removers._last = 'delete' OR removers._removed_by IN (SELECT _position FROM (\(good))))
            """
    }

    /// Of `live`, the rows that the pending ones leave: what `unique` is held against.
    func left(of live: String) -> String {
        guard changes > 0 else { return live }
        let equal = source.id.map { "live.\(quotedIdentifier($0)) = removers.\(quotedIdentifier($0))" }
        return "SELECT live.* FROM (\(live)) AS live ANTI JOIN removers ON \(equal.joined(separator: " AND "))"
    }
}
