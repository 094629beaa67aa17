internal import MartletCore

/// A relational store behind which SQLite stands, and PostgreSQL later. Statements number their parameters `$1`, `$2`,
/// … and keep to the SQL that both know.
///
/// The calls block: whoever must not wait calls them from a thread of its own. They do not nest: a body of `read` or
/// `write` uses the connection it was given and opens no second transaction.
package protocol Database: AnyObject, Sendable {
    /// Runs the body in one read transaction: all its queries see the same state, whatever others write meanwhile.
    func read<Result: Sendable>(_ body: (any DatabaseReading) throws -> Result) throws -> Result

    /// Runs the body in one write transaction, alone. What the body throws undoes everything; what returns is on the
    /// disk.
    @discardableResult
    func write<Result: Sendable>(_ body: (any DatabaseWriting) throws -> Result) throws -> Result
}

/// A connection within a read transaction. Valid only within the body it was given to.
package protocol DatabaseReading: AnyObject {
    /// Calls the body with each row as it is found.
    func forEachRow(_ sql: String, _ values: [DatabaseValue], _ body: (DatabaseRow) throws -> Void) throws

    /// The tables of the database, those of the store itself left out.
    func tableNames() throws -> Set<String>
}

/// A connection within a write transaction. Valid only within the body it was given to.
package protocol DatabaseWriting: DatabaseReading {
    /// Runs one statement.
    /// - Returns: how many rows it inserted, changed or removed.
    @discardableResult
    func execute(_ sql: String, _ values: [DatabaseValue]) throws -> Int

    /// Runs statements without parameters, one after the other, such as a migration.
    func executeScript(_ sql: String) throws
}

extension DatabaseReading {
    /// All rows of a query.
    /// - Throws: `limitExceeded` beyond `maximumCount` rows; a query that may give more is read with `forEachRow`.
    package func rows(
        _ sql: String, _ values: [DatabaseValue] = [], maximumCount: Int = 1_000_000
    ) throws -> [DatabaseRow] {
        var rows: [DatabaseRow] = []
        try forEachRow(sql, values) { row in
            guard rows.count < maximumCount else {
                throw MartletError(.limitExceeded, "a query gave more than \(maximumCount) rows")
            }
            rows.append(row)
        }
        return rows
    }

    /// The first row of a query, or nil.
    package func row(_ sql: String, _ values: [DatabaseValue] = []) throws -> DatabaseRow? {
        try rows(sql, values).first
    }
}

extension DatabaseWriting {
    @discardableResult
    package func execute(_ sql: String) throws -> Int { try execute(sql, []) }
}
