package import MartletCore
internal import MartletDatabase

/// What was done: kept for ever, never changed.
package struct ActivityRecord: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case ingestion, materialization, dataset, run
    }

    package let kind: Kind
    /// Unique within the kind: `dataset-3`.
    package let id: String
    /// The source, view or service that it is about.
    package let subject: String
    /// What the use case that wrote it wants to remember; a JSON object.
    package let content: JSONValue
    package let createdAt: Timestamp
    package let createdBy: String
}

extension Registry {
    /// Keeps a record and gives it the next number of its kind.
    package func record(
        _ kind: ActivityRecord.Kind, subject: String, content: JSONValue, principal: Principal, now: Timestamp
    ) throws -> ActivityRecord {
        try database.write { session in
            let rows = try session.query(
                """
                SELECT coalesce(max(sequence), 0) + 1 AS sequence FROM records
                WHERE tenant = ? AND workspace = ? AND kind = ?
                """, scope + [.string(kind.rawValue)])
            let sequence = try rows[0].integer("sequence")
            let id = "\(kind.rawValue)-\(sequence)"
            try session.execute(
                """
                INSERT INTO records (tenant, workspace, kind, id, sequence, subject, content, created_at, created_by)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                scope + [
                    .string(kind.rawValue), .string(id), .int64(sequence), .string(subject), .string(content.text),
                    .timestamp(now), .string(principal.name),
                ])
            return ActivityRecord(
                kind: kind, id: id, subject: subject, content: content, createdAt: now, createdBy: principal.name)
        }
    }

    /// The records of a kind, newest first.
    /// - Parameter subject: only those about it; nil means all.
    package func records(_ kind: ActivityRecord.Kind, subject: String? = nil, limit: Int = 1_000) throws -> [ActivityRecord] {
        try database.read { session in
            let rows =
                if let subject {
                    try session.query(
                        """
                        SELECT * FROM records WHERE tenant = ? AND workspace = ? AND kind = ? AND subject = ?
                        ORDER BY sequence DESC LIMIT ?
                        """, scope + [.string(kind.rawValue), .string(subject), .int64(Int64(limit))])
                } else {
                    try session.query(
                        "SELECT * FROM records WHERE tenant = ? AND workspace = ? AND kind = ? ORDER BY sequence DESC LIMIT ?",
                        scope + [.string(kind.rawValue), .int64(Int64(limit))])
                }
            return try rows.map { try record($0, kind) }
        }
    }

    /// - Throws: `notFound` with the newest one of the kind.
    package func record(_ kind: ActivityRecord.Kind, id: String) throws -> ActivityRecord {
        let found = try database.read { session in
            try session.query(
                "SELECT * FROM records WHERE tenant = ? AND workspace = ? AND kind = ? AND id = ?",
                scope + [.string(kind.rawValue), .string(id)]
            ).first.map { try record($0, kind) }
        }
        guard let found else {
            let newest = try records(kind, limit: 1).first?.id
            throw MartletError(
                .notFound, "there is no \(kind.rawValue) \(id)", fix: newest.map { "the newest is \($0)" })
        }
        return found
    }

    private func record(_ row: DatabaseRow, _ kind: ActivityRecord.Kind) throws -> ActivityRecord {
        ActivityRecord(
            kind: kind, id: try row.text("id"), subject: try row.text("subject"),
            content: try JSONValue(parsing: row.text("content")), createdAt: try row.timestamp("created_at"),
            createdBy: try row.text("created_by"))
    }
}
