internal import MartletDatabase

extension Registry {
    /// A version of a feature view.
    package struct ViewVersion: Sendable, Hashable {
        package var view: String
        package var version: Int64

        package init(view: String, version: Int64) {
            self.view = view
            self.version = version
        }
    }

    /// The versions of views that were loaded to the end at least once.
    package func loadedVersions() throws -> Set<ViewVersion> {
        try database.read { connection in
            Set(
                try connection.rows(
                    """
                    SELECT DISTINCT view, version FROM materializations
                    WHERE tenant = $1 AND workspace = $2 AND state = 'finished'
                    """, scope
                ).map { ViewVersion(view: try $0.text(0), version: try $0.integer(1)) })
        }
    }

    /// Another one after every apply, every finished load and every flip of a view's records: whoever serves looks
    /// whether it has changed.
    package struct ChangeMark: Sendable, Hashable {
        package let revision: Int64
        package let finishedLoads: Int64
        package let flips: Int64
    }

    package func changeMark() throws -> ChangeMark {
        try database.read { connection in
            let loads = try connection.row(
                """
                SELECT COUNT(*) FROM materializations WHERE tenant = $1 AND workspace = $2 AND state = 'finished'
                """, scope)
            let flips = try connection.row(
                "SELECT COUNT(*) FROM record_flips WHERE tenant = $1 AND workspace = $2", scope)
            return ChangeMark(
                revision: try currentRevision(connection), finishedLoads: try loads?.integer(0) ?? 0,
                flips: try flips?.integer(0) ?? 0)
        }
    }
}
