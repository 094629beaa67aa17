internal import MartletCore
internal import MartletQuery

/// Reads whole Parquet files into memory, on all processors.
struct ParquetReader {
    private let connection: QueryConnection

    init() throws { connection = try QueryEngine(QuerySettings(threads: processorCount)).connect() }

    /// All rows in the order of the file.
    func read(_ path: String, _ columns: [String]? = nil) throws -> RecordBatch {
        let list = columns.map { $0.map(quotedIdentifier).joined(separator: ", ") } ?? "* EXCLUDE file_row_number"
        return try connection.collect(
            "SELECT file_row_number, \(list) FROM read_parquet(\(quotedLiteral(path)), file_row_number = true)")
    }

    /// The rows with these numbers, in no order, with the column `file_row_number`.
    func read(_ path: String, rows: [Int64], _ columns: [String]) throws -> RecordBatch {
        try connection.register("wanted", RecordBatch([("row", Column(.int64(rows)))]))
        defer { try? connection.unregister("wanted") }
        let list = columns.map(quotedIdentifier).joined(separator: ", ")
        return try connection.collect(
            """
            SELECT "row", file_row_number, \(list)
            FROM wanted JOIN read_parquet(\(quotedLiteral(path)), file_row_number = true) ON file_row_number = "row"
            """)
    }

    func write(_ batch: RecordBatch, to path: String) throws {
        try connection.register("result", batch)
        try connection.execute("COPY result TO \(quotedLiteral(path)) (FORMAT parquet)")
        try connection.unregister("result")
    }
}

extension RecordBatch {
    /// The named column.
    func column(_ name: String) throws -> Column {
        guard let column = self[name] else { throw MartletError(.missingColumn, "no column \(name)") }
        return column
    }

    /// The microseconds of a timestamp column.
    func times(_ name: String) throws -> [Int64] {
        guard case .timestamp(let times) = try column(name).values else {
            throw MartletError(.typeMismatch, "\(name) is no timestamp")
        }
        return times
    }
}
