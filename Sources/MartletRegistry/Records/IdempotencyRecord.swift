package import MartletCore
internal import MartletDatabase

/// The answer to a request that changed something, kept so that the repeated request gives it again.
package struct IdempotencyRecord: Sendable, Hashable {
    /// What was asked, such as `materialize`; keys are unique within it.
    package var operation: String
    package var key: String
    /// A hash of the request: the same key with another request is a fault of the client.
    package var request: String
    /// JSON.
    package var answer: String
    package var createdAt: Timestamp

    package init(operation: String, key: String, request: String, answer: String, createdAt: Timestamp) {
        self.operation = operation
        self.key = key
        self.request = request
        self.answer = answer
        self.createdAt = createdAt
    }
}

extension Registry {
    /// The answer to an earlier request with this key; nil where there was none.
    /// - Throws: `conflict` where the earlier request was another one.
    package func answer(operation: String, key: String, request: String) throws -> String? {
        try database.read { try answer(operation, key, request, $0) }
    }

    /// Keeps an answer.
    /// - Returns: the answer that counts: the earlier one where another request with this key was faster.
    /// - Throws: `conflict` where the earlier request was another one.
    @discardableResult
    package func record(_ record: IdempotencyRecord) throws -> String {
        try database.write { connection in
            if let answer = try answer(record.operation, record.key, record.request, connection) { return answer }
            try connection.execute(
                """
                INSERT INTO idempotency_keys (tenant, workspace, operation, key, request, answer, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                scope + [
                    .text(record.operation), .text(record.key), .text(record.request), .text(record.answer),
                    .timestamp(record.createdAt),
                ])
            return record.answer
        }
    }

    private func answer(
        _ operation: String, _ key: String, _ request: String, _ connection: any DatabaseReading
    ) throws -> String? {
        let row = try connection.row(
            """
            SELECT request, answer FROM idempotency_keys
            WHERE tenant = $1 AND workspace = $2 AND operation = $3 AND key = $4
            """, scope + [.text(operation), .text(key)])
        guard let row else { return nil }
        guard try row.text(0) == request else {
            throw MartletError(
                .conflict, "the idempotency key was used for another request to \(operation)", fix: "use a new key")
        }
        return try row.text(1)
    }
}
