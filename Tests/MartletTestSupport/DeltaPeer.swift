internal import Glibc
package import MartletCore

/// `Tests/Peers/delta_tables.py` in the Python that `scripts/bootstrap` made, answering jobs.
package enum DeltaPeer {
    private static let python = "\(packageFolder)/.deps/venv/bin/python"
    private static let extensionPath = "\(packageFolder)/.deps/extensions/delta.duckdb_extension"

    /// One answer for each job.
    /// - Throws: `missingLibrary` where the Python packages are not there: run `scripts/bootstrap`.
    package static func ask(_ jobs: [JSONValue]) throws -> [JSONValue] {
        for path in [python, extensionPath] where access(path, R_OK) != 0 {
            throw MartletError(.missingLibrary, "\(path) is missing", fix: "run scripts/bootstrap")
        }
        let result = try runProcess(
            [python, "\(packageFolder)/Tests/Peers/delta_tables.py", extensionPath],
            input: jobs.map { $0.text + "\n" }.joined())
        let answers = try result.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        guard result.status == 0, answers.count == jobs.count else {
            throw MartletError(
                .internalFault, "the peer ended with \(result.status) after \(answers.count) answers: \(result.errors)")
        }
        for (job, answer) in zip(jobs, answers) {
            if let error = answer["error"]?.string {
                throw MartletError(.valuesDiffer, "\(job.text): \(error)")
            }
        }
        return answers
    }
}

/// Rows with every value as text of one form, as the peer tells them.
package struct PeerRows: Equatable, CustomStringConvertible {
    package var columns: [String]
    /// Sorted, for readers differ in the order of files; each row as JSON.
    package var rows: [String]

    package init(_ batch: RecordBatch) {
        columns = batch.schema.fields.map { "\($0.name): \($0.type.rawValue)" }
        rows = (0..<batch.rowCount).map { row in
            JSONValue.array(batch.columns.map { Self.canonical($0[row]) }).text
        }.sorted()
    }

    package init(_ answer: JSONValue) {
        columns = (answer["columns"]?.array ?? []).map { "\($0.array?[0].string ?? ""): \($0.array?[1].string ?? "")" }
        rows = (answer["rows"]?.array ?? []).map(\.text).sorted()
    }

    package var description: String { "\(columns)\n\(rows.joined(separator: "\n"))" }

    private static func entry(_ key: String, _ value: Value) -> String {
        "\(key)=\(canonical(value).string ?? "null")"
    }

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
        case .list(let values): .string("[\(values.map { canonical($0).string ?? "null" }.joined(separator: "|"))]")
        case .map(let values):
            .string("{\(values.sorted { $0.key < $1.key }.map(entry).joined(separator: "|"))}")
        }
    }
}
