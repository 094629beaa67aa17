/// How much of the machine a query engine may use.
package struct QuerySettings: Sendable {
    /// Threads of one query.
    package var threads: Int
    /// Beyond this, operators spill into `temporaryDirectory`.
    package var memoryLimitBytes: Int
    /// Whether its own threads give way to others of the process where processors are scarce.
    package var isPatient = false
    /// nil switches spilling off: a query beyond the limit fails.
    package var temporaryDirectory: String?
    /// The library to open; nil means `MARTLET_DUCKDB_LIB` or the one that `scripts/bootstrap` put in place.
    package var libraryPath: String?

    package init(
        threads: Int, memoryLimitBytes: Int = 2 << 30, temporaryDirectory: String? = nil, libraryPath: String? = nil
    ) {
        self.threads = threads
        self.memoryLimitBytes = memoryLimitBytes
        self.temporaryDirectory = temporaryDirectory
        self.libraryPath = libraryPath
    }
}
