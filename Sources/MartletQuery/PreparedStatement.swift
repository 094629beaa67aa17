internal import CDuckDB
internal import MartletCore

/// A prepared statement with its parameters bound.
final class PreparedStatement {
    private(set) var pointer: cmartlet_duckdb_prepared?

    init(_ connection: QueryConnection, _ sql: String, _ parameters: [Value]) throws {
        let state = unsafe connection.withPointer { unsafe cmartlet_duckdb_prepare($0, sql, &pointer) }
        guard state == 0 else {
            let error = queryError(unsafe cmartlet_duckdb_prepare_error(pointer).map { String(cString: $0) })
            unsafe cmartlet_duckdb_destroy_prepare(&pointer)
            throw error
        }
        precondition(
            unsafe Int(cmartlet_duckdb_nparams(pointer)) == parameters.count,
            "one value for each parameter of a statement")
        for (index, parameter) in parameters.enumerated() {
            var value = unsafe made(parameter)
            _ = unsafe cmartlet_duckdb_bind_value(pointer, cmartlet_idx(index + 1), value)
            unsafe cmartlet_duckdb_destroy_value(&value)
        }
    }

    deinit { unsafe cmartlet_duckdb_destroy_prepare(&pointer) }

    /// A reader for each column of the result.
    /// - Throws: `typeMismatch` for a type that Martlet does not know.
    func columnReaders() throws -> [ColumnReader] {
        try (0..<(unsafe cmartlet_duckdb_prepared_statement_column_count(pointer))).map { index in
            let name = unsafe cmartlet_duckdb_prepared_statement_column_name(pointer, index)
            defer { unsafe cmartlet_duckdb_free(UnsafeMutableRawPointer(mutating: name)) }
            var type = unsafe cmartlet_duckdb_prepared_statement_column_logical_type(pointer, index)
            defer { unsafe cmartlet_duckdb_destroy_logical_type(&type) }
            return try ColumnReader(unsafe name.map { String(cString: $0) } ?? "", unsafe type)
        }
    }
}

private func made(_ value: Value) -> cmartlet_duckdb_value? {
    switch value {
    case .null: unsafe cmartlet_duckdb_create_null_value()
    case .bool(let x): unsafe cmartlet_duckdb_create_bool(x)
    case .int32(let x): unsafe cmartlet_duckdb_create_int32(x)
    case .int64(let x): unsafe cmartlet_duckdb_create_int64(x)
    case .float32(let x): unsafe cmartlet_duckdb_create_float(x)
    case .float64(let x): unsafe cmartlet_duckdb_create_double(x)
    case .string(let x): unsafe cmartlet_duckdb_create_varchar_length(x, cmartlet_idx(x.utf8.count))
    case .bytes(let x): unsafe cmartlet_duckdb_create_blob(x, cmartlet_idx(x.count))
    case .timestamp(let x): unsafe cmartlet_duckdb_create_timestamp_tz(x.microseconds)
    case .list, .map: preconditionFailure("a parameter is a scalar: write lists and maps as literals")
    }
}
