internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// Files of one format as SQL: what to select from, and which columns of which DuckDB types it has.
struct InputRelation {
    let sql: String
    let isText: Bool
    /// Column names as in the files, with DuckDB's name of their type.
    let columns: [(name: String, type: String)]

    /// - Throws: `fileSystem` where a file cannot be read, `corruptData` where Parquet is damaged, `invalidInput` where text
    ///   cannot be taken apart.
    init(files: [String], csv: CSVOptions, connection: QueryConnection) throws {
        guard let first = files.first else { throw MartletError(.usage, "no file is named") }
        let format = try InputFormat(path: first)
        for file in files.dropFirst() where try InputFormat(path: file) != format {
            throw MartletError(
                .usage, "\(first) and \(file) have different formats", fix: "ingest them one after the other")
        }
        let list = "[" + files.map(quotedLiteral).joined(separator: ", ") + "]"
        switch format {
        case .csv:
            // Everything is read as text, so that a value that does not fit is told from one that is absent.
            let ending = first.lowercased().hasSuffix(".tsv") && csv.delimiter == "," ? "\t" : csv.delimiter
            sql =
                "read_csv(\(list), all_varchar = true, header = \(csv.hasHeader), skip = 0, delim = \(quotedLiteral(ending)), "
                + "quote = \(quotedLiteral(csv.quote)), nullstr = \(quotedLiteral(csv.null ?? "")))"
        case .jsonLines:
            // Nested values keep their JSON text; every column is text.
            sql =
                "(SELECT * FROM read_json(\(list), format = 'newline_delimited', maximum_depth = 1, sample_size = -1))"
        case .parquet: sql = "read_parquet(\(list))"
        case .delta: throw MartletError(.internalFault, "Delta tables are read by their snapshot")
        }
        isText = format.isText
        columns = try describedColumns(of: sql, connection)
    }

    /// Rows of a table or query.
    init(sql: String, connection: QueryConnection) throws {
        self.sql = sql
        isText = false
        columns = try describedColumns(of: sql, connection)
    }
}

private func describedColumns(of sql: String, _ connection: QueryConnection) throws -> [(name: String, type: String)] {
    let described = try connection.query("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM \(sql))")
    return (0..<described.rowCount).map { (described.columns[0][$0].description, described.columns[1][$0].description) }
}
