/// How rows that a client sends are written.
package enum UploadFormat: Sendable {
    case parquet
    case jsonLines

    /// What a file of it is called behind the dot.
    var fileEnding: String {
        switch self {
        case .parquet: "parquet"
        case .jsonLines: "ndjson"
        }
    }
}
