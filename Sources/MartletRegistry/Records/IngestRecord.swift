package import MartletCore
internal import MartletDatabase

/// Files that entered a source.
package struct IngestRecord: Sendable, Hashable {
    /// Counted from 1 within the workspace; 0 until it is recorded.
    package var id: Int64 = 0
    package var source: String
    /// Unique within the source.
    package var idempotencyKey: String
    /// Where the rows came from: names of files.
    package var origins: [String]
    package var rowsRead: Int64
    package var rowsLanded: Int64
    package var rowsQuarantined: Int64
    /// The versions of the tables that the rows went to, by name: `bronze.payments`.
    package var tableVersions: [String: Int64]
    package var ingestedAt: Timestamp
    package var principal: String

    package init(
        source: String, idempotencyKey: String, origins: [String], rowsRead: Int64, rowsLanded: Int64,
        rowsQuarantined: Int64, tableVersions: [String: Int64], ingestedAt: Timestamp, principal: String
    ) {
        self.source = source
        self.idempotencyKey = idempotencyKey
        self.origins = origins
        self.rowsRead = rowsRead
        self.rowsLanded = rowsLanded
        self.rowsQuarantined = rowsQuarantined
        self.tableVersions = tableVersions
        self.ingestedAt = ingestedAt
        self.principal = principal
    }
}

extension Registry {
    /// Records an ingest. The same source and key a second time changes nothing.
    /// - Returns: the number of the record, of the earlier one for a repetition.
    @discardableResult
    package func record(_ ingest: IngestRecord) throws -> Int64 {
        try database.write { connection in
            if let known = try find(ingest.source, ingest.idempotencyKey, connection) { return known.id }
            let id = try nextID("ingests", connection)
            try connection.execute(
                """
                INSERT INTO ingests (tenant, workspace, \(columns))
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                """,
                scope + [
                    .integer(id), .text(ingest.source), .text(ingest.idempotencyKey), .text(recordText(ingest.origins)),
                    .integer(ingest.rowsRead), .integer(ingest.rowsLanded), .integer(ingest.rowsQuarantined),
                    .text(recordText(ingest.tableVersions)), .timestamp(ingest.ingestedAt), .text(ingest.principal),
                ])
            return id
        }
    }

    /// The ingest of a source with this key; nil where there was none.
    package func ingest(source: String, idempotencyKey: String) throws -> IngestRecord? {
        try database.read { try find(source, idempotencyKey, $0) }
    }

    /// The newest first.
    /// - Parameter source: nil means all sources.
    package func ingests(source: String? = nil, limit: Int = 100) throws -> [IngestRecord] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT \(columns) FROM ingests
                WHERE tenant = $1 AND workspace = $2 AND source = COALESCE($3, source) ORDER BY id DESC LIMIT $4
                """, scope + [.optional(source), .integer(limit)]
            ).map { try IngestRecord($0) }
        }
    }

    private func find(_ source: String, _ key: String, _ connection: any DatabaseReading) throws -> IngestRecord? {
        try connection.row(
            """
            SELECT \(columns) FROM ingests
            WHERE tenant = $1 AND workspace = $2 AND source = $3 AND idempotency_key = $4
            """, scope + [.text(source), .text(key)]
        ).map { try IngestRecord($0) }
    }
}

private let columns = """
    id, source, idempotency_key, origins, rows_read, rows_landed, rows_quarantined, table_versions,
    ingested_at, principal
    """

extension IngestRecord {
    fileprivate init(_ row: DatabaseRow) throws {
        self.init(
            source: try row.text(1), idempotencyKey: try row.text(2), origins: try recordList(row.text(3)),
            rowsRead: try row.integer(4), rowsLanded: try row.integer(5), rowsQuarantined: try row.integer(6),
            tableVersions: try recordNumbers(row.text(7)), ingestedAt: try row.timestamp(8), principal: try row.text(9))
        id = try row.integer(0)
    }
}
