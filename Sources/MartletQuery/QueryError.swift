internal import MartletCore

/// Gives DuckDB's text the code that a user of Martlet can act on. The text names files, columns and positions, and
/// may quote a value that failed to convert; it is cut at 2,000 bytes.
func queryError(_ text: String?) -> MartletError {
    let text = String((text ?? "DuckDB gave no reason").prefix(2_000))
    func has(_ part: String) -> Bool { text.contains(part) }
    if has("No space left on device") || has("Disk quota exceeded") {
        return MartletError(.diskFull, text, fix: "free disk space and run the command again")
    }
    if has("Out of Memory Error") {
        return MartletError(.limitExceeded, text, fix: "raise limits.memory in martlet.yaml")
    }
    if has("INTERRUPT") { return MartletError(.cancelled, text) }
    if has("No magic bytes") || has("too small to be a Parquet file") || has("Invalid Parquet")
        || has("Snappy decompression")
        || has("ZSTD Decompression") || has("TProtocolException") || has("Failed to read Parquet")
    {
        return MartletError(.corruptData, text, fix: "the Parquet file is damaged or incomplete: write it again")
    }
    if has("IO Error") { return MartletError(.fileSystem, text) }
    if has("Conversion Error") { return MartletError(.typeMismatch, text) }
    if has("Parser Error") || has("Binder Error") || has("Catalog Error") {
        return MartletError(.invalidDefinition, "SQL that DuckDB refuses: \(text)")
    }
    return MartletError(.invalidInput, text)
}
