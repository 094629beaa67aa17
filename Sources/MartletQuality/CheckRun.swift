package import MartletCore
package import MartletDefinitions
package import MartletQuery

/// One run of the checks of a source over a batch of rows. The rows are read twice: once to count what fails, once
/// (by the caller) to take those that pass or fail.
///
/// Leaves the temporary table `check_failures` in the connection: the positions of the failing rows with the reasons.
package struct CheckRun {
    package let report: CheckReport
    /// A query for the rows that fail a check of severity `error` or `critical`: their columns, `_reason` (the names
    /// of the failed checks) and `_checked_at`.
    package let failingRows: String
    /// A query for the other rows.
    package let passingRows: String

    /// - Parameters:
    ///   - rows: the name of a table or view of the connection; it has the column `_position`, different for each row.
    ///   - known: a relation in SQL with the rows accepted earlier, for `unique`; nil where there are none.
    /// - Throws: `invalidDefinition` for an expression or pattern that DuckDB refuses.
    package init(
        _ definitions: [ChecksDefinition], rows: String, known: String?, now: Timestamp, connection: QueryConnection
    ) throws {
        let checks = definitions.flatMap(\.checks)
        for check in checks {
            if case .sql(let expression) = check.rule {
                try validateExpression(expression, of: check, connection: connection)
            }
        }
        let rowChecks = checks.enumerated().compactMap { index, check in
            (check.rule.failingRow ?? uniqueness(check.rule, known: known)).map { (index: index, failing: $0) }
        }
        let flags = rowChecks.map { ", (\($0.failing)) AS f\($0.index)" }.joined()
        let counts = rowChecks.map { ", count_if(f\($0.index)) AS n\($0.index)" }.joined()
        do {
            try connection.execute(
                """
                CREATE OR REPLACE TEMP TABLE check_failures AS SELECT * FROM (
                    SELECT _position\(flags) FROM \(rows) AS batch)
                WHERE \(rowChecks.isEmpty ? "false" : rowChecks.map { "f\($0.index)" }.joined(separator: " OR "))
                """)
        } catch {
            throw blamed(rowChecks.map { (checks[$0.index], $0.failing) }, rows, connection, error)
        }
        // The count of failures keeps this one row where no check is about rows.
        let counted = try connection.query(
            """
            SELECT (SELECT count(*) FROM \(rows)) AS total, count(*) AS failures\(counts)
            FROM check_failures
            """)
        let total = Int(counted["total"]?[0].number ?? 0)
        var results: [CheckReport.Result] = []
        for (index, check) in checks.enumerated() {
            if rowChecks.contains(where: { $0.index == index }) {
                let failing = Int(counted["n\(index)"]?[0].number ?? 0)
                results.append(
                    .init(
                        check: check, passed: failing == 0, failingRows: failing,
                        finding: "\(failing) of \(total) rows fail"))
            } else {
                results.append(try batchResult(check, rows, total, now, connection))
            }
        }

        // What is only a warning holds no row back.
        let strict = rowChecks.filter { checks[$0.index].severity > .warning }
        let isHeld = strict.isEmpty ? "false" : strict.map { "f\($0.index)" }.joined(separator: " OR ")
        let held = "(SELECT * FROM check_failures WHERE \(isHeld))"
        let reasons = strict.map { "CASE WHEN failed.f\($0.index) THEN \(quotedLiteral(checks[$0.index].name)) END" }
        let failing = try connection.value("SELECT count(*) FROM \(held)").number ?? 0
        report = CheckReport(rowCount: total, results: results, failingRowCount: Int(failing))
        failingRows = """
            SELECT batch.*, concat_ws(', ', \(reasons.isEmpty ? "NULL" : reasons.joined(separator: ", "))) AS _reason,
            \(sqlLiteral(.timestamp(now))) AS _checked_at
            FROM \(rows) AS batch JOIN \(held) AS failed USING (_position) ORDER BY batch._position
            """
        passingRows = "SELECT * FROM \(rows) AS batch WHERE _position NOT IN (SELECT _position FROM \(held))"
    }
}

/// The same failure with the name of the check that causes it, where one alone does.
private func blamed(
    _ checks: [(check: Check, failing: String)], _ rows: String, _ connection: QueryConnection, _ error: any Error
) -> any Error {
    for (check, failing) in checks {
        do {
            _ = try connection.query("SELECT count_if(\(failing)) FROM (SELECT * FROM \(rows)) AS batch")
        } catch let cause as MartletError {
            return MartletError(cause.code, "check \(check.name) cannot be run", fix: cause.fix, cause: cause)
        } catch {
            return error
        }
    }
    return error
}

/// True for a row whose values stand in another row too: here, all but the first such row of the batch fail; and
/// every row whose values were accepted earlier.
private func uniqueness(_ rule: Check.Rule, known: String?) -> String? {
    guard case .unique(let columns) = rule else { return nil }
    let names = columns.map(quotedIdentifier)
    let isWhole = names.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
    var failing = "row_number() OVER (PARTITION BY \(names.joined(separator: ", ")) ORDER BY _position) > 1"
    if let known {
        let equal = names.map { "earlier.\($0) = batch.\($0)" }.joined(separator: " AND ")
        failing += " OR EXISTS (SELECT 1 FROM \(known) AS earlier WHERE \(equal))"
    }
    return "(\(isWhole)) AND (\(failing))"
}

private func batchResult(
    _ check: Check, _ rows: String, _ total: Int, _ now: Timestamp, _ connection: QueryConnection
) throws -> CheckReport.Result {
    switch check.rule {
    case .rowCount(let minimum, let maximum):
        let passed = total >= (minimum ?? 0) && total <= (maximum ?? .max)
        return .init(check: check, passed: passed, failingRows: 0, finding: "\(total) rows")
    case .freshness(let column, let maximumAge):
        guard case .timestamp(let newest) = try connection.value("SELECT max(\(quotedIdentifier(column))) FROM \(rows)")
        else {
            return .init(check: check, passed: false, failingRows: 0, finding: "no row has a \(column)")
        }
        let age = now - newest
        let shown = TimeSpan(microseconds: max(0, age.microseconds / 1_000_000 * 1_000_000))
        return .init(
            check: check, passed: age <= maximumAge, failingRows: 0, finding: "the newest \(column) is \(shown) old")
    case .notNull, .unique, .accepted, .range, .regex, .sql:
        preconditionFailure("rules about rows are counted with the rows")
    }
}
