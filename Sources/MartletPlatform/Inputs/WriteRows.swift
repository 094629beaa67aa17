internal import Glibc
internal import MartletCore
package import MartletQuery

extension Workspace {
    /// See `writeRows`.
    package func writeFile(_ source: RowSource, to path: String) throws { try writeRows(source, to: path, engine) }
}

/// Writes rows as Parquet, CSV or JSON lines, told by the name, beside their place and renamed into it when complete.
/// - Throws: `invalidInput` for another name, `diskFull`, `fileSystem`; then nothing is left behind.
func writeRows(_ source: RowSource, to path: String, _ engine: QueryEngine) throws {
    let options =
        switch try InputFormat(path: path) {
        // A column of more different values than this is no dictionary: trying costs a third of the time of writing.
        case .parquet: "FORMAT parquet, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 4096"
        case .csv: "FORMAT csv, HEADER true"
        case .jsonLines: "FORMAT json"
        case .delta: throw MartletError(.invalidInput, "name a file, or a table such as gold.training")
        }
    let partial = path + ".partial"
    let connection = try engine.connect()
    do {
        try connection.register("rows_to_write", source)
        try connection.execute("COPY (SELECT * FROM rows_to_write) TO \(quotedLiteral(partial)) (\(options))")
        guard rename(partial, path) == 0 else {
            throw MartletError(
                .fileSystem, "the file cannot be put in place: \(unsafe String(cString: strerror(errno)))",
                place: .init(file: path))
        }
    } catch {
        unlink(partial)
        throw error
    }
}
