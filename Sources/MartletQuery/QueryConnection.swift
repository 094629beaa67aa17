internal import CDuckDB
package import MartletCore

/// One session of a query engine, with its own temporary views. Not for use from two threads at once.
package final class QueryConnection {
    private let engine: QueryEngine
    private var pointer: cmartlet_duckdb_connection?
    private var registrations: [String: RegisteredRows.Handle] = [:]
    /// What a column of an answer may hold; queries beyond it end with `limitExceeded`. Smaller in tests.
    package var columnLimit = MartletCore.columnLimit

    init(_ engine: QueryEngine) throws {
        self.engine = engine
        guard unsafe cmartlet_duckdb_connect(engine.database.pointer, &pointer) == 0 else {
            throw MartletError(.storeUnavailable, "DuckDB accepts no further connection")
        }
    }

    deinit {
        unsafe cmartlet_duckdb_disconnect(&pointer)
        for handle in registrations.values { engine.rows.remove(handle) }
    }

    func withPointer<T>(_ body: (cmartlet_duckdb_connection?) throws -> T) rethrows -> T { try unsafe body(pointer) }
}

extension QueryConnection {
    /// Runs one or more statements and drops their results.
    package func execute(_ sql: String) throws {
        var result = unsafe cmartlet_duckdb_result()
        defer { unsafe cmartlet_duckdb_destroy_result(&result) }
        takeFailure()
        if unsafe cmartlet_duckdb_query(pointer, sql, &result) != 0 { throw failure(&result) }
    }

    /// Runs one statement and returns all rows. Values stand for the parameters `$1, $2, …`.
    package func query(_ sql: String, _ parameters: [Value] = []) throws -> RecordBatch {
        var result = unsafe cmartlet_duckdb_result()
        defer { unsafe cmartlet_duckdb_destroy_result(&result) }
        takeFailure()
        if parameters.isEmpty {
            if unsafe cmartlet_duckdb_query(pointer, sql, &result) != 0 { throw failure(&result) }
        } else {
            let statement = try PreparedStatement(self, sql, parameters)
            if unsafe cmartlet_duckdb_execute_prepared(statement.pointer, &result) != 0 { throw failure(&result) }
        }
        var reader = try ResultReader(&result, limit: columnLimit)
        // All rows are there already: columns that grow by doubling would be copied once more.
        reader.reserveCapacity(unsafe Int(cmartlet_duckdb_row_count(&result)))
        while try reader.fetch(&result) {}
        return reader.finish()
    }

    /// Runs a SELECT on all threads and returns its rows in no promised order. Unlike `query` no thread waits for
    /// another to pass its rows on, and no result is made that is copied again.
    ///
    /// Rows that DuckDB computes together, some thousand, stay together in their order, and these runs are put in the
    /// order of the first column at their first row. So rows that lie in that order come in it, but for what filters
    /// join.
    ///
    /// - Parameter sql: its first column, a 64-bit integer or timestamp, tells the order; it is not part of the answer.
    /// - Throws: `limitExceeded` where a column has more text than one column holds, and what a query throws.
    package func collect(_ sql: String) throws -> RecordBatch {
        let statement = try PreparedStatement(self, sql, [])
        let columns = try Array(statement.columnReaders(limit: columnLimit).dropFirst())
        // What holds others may come in a form that only a result unfolds.
        if columns.contains(where: \.isNested) {
            let rows = try query(sql)
            return RecordBatch(
                schema: Schema(Array(rows.schema.fields.dropFirst())), columns: Array(rows.columns.dropFirst()))
        }
        let collector = RowCollector(columns, columnLimit: columnLimit)
        let handle = engine.collected.add(collector)
        defer { engine.collected.remove(handle) }
        let list = (0...columns.count).map { "c\($0)" }.joined(separator: ", ")
        do {
            try execute(
                "SELECT bool_and(\(CollectedRows.function)(\(handle), \(list))) FROM (\(sql)\n) AS collected(\(list))")
        } catch {
            throw collector.failure ?? error
        }
        return try collector.finish(threads: engine.threads)
    }

    /// Runs one statement and hands its rows on as they come, in batches of at least `rows` (the last one may be
    /// smaller), in memory bounded by one batch. An answer without rows gives no batch.
    package func query(
        _ sql: String, _ parameters: [Value] = [], batchRows: Int, _ body: (RecordBatch) throws -> Void
    ) throws {
        let stream = try QueryStream(self, sql, parameters, batchRows: batchRows)
        while let batch = try stream.next() { try body(batch) }
    }

    /// The single value of a statement that gives one row and one column.
    package func value(_ sql: String, _ parameters: [Value] = []) throws -> Value {
        let batch = try query(sql, parameters)
        guard batch.rowCount == 1, batch.columns.count == 1 else {
            throw MartletError(.internalFault, "a query for one value gave \(batch.rowCount) rows")
        }
        return batch.columns[0][0]
    }

    private func failure(_ result: inout cmartlet_duckdb_result) -> MartletError {
        failure(unsafe cmartlet_duckdb_result_error(&result).map { String(cString: $0) })
    }

    /// What a source of rows threw in the statement that has failed, else what DuckDB says.
    func failure(_ text: String?) -> MartletError { takeFailure() as? MartletError ?? queryError(text) }

    /// What the sources of rows threw since the last call. A statement begins with it: one that needed no further rows
    /// may have ended well although a source failed, and its failure is none of the next one's.
    @discardableResult
    func takeFailure() -> (any Error)? {
        var found: (any Error)?
        for handle in registrations.values {
            if let failure = engine.rows.takeFailure(of: handle) { found = failure }
        }
        return found
    }
}

extension QueryConnection {
    /// Makes the rows readable as the temporary view `name` of this connection, until it is replaced or the connection
    /// ends. The rows are read where they lie; a scan copies them vector by vector.
    package func register(_ name: String, _ batch: RecordBatch) throws {
        try register(name, RowSource(batch))
    }

    package func register(_ name: String, _ source: RowSource) throws {
        let handle = engine.rows.add(source)
        try execute(
            "CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(name)) AS "
                + "SELECT * FROM \(RegisteredRows.function)(\(handle))"
        )
        if let old = registrations.updateValue(handle, forKey: name) { engine.rows.remove(old) }
    }

    package func unregister(_ name: String) throws {
        guard let handle = registrations.removeValue(forKey: name) else { return }
        engine.rows.remove(handle)
        try execute("DROP VIEW IF EXISTS \(quotedIdentifier(name))")
    }
}
