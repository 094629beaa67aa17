internal import Glibc
internal import MartletCore
internal import MartletHTTP
internal import MartletPlatform

/// The server that takes the workspace's events in, asked to do what only the owner of the log can.
struct OwningServer {
    /// Landing a large file takes its time.
    private static let timeoutMilliseconds = 6 * 3_600 * 1_000

    /// What may go wrong there, with the exit statuses that it has here.
    private static let codes: [MartletError.Code] = [
        .checkFailed, .usage, .unknownName, .notFound, .conflict, .invalidInput, .missingColumn, .typeMismatch,
        .missingTimeZone, .limitExceeded, .fileSystem, .diskFull, .corruptData, .storeUnavailable, .internalFault,
    ]

    private let server: RunningServer

    /// Does it in this process or, where a server has the log, there.
    static func orHere<Result>(
        _ workspace: Workspace, here: () throws -> Result, there: (OwningServer) throws -> Result
    ) throws -> Result {
        do {
            return try here()
        } catch let error as MartletError where error.code == .conflict && !workspace.hasLog {
            return try there(OwningServer(server: workspace.runningServer()))
        }
    }

    func ingest(_ source: String, files: [String], key: String?, principal: Principal) throws -> IngestReport {
        let paths = try files.map { file in
            guard let path = realpath(file, nil) else {
                throw MartletError(.notFound, "the file cannot be read", place: .init(file: file))
            }
            defer { free(path) }
            return JSONValue.string(String(cString: path))
        }
        var members: [String: JSONValue] = ["files": .array(paths), "principal": .string(principal.name)]
        if let key { members["idempotency_key"] = .string(key) }
        return try IngestReport(wire: send("/v1/owner/ingest/\(source)", .object(members)))
    }

    func replay(_ numbers: [Int64]) throws -> ReplayReport {
        try ReplayReport(wire: send("/v1/owner/deadletters/replay", letters(numbers)))
    }

    func drop(_ numbers: [Int64]) throws { _ = try send("/v1/owner/deadletters/drop", letters(numbers)) }

    private func letters(_ numbers: [Int64]) -> JSONValue {
        .object(["numbers": .array(numbers.map { .integer($0) })])
    }

    private func send(_ path: String, _ body: JSONValue) throws -> [UInt8] {
        let request = ClientRequest(
            "POST", server.url + path,
            headers: ["Authorization: Bearer \(server.token)", "Content-Type: application/json"],
            body: Array(body.text.utf8))
        guard let outcome = HTTPClient().send([request], timeoutMilliseconds: Self.timeoutMilliseconds).first else {
            throw MartletError(.internalFault, "a request has an outcome")
        }
        let answer: ClientResponse
        do {
            answer = try outcome.get()
        } catch {
            throw MartletError(
                .storeUnavailable,
                "the server that has the log (process \(server.process), \(server.url)) does not answer",
                fix: "end it and repeat the command, or repeat it when the server answers", cause: error)
        }
        if answer.status == 200 { return answer.body }
        let json = try? JSONValue(parsing: answer.body)
        throw MartletError(
            Self.codes.first { $0.name == json?["code"]?.string } ?? .storeUnavailable,
            json?["detail"]?.string ?? "the server answered with status \(answer.status)", fix: json?["fix"]?.string)
    }
}
