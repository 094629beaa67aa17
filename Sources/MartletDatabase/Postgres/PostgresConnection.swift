internal import CPostgres
internal import Glibc
package import MartletCore

/// One connection to a PostgreSQL server by libpq. Its calls block, but for `receiveCopyData`; it belongs to one thread
/// at a time.
///
/// Values come and go as text, in fixed forms whatever the server's settings are: ISO dates, UTC, numbers in the
/// shortest form that reads back as the same.
package final class PostgresConnection {
    package enum Purpose: Sendable {
        case queries
        /// Commands of the replication protocol for one database, and its stream of changes.
        case replication
    }

    /// A row of an answer: the text of each column, nil for null.
    package typealias Row = [String?]

    private let connection: OpaquePointer

    /// - Parameter url: `postgresql://user:password@host:port/database?options`, or libpq's `key=value` form.
    /// - Throws: `storeUnavailable` where no connection comes about in time, `invalidSettings` where the URL is none.
    package init(_ url: String, for purpose: Purpose = .queries, connectSeconds: Int = 10) throws(MartletError) {
        var problem: UnsafeMutablePointer<CChar>?
        let parsed = PQconninfoParse(url, &problem)
        PQfreemem(problem)
        guard let parsed else {
            // libpq's own sentence may quote the URL, and with it the password.
            throw MartletError(
                .invalidSettings, "the PostgreSQL URL cannot be read",
                fix: "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters as %XX")
        }
        PQconninfoFree(parsed)
        // Later words win, so that the URL cannot change the forms of values.
        var settings: [(String, String)] = [
            ("fallback_application_name", "martlet"), ("dbname", url), ("connect_timeout", "\(connectSeconds)"),
            ("client_encoding", "UTF8"), ("keepalives_idle", "30"), ("keepalives_interval", "10"),
            (
                "options",
                "-c datestyle=ISO -c intervalstyle=iso_8601 -c timezone=UTC -c extra_float_digits=3"
                    + " -c bytea_output=hex"
            ),
        ]
        if purpose == .replication { settings.append(("replication", "database")) }
        let opened = withCStrings(settings.map(\.0)) { names in
            withCStrings(settings.map(\.1)) { values in PQconnectdbParams(names, values, 1) }
        }
        guard let opened else { throw MartletError(.storeUnavailable, "no memory for a PostgreSQL connection") }
        guard PQstatus(opened) == CONNECTION_OK else {
            let text = String(cString: PQerrorMessage(opened))
            PQfinish(opened)
            throw MartletError(
                .storeUnavailable, "cannot connect to PostgreSQL: \(text.split(separator: "\n").last ?? "no answer")")
        }
        connection = opened
    }

    deinit { PQfinish(connection) }

    /// For `poll`.
    package var descriptor: Int32 { PQsocket(connection) }

    /// Runs one statement. On a replication connection without values only.
    @discardableResult
    package func query(_ sql: String, _ values: [String?] = []) throws(MartletError) -> [Row] {
        let result =
            values.isEmpty
            ? PQexec(connection, sql)
            : withOptionalCStrings(values) { pointers in
                PQexecParams(connection, sql, Int32(values.count), nil, pointers, nil, nil, 0)
            }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK: return rows(result)
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return []
        default: throw failure(result)
        }
    }

    private func rows(_ result: OpaquePointer?) -> [Row] {
        let columns = PQnfields(result)
        return (0..<PQntuples(result)).map { row in
            (0..<columns).map { column in
                PQgetisnull(result, row, column) != 0 ? nil : String(cString: PQgetvalue(result, row, column))
            }
        }
    }

    /// Runs a `COPY … TO STDOUT` and calls the body with each of its lines, with the line break at its end.
    /// - Throws: what the body throws too; the connection is then of no more use.
    package func copyOut(_ sql: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_COPY_OUT else { throw failure(result) }
        while true {
            var buffer: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(connection, &buffer, 0)
            guard count > 0 else { break }
            defer { PQfreemem(buffer) }
            try body(UnsafeRawBufferPointer(start: buffer, count: Int(count)))
        }
        try finishResults()
    }

    private func finishResults() throws(MartletError) {
        var failed: MartletError?
        while let result = PQgetResult(connection) {
            if PQresultStatus(result) != PGRES_COMMAND_OK, failed == nil { failed = failure(result) }
            PQclear(result)
        }
        if let failed { throw failed }
    }

    /// What a failed statement says: the kind of the failure, never the server's sentences, which may quote data.
    private func failure(_ result: OpaquePointer?) -> MartletError {
        // PG_DIAG_SQLSTATE, a character constant.
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
        if PQstatus(connection) != CONNECTION_OK || state == nil {
            return MartletError(.storeUnavailable, "the connection to PostgreSQL is lost")
        }
        return PostgresFailure.error(state: state ?? "")
    }
}

extension PostgresConnection {
    /// What there was to read of a stream.
    package enum Received: Sendable, Hashable {
        case message
        /// Nothing more for now: wait until `descriptor` can be read.
        case nothing
    }

    /// Sends a command that opens a stream in both directions, such as `START_REPLICATION`.
    package func startStream(_ command: String) throws(MartletError) {
        let result = PQexec(connection, command)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_COPY_BOTH else { throw failure(result) }
        PQsetnonblocking(connection, 1)
    }

    /// Reads what the server has sent into the buffers of the connection. Does not wait.
    package func readAvailable() throws(MartletError) {
        guard PQconsumeInput(connection) == 1 else {
            throw MartletError(.storeUnavailable, "the connection to PostgreSQL is lost")
        }
    }

    /// Calls the body with the next message of the stream that was read. Does not wait.
    package func receiveCopyData(_ body: (UnsafeRawBufferPointer) throws(MartletError) -> Void) throws(MartletError)
        -> Received
    {
        var buffer: UnsafeMutablePointer<CChar>?
        let count = PQgetCopyData(connection, &buffer, 1)
        if count == 0 { return .nothing }
        guard count > 0 else {
            try finishResults()
            throw MartletError(.storeUnavailable, "PostgreSQL has ended the stream")
        }
        defer { PQfreemem(buffer) }
        try body(UnsafeRawBufferPointer(start: buffer, count: Int(count)))
        return .message
    }

    /// Sends a message of the stream; what the socket does not take now goes with the next call.
    package func sendCopyData(_ bytes: [UInt8]) throws(MartletError) {
        let sent = bytes.withUnsafeBytes { raw in
            PQputCopyData(connection, raw.assumingMemoryBound(to: CChar.self).baseAddress, Int32(raw.count))
        }
        guard sent >= 0, PQflush(connection) >= 0 else {
            throw MartletError(.storeUnavailable, "the connection to PostgreSQL is lost")
        }
    }

    /// A name as SQL has it, quoted.
    package static func quoted(name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// A text as SQL has it, quoted; for the commands of the replication protocol, which take no parameters.
    package static func quoted(text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}

private func withCStrings<R>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R
) -> R { withOptionalCStrings(strings, body) }

/// The strings with a nil behind them, as C has lists.
private func withOptionalCStrings<R>(
    _ strings: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R
) -> R {
    let copies: [UnsafePointer<CChar>?] = strings.map { $0.flatMap { strdup($0).map { UnsafePointer($0) } } } + [nil]
    defer { for copy in copies { free(UnsafeMutablePointer(mutating: copy)) } }
    return copies.withUnsafeBufferPointer { body($0.baseAddress) }
}
