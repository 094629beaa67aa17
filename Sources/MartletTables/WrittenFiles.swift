internal import MartletCore
internal import MartletObjects
internal import MartletQuery

/// The files of one write, on disk but in no version of the table yet.
struct WrittenFiles {
    var files: [DataFile] = []
    var keys: [String] = []
    var rowCount: Int64 = 0
    var sizeBytes: Int64 { files.reduce(0) { $0 + $1.sizeBytes } }
}

extension WritePlan {
    /// Runs the query and writes its rows as Parquet files into the table's folder, durably. Nothing stays where it
    /// fails.
    func write(to log: TableLog, token: String, indexedColumns: Int, _ connection: QueryConnection) throws
        -> WrittenFiles
    {
        do {
            return try writeFiles(log, token, indexedColumns, connection)
        } catch {
            // A crash leaves such files behind, referenced by no commit; a failure that we see takes them away.
            for key in (try? dataKeys(log, token)) ?? [] { try? log.store.delete(key) }
            throw error
        }
    }

    private func writeFiles(
        _ log: TableLog, _ token: String, _ indexedColumns: Int, _ connection: QueryConnection
    ) throws -> WrittenFiles {
        try log.store.prepareFolder(log.folder)
        let single = log.folder + "part-\(token)-0.parquet"
        let targetKey = partitionColumns.isEmpty ? single : String(log.folder.dropLast())
        guard let target = try log.store.localPath(targetKey) else {
            throw MartletError(.internalFault, "data files are written to local folders only")
        }
        let answer = try connection.query(copySQL(to: target, token: token))
        var written = WrittenFiles()
        if case .int64(let count)? = answer.columns.first?[0] { written.rowCount = count }
        if written.rowCount == 0 {
            for key in try dataKeys(log, token) { try log.store.delete(key) }
            return written
        }
        written.keys = try dataKeys(log, token)
        try log.store.makeDurable(written.keys)
        written.files = try describe(written.keys, log, indexedColumns, connection)
        guard written.files.reduce(0, { $0 + ($1.rowCount ?? 0) }) == written.rowCount else {
            throw MartletError(.internalFault, "the files written hold another number of rows than the query gave")
        }
        return written
    }

    /// The files of this write, in the order of their keys.
    private func dataKeys(_ log: TableLog, _ token: String) throws -> [String] {
        if partitionColumns.isEmpty {
            let key = log.folder + "part-\(token)-0.parquet"
            return try log.store.exists(key) ? [key] : []
        }
        return try log.store.list(prefix: log.folder).map(\.key).filter { $0.contains("/part-\(token)-") }
    }

    private func describe(
        _ keys: [String], _ log: TableLog, _ indexedColumns: Int, _ connection: QueryConnection
    ) throws -> [DataFile] {
        var collector = StatisticsCollector(fields: storedFields, indexedColumns: indexedColumns)
        let paths = try keys.map { try log.store.localPath($0) ?? $0 }
        try collector.read(paths, connection)
        return try zip(keys, paths).map { key, path in
            guard let entry = try log.store.entry(key), let statistics = collector.statistics[path] else {
                throw MartletError(.fileSystem, "the file \(path) is gone while it is being written")
            }
            for field in storedFields where !field.isNullable && (statistics.nullCounts[field.name] ?? 0) > 0 {
                throw MartletError(
                    .invalidInput, "column \(field.name) must not be null, and rows to write have nulls there")
            }
            let relative = String(key.dropFirst(log.folder.count))
            let values = try partitionValues(relative)
            for field in fields where !field.isNullable && values[field.name] == .some(nil) {
                throw MartletError(
                    .invalidInput, "column \(field.name) must not be null, and rows to write have nulls there")
            }
            return DataFile(
                path: FilePath.encode(relative), partitionValues: values, sizeBytes: Int64(entry.sizeBytes),
                modificationTime: entry.modified.microseconds / 1_000, statistics: statistics.json)
        }
    }

    /// The partition values that DuckDB wrote into the names of the folders above a file.
    private func partitionValues(_ relative: String) throws -> [String: String?] {
        var values: [String: String?] = [:]
        for folder in relative.split(separator: "/").dropLast() {
            let parts = folder.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = FilePath.decode(parts[0]), let value = FilePath.decode(parts[1]) else {
                throw MartletError(.internalFault, "a data file lies in a folder that is no partition")
            }
            values[name] = .some(value == PartitionText.nullFolder ? nil : value)
        }
        guard values.count == partitionColumns.count else {
            throw MartletError(.internalFault, "a data file lies in a folder that is no partition")
        }
        return values
    }
}
