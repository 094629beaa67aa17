package import MartletCore
package import MartletDatabase

/// What is known of one workspace: its definitions with every version they ever had, and the records of what was done
/// with them. Each call is one transaction; what throws leaves nothing behind.
package struct Registry: Sendable {
    package let workspace: WorkspaceID
    let database: any Database

    /// The database has the newest schema: see `RegistrySchema`.
    package init(database: any Database, workspace: WorkspaceID) {
        self.database = database
        self.workspace = workspace
    }

    /// Opens a SQLite registry, makes it where there is none, and brings its schema up to date.
    package static func open(
        path: String, workspace: WorkspaceID, now: Timestamp, options: SQLiteOptions = SQLiteOptions()
    ) throws -> Registry {
        let database = try SQLiteDatabase(path: path, options: options)
        try RegistrySchema.migrator(for: database).apply(now: now)
        return Registry(database: database, workspace: workspace)
    }

    /// The first two parameters of every statement.
    var scope: [DatabaseValue] { [.text(workspace.tenant.name), .text(workspace.name)] }

    /// Another tenant's principal learns only that there is no such workspace.
    func admit(_ principal: Principal) throws {
        guard principal.tenant == workspace.tenant else {
            throw MartletError(.notFound, "there is no workspace \(workspace.name)")
        }
    }

    /// The next number of a table of records, within a write transaction. Records are never removed, so none is used
    /// twice.
    func nextID(_ table: String, _ connection: any DatabaseWriting) throws -> Int64 {
        let sql = "SELECT COALESCE(MAX(id), 0) + 1 FROM \(table) WHERE tenant = $1 AND workspace = $2"
        guard let row = try connection.row(sql, scope) else {
            throw MartletError(.internalFault, "the registry gave no number")
        }
        return try row.integer(0)
    }
}
