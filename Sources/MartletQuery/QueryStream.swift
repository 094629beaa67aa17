internal import CDuckDB
package import MartletCore

/// The rows of one statement, taken batch by batch when they are asked for, in memory bounded by one batch. It keeps
/// its connection, which must do nothing else meanwhile. Not for use from two threads at once.
package final class QueryStream {
    private let connection: QueryConnection
    private let statement: PreparedStatement
    private let batchRows: Int
    private var pending: cmartlet_duckdb_pending?
    private var result = unsafe cmartlet_duckdb_result()
    private var reader: ResultReader?

    /// - Parameter batchRows: the least number of rows of a batch; the last one may be smaller.
    package init(_ connection: QueryConnection, _ sql: String, _ parameters: [Value] = [], batchRows: Int) throws {
        self.connection = connection
        self.batchRows = batchRows
        statement = try PreparedStatement(connection, sql, parameters)
        connection.takeFailure()
        if unsafe cmartlet_duckdb_pending_prepared_streaming(statement.pointer, &pending) != 0 {
            throw connection.failure(unsafe cmartlet_duckdb_pending_error(pending).map { String(cString: $0) })
        }
        if unsafe cmartlet_duckdb_execute_pending(pending, &result) != 0 {
            throw connection.failure(unsafe cmartlet_duckdb_result_error(&result).map { String(cString: $0) })
        }
        reader = try ResultReader(&result, limit: connection.columnLimit)
    }

    deinit {
        unsafe cmartlet_duckdb_destroy_result(&result)
        unsafe cmartlet_duckdb_destroy_pending(&pending)
    }

    /// nil at the end.
    package func next() throws -> RecordBatch? {
        guard var reader else { return nil }
        self.reader = nil
        while try reader.fetch(&result) {
            if reader.rowCount >= batchRows {
                let batch = reader.finishBatch()
                self.reader = reader
                return batch
            }
        }
        if let error = unsafe cmartlet_duckdb_result_error(&result) {
            throw connection.failure(unsafe String(cString: error))
        }
        return reader.rowCount > 0 ? reader.finish() : nil
    }
}

/// Interrupts what a connection runs. `@unchecked Sendable` because DuckDB allows the call from any thread; whoever
/// holds it holds the connection.
private struct Interrupter: @unchecked Sendable {
    let pointer: cmartlet_duckdb_connection?
    func call() { unsafe cmartlet_duckdb_interrupt(pointer) }
}

extension QueryConnection {
    /// Runs `body`, whose queries on this connection end with `cancelled` when the work is cancelled.
    package func interrupted<T>(by cancellation: Cancellation, _ body: () throws -> T) throws -> T {
        let interrupter = unsafe withPointer { unsafe Interrupter(pointer: $0) }
        return try cancellation.whileRunning(onCancel: { interrupter.call() }, body)
    }
}
