internal import MartletCore
internal import MartletObjects
internal import MartletQuery

extension DeltaTable {
    /// A `SELECT` over the rows of a snapshot, to stand in parentheses or in a view. Its columns have the types of
    /// the schema.
    /// - Parameters:
    ///   - columns: those wanted, in this order; nil means all in the order of the schema.
    ///   - filter: leaves out files that cannot hold a row wanted; rows must still be filtered.
    /// - Throws: `missingColumn` for a column that the snapshot lacks.
    package func scanSQL(_ snapshot: Snapshot, columns: [String]? = nil, where filter: FileFilter = .all) throws
        -> String
    {
        for column in columns ?? [] where snapshot.schema[column] == nil {
            throw MartletError(
                .missingColumn, "the table \(name) has no column \(column)",
                fix: nearestName(to: column, among: snapshot.schema.names).map { "did you mean \($0)?" })
        }
        let files = try snapshot.files(where: filter).map { file in
            (
                path: try path(of: file),
                values: try snapshot.partitionColumns.map { try snapshot.partitionValue($0, of: file) }
            )
        }
        return ScanPlan(
            schema: snapshot.schema, partitionColumns: snapshot.partitionColumns, files: files,
            columns: columns ?? snapshot.schema.names
        ).sql()
    }

    /// Where a file lies on disk.
    /// - Throws: `corruptData` for a path that is none, `invalidInput` for one outside the table's store.
    package func path(of file: DataFile) throws -> String {
        guard let decoded = FilePath.decode(file.path) else {
            throw MartletError(.corruptData, "the log of the table \(name) names a file by a broken path")
        }
        if decoded.hasPrefix("/") { return decoded }
        if decoded.hasPrefix("file:") {
            let rest = decoded.dropFirst("file:".count)
            return String(rest.hasPrefix("//") ? rest.dropFirst(2) : rest)
        }
        guard !decoded.contains("://"), let path = try log.store.localPath(log.folder + decoded) else {
            throw MartletError(.invalidInput, "the table \(name) has a file that is not on this machine: \(decoded)")
        }
        return path
    }
}
