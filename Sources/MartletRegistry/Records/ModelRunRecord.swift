package import MartletCore
internal import MartletDatabase

/// A model that was trained.
package struct ModelRunRecord: Sendable, Hashable {
    /// Counted from 1 within the workspace; 0 until it is recorded.
    package var id: Int64 = 0
    package var service: String
    /// The number of the training set; nil where the rows came from elsewhere.
    package var trainingSet: Int64?
    package var parameters: [String: String]
    package var metrics: [String: Double]
    /// By `silver.payments`.
    package var tableVersions: [String: Int64]
    /// By `features customer_spending`.
    package var definitionVersions: [String: Int64]
    package var modelPath: String
    /// Of the model file, in hexadecimal.
    package var modelHash: String
    package var startedAt: Timestamp
    package var endedAt: Timestamp
    package var principal: String

    package init(
        service: String, trainingSet: Int64?, parameters: [String: String], metrics: [String: Double],
        tableVersions: [String: Int64], definitionVersions: [String: Int64], modelPath: String, modelHash: String,
        startedAt: Timestamp, endedAt: Timestamp, principal: String
    ) {
        self.service = service
        self.trainingSet = trainingSet
        self.parameters = parameters
        self.metrics = metrics
        self.tableVersions = tableVersions
        self.definitionVersions = definitionVersions
        self.modelPath = modelPath
        self.modelHash = modelHash
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.principal = principal
    }
}

extension Registry {
    /// - Returns: the number of the new record.
    @discardableResult
    package func record(_ run: ModelRunRecord) throws -> Int64 {
        try database.write { connection in
            let id = try nextID("model_runs", connection)
            try connection.execute(
                """
                INSERT INTO model_runs (tenant, workspace, \(columns))
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                """,
                scope + [
                    .integer(id), .text(run.service), .optional(run.trainingSet), .text(recordText(run.parameters)),
                    .text(recordText(run.metrics)), .text(recordText(run.tableVersions)),
                    .text(recordText(run.definitionVersions)), .text(run.modelPath), .text(run.modelHash),
                    .timestamp(run.startedAt), .timestamp(run.endedAt), .text(run.principal),
                ])
            return id
        }
    }

    /// - Throws: `notFound`.
    package func modelRun(_ id: Int64) throws -> ModelRunRecord {
        let row = try database.read { connection in
            try connection.row(
                "SELECT \(columns) FROM model_runs WHERE tenant = $1 AND workspace = $2 AND id = $3",
                scope + [.integer(id)])
        }
        guard let row else { throw MartletError(.notFound, "there is no model run \(id)") }
        return try ModelRunRecord(row)
    }

    /// The newest first.
    /// - Parameter service: nil means all services.
    package func modelRuns(service: String? = nil, limit: Int = 100) throws -> [ModelRunRecord] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT \(columns) FROM model_runs
                WHERE tenant = $1 AND workspace = $2 AND service = COALESCE($3, service) ORDER BY id DESC LIMIT $4
                """, scope + [.optional(service), .integer(limit)]
            ).map { try ModelRunRecord($0) }
        }
    }
}

private let columns = """
    id, service, training_set, parameters, metrics, table_versions, definition_versions, model_path, model_hash,
    started_at, ended_at, principal
    """

extension ModelRunRecord {
    fileprivate init(_ row: DatabaseRow) throws {
        self.init(
            service: try row.text(1), trainingSet: try row.optionalInteger(2), parameters: try recordTexts(row.text(3)),
            metrics: try recordMetrics(row.text(4)), tableVersions: try recordNumbers(row.text(5)),
            definitionVersions: try recordNumbers(row.text(6)), modelPath: try row.text(7), modelHash: try row.text(8),
            startedAt: try row.timestamp(9), endedAt: try row.timestamp(10), principal: try row.text(11))
        id = try row.integer(0)
    }
}
