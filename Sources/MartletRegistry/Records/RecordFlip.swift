package import MartletCore
internal import MartletDatabase

/// A moment from which on other records of a view are served.
package struct RecordFlip: Sendable, Hashable {
    /// Counted from 1 within the workspace.
    package var id: Int64
    package var view: String
    /// The version of the view's definition.
    package var version: Int64
    /// What is served from then on: the name of a replay, or empty for the records that loads make.
    package var build: String
    package var previous: String
    package var flippedAt: Timestamp
    package var principal: String
}

extension Registry {
    /// Serves other records of a view, in one transaction.
    /// - Parameter choose: gives what to serve next, of the last flip of this version; it may throw.
    @discardableResult
    package func flip(
        _ view: String, version: Int64, at now: Timestamp, principal: Principal,
        to choose: (RecordFlip?) throws -> String
    ) throws -> RecordFlip {
        try admit(principal)
        return try database.write { connection in
            let last = try connection.rows(
                "\(lastFlips) AND view = $3 AND version = $4 ORDER BY id DESC LIMIT 1",
                scope + [.text(view), .integer(version)]
            ).first.map { try RecordFlip($0) }
            let flip = RecordFlip(
                id: try nextID("record_flips", connection), view: view, version: version, build: try choose(last),
                previous: last?.build ?? "", flippedAt: now, principal: principal.name)
            try connection.execute(
                """
                INSERT INTO record_flips
                (tenant, workspace, id, view, version, build, previous, flipped_at, principal)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """,
                scope + [
                    .integer(flip.id), .text(view), .integer(version), .text(flip.build), .text(flip.previous),
                    .timestamp(now), .text(flip.principal),
                ])
            return flip
        }
    }

    /// All flips, the newest first.
    package func flips() throws -> [RecordFlip] {
        try database.read { connection in
            try connection.rows("\(lastFlips) ORDER BY id DESC", scope).map { try RecordFlip($0) }
        }
    }
}

private let lastFlips = """
    SELECT id, view, version, build, previous, flipped_at, principal FROM record_flips
    WHERE tenant = $1 AND workspace = $2
    """

extension RecordFlip {
    fileprivate init(_ row: DatabaseRow) throws {
        self.init(
            id: try row.integer(0), view: try row.text(1), version: try row.integer(2), build: try row.text(3),
            previous: try row.text(4), flippedAt: try row.timestamp(5), principal: try row.text(6))
    }
}
