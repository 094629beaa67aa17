package import MartletCore
internal import MartletDatabase

/// A loading of a view into the online store.
package struct MaterializationRecord: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable { case running, finished, failed }

    /// Counted from 1 within the workspace; 0 until it is recorded.
    package var id: Int64 = 0
    package var view: String
    /// The version of the view's definition.
    package var version: Int64
    /// The versions of the tables that were read, by name: `silver.payments`.
    package var tableVersions: [String: Int64]
    /// Events before this instant are loaded.
    package var upTo: Timestamp
    package var state: State
    /// Where to go on after a stop, in words of the loader; nil at the beginning.
    package var progress: String?
    package var rowCount: Int64
    package var startedAt: Timestamp
    package var endedAt: Timestamp?
    package var principal: String

    package init(
        view: String, version: Int64, tableVersions: [String: Int64], upTo: Timestamp, state: State = .running,
        progress: String? = nil, rowCount: Int64 = 0, startedAt: Timestamp, endedAt: Timestamp? = nil, principal: String
    ) {
        self.view = view
        self.version = version
        self.tableVersions = tableVersions
        self.upTo = upTo
        self.state = state
        self.progress = progress
        self.rowCount = rowCount
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.principal = principal
    }
}

extension Registry {
    /// Records a materialization: at its start, after each piece, at its end.
    /// - Parameter record: with the number 0 it is new; with another one its state, progress, rows and end are updated.
    /// - Returns: its number.
    /// - Throws: `notFound` for a number that was never given.
    @discardableResult
    package func record(_ record: MaterializationRecord) throws -> Int64 {
        try database.write { connection in
            record.id == 0 ? try insert(record, connection) : try update(record, connection)
        }
    }

    private func update(_ record: MaterializationRecord, _ connection: any DatabaseWriting) throws -> Int64 {
        let count = try connection.execute(
            """
            UPDATE materializations SET state = $4, progress = $5, row_count = $6, ended_at = $7
            WHERE tenant = $1 AND workspace = $2 AND id = $3
            """,
            scope + [
                .integer(record.id), .text(record.state.rawValue), .optional(record.progress),
                .integer(record.rowCount),
                .optional(record.endedAt),
            ])
        guard count == 1 else { throw MartletError(.notFound, "there is no materialization \(record.id)") }
        return record.id
    }

    private func insert(_ record: MaterializationRecord, _ connection: any DatabaseWriting) throws -> Int64 {
        let id = try nextID("materializations", connection)
        try connection.execute(
            """
            INSERT INTO materializations (tenant, workspace, \(columns))
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            scope + [
                .integer(id), .text(record.view), .integer(record.version), .text(recordText(record.tableVersions)),
                .timestamp(record.upTo), .text(record.state.rawValue), .optional(record.progress),
                .integer(record.rowCount), .timestamp(record.startedAt), .optional(record.endedAt),
                .text(record.principal),
            ])
        return id
    }

    /// The newest first.
    /// - Parameters:
    ///   - view: nil means all views.
    ///   - state: nil means any.
    package func materializations(
        view: String? = nil, state: MaterializationRecord.State? = nil, limit: Int = 100
    ) throws -> [MaterializationRecord] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT \(columns) FROM materializations
                WHERE tenant = $1 AND workspace = $2 AND view = COALESCE($3, view) AND state = COALESCE($4, state)
                ORDER BY id DESC LIMIT $5
                """, scope + [.optional(view), .optional(state?.rawValue), .integer(limit)]
            ).map { try MaterializationRecord($0) }
        }
    }
}

private let columns = """
    id, view, version, table_versions, up_to, state, progress, row_count, started_at, ended_at, principal
    """

extension MaterializationRecord {
    fileprivate init(_ row: DatabaseRow) throws {
        guard let state = State(rawValue: try row.text(5)) else {
            throw MartletError(.corruptData, "a record of a materialization has an unknown state")
        }
        self.init(
            view: try row.text(1), version: try row.integer(2), tableVersions: try recordNumbers(row.text(3)),
            upTo: try row.timestamp(4), state: state, progress: try row.optionalText(6), rowCount: try row.integer(7),
            startedAt: try row.timestamp(8), endedAt: try row.optionalTimestamp(9), principal: try row.text(10))
        id = try row.integer(0)
    }
}
