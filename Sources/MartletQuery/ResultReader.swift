internal import CDuckDB
internal import MartletCore

/// Copies the vectors of a result into columns, chunk by chunk.
///
/// Types without an equal among ours are widened: small integers to int32, unsigned 32-bit ones and dates to int64 and
/// timestamp, decimals to float64; a 64-bit unsigned or 128-bit integer must fit into int64.
struct ResultReader {
    private var columns: [ColumnReader] = []
    private(set) var rowCount = 0

    init(_ result: inout cmartlet_duckdb_result) throws {
        for index in 0..<(unsafe cmartlet_duckdb_column_count(&result)) {
            let name = unsafe String(cString: cmartlet_duckdb_column_name(&result, index))
            var type = unsafe cmartlet_duckdb_column_logical_type(&result, index)
            defer { unsafe cmartlet_duckdb_destroy_logical_type(&type) }
            if columns.contains(where: { $0.name == name }) {
                throw MartletError(
                    .invalidDefinition, "the query gives two columns named \(name)",
                    fix: "name one of them otherwise with AS")
            }
            columns.append(try ColumnReader(name, unsafe type))
        }
    }

    /// Makes room for so many rows.
    mutating func reserveCapacity(_ rows: Int) {
        for index in columns.indices { columns[index].reserveCapacity(rows) }
    }

    /// - Returns: false at the end.
    mutating func fetch(_ result: inout cmartlet_duckdb_result) throws -> Bool {
        var chunk = unsafe cmartlet_duckdb_fetch_chunk(result)
        guard unsafe chunk != nil else { return false }
        defer { unsafe cmartlet_duckdb_destroy_data_chunk(&chunk) }
        let count = unsafe Int(cmartlet_duckdb_data_chunk_get_size(chunk))
        if count == 0 { return false }
        for index in columns.indices {
            try columns[index].append(unsafe cmartlet_duckdb_data_chunk_get_vector(chunk, cmartlet_idx(index)), count)
        }
        rowCount += count
        return true
    }

    /// The rows so far; the reader goes on empty.
    mutating func finishBatch() -> RecordBatch {
        rowCount = 0
        let finished = columns.indices.map { columns[$0].take() }
        return RecordBatch(
            schema: Schema(zip(columns, finished).map { Field($0.name, $1.type) }), columns: finished)
    }

    consuming func finish() -> RecordBatch { finishBatch() }
}
