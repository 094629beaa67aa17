internal import CDuckDB
internal import Dispatch
internal import MartletCore
internal import Synchronization

/// An in-memory DuckDB: Martlet keeps no data in it, it reads and writes Parquet, CSV and JSON files and runs SQL over
/// them and over registered rows. Safe to share; each thread takes its own connection.
package final class QueryEngine: Sendable {
    let database: DatabaseHandle
    let rows = RegisteredRows()
    let collected = CollectedRows()
    let threads: Int

    /// - Throws: `missingLibrary`, or `storeUnavailable` where the engine does not start.
    package init(_ settings: QuerySettings) throws {
        try QueryLibrary.load(path: settings.libraryPath)
        threads = settings.threads
        let options = [
            ("threads", "\(max(1, settings.threads))"),
            ("memory_limit", "\(settings.memoryLimitBytes >> 20)MiB"),
            ("temp_directory", settings.temporaryDirectory ?? ""),
            ("autoinstall_known_extensions", "false"),
            ("autoload_known_extensions", "false"),
            ("allow_community_extensions", "false"),
            ("allow_unsigned_extensions", "false"),
            ("enable_external_file_cache", "false"),
        ]
        database = try settings.isPatient ? DatabaseHandle.patient(options) : DatabaseHandle(options: options)
        let connection = try QueryConnection(self)
        try rows.install(on: connection)
        try collected.install(on: connection)
    }

    package func connect() throws -> QueryConnection {
        let connection = try QueryConnection(self)
        try connection.execute("SET TimeZone = 'UTC'")
        return connection
    }
}

/// Owns the database handle. DuckDB locks it inside, so it may be used from any thread.
final class DatabaseHandle: @unchecked Sendable {
    private(set) var pointer: cmartlet_duckdb_database?

    init(options: [(String, String)]) throws {
        var config: cmartlet_duckdb_config?
        _ = unsafe cmartlet_duckdb_create_config(&config)
        defer { unsafe cmartlet_duckdb_destroy_config(&config) }
        for (name, value) in options where unsafe cmartlet_duckdb_set_config(config, name, value) != 0 {
            throw MartletError(.storeUnavailable, "DuckDB does not take the setting \(name)")
        }
        var reason: UnsafeMutablePointer<CChar>?
        guard unsafe cmartlet_duckdb_open_ext(nil, &pointer, config, &reason) == 0 else {
            defer { unsafe cmartlet_duckdb_free(reason) }
            throw MartletError(
                .storeUnavailable,
                "DuckDB does not start: \(unsafe reason.map { String(cString: $0) } ?? "no reason given")")
        }
    }

    /// Opened by a patient thread: DuckDB's threads are as patient as the one that starts them.
    static func patient(_ options: [(String, String)]) throws -> DatabaseHandle {
        let opened = Mutex<Result<DatabaseHandle, any Error>?>(nil)
        let thread = DispatchGroup()
        startThread(group: thread, isPatient: true) {
            let result = Result { try DatabaseHandle(options: options) }
            opened.withLock { $0 = result }
        }
        thread.wait()
        guard let result = opened.withLock({ $0 }) else { preconditionFailure("the thread has ended") }
        return try result.get()
    }

    deinit { unsafe cmartlet_duckdb_close(&pointer) }
}
