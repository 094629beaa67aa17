internal import MartletCore

/// How the rows of an input are written, told by the name.
enum InputFormat: String, Sendable {
    case csv
    case jsonLines = "json-lines"
    case parquet
    /// A folder with a `_delta_log`.
    case delta

    /// - Throws: `invalidInput` for a name that tells no format.
    init(path: String) throws {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let ending = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
        switch ending {
        case "csv", "tsv", "txt", "asc": self = .csv
        case "json", "jsonl", "ndjson": self = .jsonLines
        case "parquet": self = .parquet
        default:
            throw MartletError(
                .invalidInput, "the format of \(path) is not known",
                fix: "name it .csv, .tsv, .txt, .asc, .json, .jsonl, .ndjson or .parquet")
        }
    }

    /// Whether the values are text that has yet to be read as the declared types.
    var isText: Bool { self == .csv || self == .jsonLines }
}
