/// How a SQLite file is opened.
package struct SQLiteOptions: Sendable {
    package typealias Interceptor = @Sendable (_ sql: String) throws -> Void

    /// Whether a file that is not there is made, with its folder.
    package var creates = true
    /// How long a statement waits for another process.
    package var busyTimeoutMilliseconds = 5_000
    /// Read transactions that can run at once beside a write.
    package var readers = 2
    /// Prepared statements that each connection keeps.
    package var cachedStatements = 128
    /// To which the file may grow; nil means as far as the disk goes. Beyond it writes fail with `diskFull`.
    package var maximumSizeBytes: Int?
    /// Called before every statement, `BEGIN` and `COMMIT` included; what it throws fails the statement. For fault
    /// injection.
    package var interceptor: Interceptor?

    package init() {}
}
