import Glibc
import MartletCore

/// `Tests/Peers/delta_tables.py` in the Python that `scripts/bootstrap` made, answering jobs.
enum Peer {
    private static let root: String = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    static let python = "\(root)/.deps/venv/bin/python"
    static let extensionPath = "\(root)/.deps/extensions/delta.duckdb_extension"

    /// One answer for each job.
    /// - Throws: `missingLibrary` where the Python packages are not there: run `scripts/bootstrap`.
    static func ask(_ jobs: [JSONValue]) throws -> [JSONValue] {
        for path in [python, extensionPath] where access(path, R_OK) != 0 {
            throw MartletError(.missingLibrary, "\(path) is missing", fix: "run scripts/bootstrap")
        }
        let folder = TemporaryFolder()
        let (input, output) = ("\(folder.path)/jobs", "\(folder.path)/answers")
        try write(jobs.map { $0.text + "\n" }.joined(), to: input)
        let status = try run(
            [python, "\(root)/Tests/Peers/delta_tables.py", extensionPath], input: input, output: output)
        let answers = try String(decoding: read(output), as: UTF8.self).split(separator: "\n")
            .map { try JSONValue(parsing: String($0)) }
        guard status == 0, answers.count == jobs.count else {
            throw MartletError(.internalFault, "the peer ended with \(status) after \(answers.count) answers")
        }
        for (job, answer) in zip(jobs, answers) {
            if let error = answer["error"]?.string {
                throw MartletError(.valuesDiffer, "\(job.text): \(error)")
            }
        }
        return answers
    }

    private static func run(_ arguments: [String], input: String, output: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, arguments[0], &actions, nil, &pointers, environ)
        guard code == 0 else { throw MartletError(.internalFault, "cannot start \(arguments[0]): \(code)") }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw MartletError(.fileSystem, "cannot write \(path)") }
        fputs(text, file)
        fclose(file)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw MartletError(.fileSystem, "cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}

/// Rows with every value as text of one form, as the peer tells them.
struct PeerRows: Equatable, CustomStringConvertible {
    var columns: [String]
    /// Sorted, for readers differ in the order of files; each row as JSON.
    var rows: [String]

    init(_ batch: RecordBatch) {
        columns = batch.schema.fields.map { "\($0.name): \($0.type.rawValue)" }
        rows = (0..<batch.rowCount).map { row in
            JSONValue.array(batch.columns.map { Self.canonical($0[row]) }).text
        }.sorted()
    }

    init(_ answer: JSONValue) {
        columns = (answer["columns"]?.array ?? []).map { "\($0.array?[0].string ?? ""): \($0.array?[1].string ?? "")" }
        rows = (answer["rows"]?.array ?? []).map(\.text).sorted()
    }

    var description: String { "\(columns)\n\(rows.joined(separator: "\n"))" }

    private static func canonical(_ value: Value) -> JSONValue {
        switch value {
        case .null: .null
        case .bool(let x): .string(x ? "true" : "false")
        case .int32(let x): .string(x.description)
        case .int64(let x): .string(x.description)
        case .float32(let x): .string(x.isNaN ? "nan" : String(x.bitPattern, radix: 16))
        case .float64(let x): .string(x.isNaN ? "nan" : String(x.bitPattern, radix: 16))
        case .string(let x): .string(x)
        case .bytes(let x): .string(x.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        case .timestamp(let x): .string(x.microseconds.description)
        }
    }
}
