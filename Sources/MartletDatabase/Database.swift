package import MartletCore

/// A relational database for the state of the platform itself: definitions, versions, records. Small rows, few of them.
///
/// SQLite implements it; PostgreSQL will stand behind the same protocol. SQL stays within what both understand: `?` for
/// parameters, `INTEGER`, `BIGINT`, `REAL`, `TEXT`, times as microseconds.
package protocol Database: Sendable {
    /// Runs `body` in a transaction that sees one state of the database.
    func read<T>(_ body: (any DatabaseSession) throws -> T) throws -> T

    /// Runs `body` in a transaction that is committed, durably, when it returns and rolled back when it throws. Writers wait for
    /// one another.
    func write<T>(_ body: (any DatabaseSession) throws -> T) throws -> T
}

/// One transaction.
package protocol DatabaseSession {
    /// Runs one statement. - Returns: the number of rows changed.
    @discardableResult
    func execute(_ sql: String, _ values: [Value]) throws -> Int

    func query(_ sql: String, _ values: [Value]) throws -> [DatabaseRow]

    /// Runs several statements without parameters: the scripts of migrations.
    func runScript(_ sql: String) throws
}

extension DatabaseSession {
    @discardableResult
    package func execute(_ sql: String) throws -> Int { try execute(sql, []) }
    package func query(_ sql: String) throws -> [DatabaseRow] { try query(sql, []) }
}

/// A row of a result; columns are named as in the query.
package struct DatabaseRow: Sendable {
    private let values: [String: Value]

    package init(_ values: [String: Value]) { self.values = values }

    package func value(_ column: String) throws -> Value {
        guard let value = values[column] else {
            throw MartletError(.internalFault, "a query gave no column \(column)")
        }
        return value
    }

    package func text(_ column: String) throws -> String {
        guard case .string(let text) = try value(column) else { throw unexpected(column, "text") }
        return text
    }

    package func optionalText(_ column: String) throws -> String? {
        try value(column).isNull ? nil : text(column)
    }

    package func integer(_ column: String) throws -> Int64 {
        guard case .int64(let number) = try value(column) else { throw unexpected(column, "an integer") }
        return number
    }

    package func optionalInteger(_ column: String) throws -> Int64? {
        try value(column).isNull ? nil : integer(column)
    }

    package func number(_ column: String) throws -> Double {
        guard let number = try value(column).number else { throw unexpected(column, "a number") }
        return number
    }

    package func timestamp(_ column: String) throws -> Timestamp { Timestamp(microseconds: try integer(column)) }

    private func unexpected(_ column: String, _ kind: String) -> MartletError {
        MartletError(.corruptData, "column \(column) of the registry does not hold \(kind)")
    }
}
