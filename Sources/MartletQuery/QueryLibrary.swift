internal import CDuckDB
internal import Glibc
internal import MartletCore
internal import Synchronization

/// The DuckDB library, opened once a process at first use, so that commands which need no queries never pay for it.
enum QueryLibrary {
    private static let isLoaded = Mutex(false)

    /// - Throws: `missingLibrary` where no library is found or it cannot be opened.
    static func load(path: String?) throws {
        try isLoaded.withLock { isLoaded in
            if isLoaded { return }
            guard let found = path ?? discoveredPath() else {
                throw MartletError(
                    .missingLibrary, "the DuckDB library was not found",
                    fix: "run scripts/bootstrap, or set MARTLET_DUCKDB_LIB to the path of libduckdb.so")
            }
            if let reason = unsafe cmartlet_duckdb_load(found, "libpython3.11.so.1.0") {
                throw MartletError(
                    .missingLibrary, "the DuckDB library \(found) cannot be opened: \(unsafe String(cString: reason))",
                    fix: "run scripts/bootstrap, or set MARTLET_DUCKDB_LIB to the path of libduckdb.so")
            }
            cmartlet_keep_freed_memory()
            isLoaded = true
        }
    }

    /// `MARTLET_DUCKDB_LIB`, else `lib/libduckdb.so` or `.deps/lib/libduckdb.so` in a folder at or above the
    /// executable's.
    private static func discoveredPath() -> String? {
        if let value = unsafe getenv("MARTLET_DUCKDB_LIB") { return unsafe String(cString: value) }
        guard let executable = unsafe realpath("/proc/self/exe", nil) else { return nil }
        defer { unsafe free(executable) }
        var folder = Substring(unsafe String(cString: executable))
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            for candidate in ["\(folder)/lib/libduckdb.so", "\(folder)/.deps/lib/libduckdb.so"]
            where access(candidate, R_OK) == 0 {
                return candidate
            }
        }
        return nil
    }
}
