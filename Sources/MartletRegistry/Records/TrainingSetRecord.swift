package import MartletCore
internal import MartletDatabase

/// A training set that was built, with all that is needed to build it again.
package struct TrainingSetRecord: Sendable, Hashable {
    /// Counted from 1 within the workspace; 0 until it is recorded.
    package var id: Int64 = 0
    package var service: String
    /// The revision of the definitions.
    package var revision: Int64
    /// By `features customer_spending`.
    package var definitionVersions: [String: Int64]
    /// By `silver.payments`.
    package var tableVersions: [String: Int64]
    /// The file or table of the labels.
    package var labelInput: String
    /// SHA-256 of a label file; nil for a table, whose version tells, and for sets older than digests.
    package var labelDigest: String?
    /// How it was built: `as_known`, the label's time column, and the like.
    package var options: [String: String]
    /// The file or table it was written to.
    package var output: String
    package var rowCount: Int64
    /// Of the values, in hexadecimal, whatever they were written as; empty for sets older than such hashes.
    package var hash: String
    /// SHA-256 of the file written, or the version of the table: `version 3`.
    package var outputHash: String
    /// In their order; empty for sets older than summaries.
    package var columns: [DatasetColumn]
    package var createdAt: Timestamp
    package var principal: String

    package init(
        service: String, revision: Int64, definitionVersions: [String: Int64], tableVersions: [String: Int64],
        labelInput: String, labelDigest: String? = nil, options: [String: String] = [:], output: String,
        rowCount: Int64, hash: String, outputHash: String, columns: [DatasetColumn] = [], createdAt: Timestamp,
        principal: String
    ) {
        self.service = service
        self.revision = revision
        self.definitionVersions = definitionVersions
        self.tableVersions = tableVersions
        self.labelInput = labelInput
        self.labelDigest = labelDigest
        self.options = options
        self.output = output
        self.rowCount = rowCount
        self.hash = hash
        self.outputHash = outputHash
        self.columns = columns
        self.createdAt = createdAt
        self.principal = principal
    }
}

extension Registry {
    /// - Returns: the number of the new record.
    @discardableResult
    package func record(_ set: TrainingSetRecord) throws -> Int64 {
        try database.write { connection in
            let id = try nextID("training_sets", connection)
            try connection.execute(
                """
                INSERT INTO training_sets (tenant, workspace, \(columns))
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
                """,
                scope + [
                    .integer(id), .text(set.service), .integer(set.revision), .text(recordText(set.definitionVersions)),
                    .text(recordText(set.tableVersions)), .text(set.labelInput), .text(recordText(set.options)),
                    .text(set.output), .integer(set.rowCount), .text(set.hash), .timestamp(set.createdAt),
                    .text(set.principal), .optional(set.labelDigest), .text(set.outputHash),
                    .text(recordText(set.columns)),
                ])
            return id
        }
    }

    /// Whether a recorded set was built from this file or table of labels.
    package func hasTrainingSet(labels: String) throws -> Bool {
        try database.read { connection in
            try connection.row(
                "SELECT id FROM training_sets WHERE tenant = $1 AND workspace = $2 AND label_input = $3 LIMIT 1",
                scope + [.text(labels)]) != nil
        }
    }

    /// Notes that a set, built again, now lies elsewhere.
    package func move(trainingSet id: Int64, to output: String, outputHash: String) throws {
        try database.write { connection in
            try connection.execute(
                """
                UPDATE training_sets SET output = $4, output_hash = $5
                WHERE tenant = $1 AND workspace = $2 AND id = $3
                """, scope + [.integer(id), .text(output), .text(outputHash)])
        }
    }

    /// The labels and outputs of all training sets, those of other workspaces in this registry too: what may not be
    /// taken for a leftover.
    package func trainingSetFiles() throws -> Set<String> {
        try database.read { connection in
            let rows = try connection.rows("SELECT label_input, output FROM training_sets", [])
            return Set(try rows.flatMap { [try $0.text(0), try $0.text(1)] })
        }
    }

    /// - Throws: `notFound`.
    package func trainingSet(_ id: Int64) throws -> TrainingSetRecord {
        let row = try database.read { connection in
            try connection.row(
                "SELECT \(columns) FROM training_sets WHERE tenant = $1 AND workspace = $2 AND id = $3",
                scope + [.integer(id)])
        }
        guard let row else { throw MartletError(.notFound, "there is no training set \(id)") }
        return try TrainingSetRecord(row)
    }

    /// The newest first.
    /// - Parameter service: nil means all services.
    package func trainingSets(service: String? = nil, limit: Int = 100) throws -> [TrainingSetRecord] {
        try database.read { connection in
            try connection.rows(
                """
                SELECT \(columns) FROM training_sets
                WHERE tenant = $1 AND workspace = $2 AND service = COALESCE($3, service) ORDER BY id DESC LIMIT $4
                """, scope + [.optional(service), .integer(limit)]
            ).map { try TrainingSetRecord($0) }
        }
    }
}

private let columns = """
    id, service, revision, definition_versions, table_versions, label_input, options, output, row_count, hash,
    created_at, principal, label_digest, output_hash, column_summaries
    """

extension TrainingSetRecord {
    fileprivate init(_ row: DatabaseRow) throws {
        self.init(
            service: try row.text(1), revision: try row.integer(2), definitionVersions: try recordNumbers(row.text(3)),
            tableVersions: try recordNumbers(row.text(4)), labelInput: try row.text(5),
            labelDigest: try row.optionalText(12), options: try recordTexts(row.text(6)), output: try row.text(7),
            rowCount: try row.integer(8), hash: try row.text(9), outputHash: try row.text(13),
            columns: try recordColumns(row.text(14)), createdAt: try row.timestamp(10), principal: try row.text(11))
        id = try row.integer(0)
    }
}
