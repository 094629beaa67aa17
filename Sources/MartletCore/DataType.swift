/// The types a column can have. Names are those of the definition language; `docs/semantics.md` lists how each one is
/// spelled in Parquet, Delta, DuckDB and on the wire.
package enum DataType: String, Sendable, Hashable, CaseIterable {
    case bool
    case int32
    case int64
    case float32
    case float64
    case string
    case bytes
    /// Microseconds since 1970-01-01T00:00:00Z.
    case timestamp

    package var isNumeric: Bool {
        switch self {
        case .int32, .int64, .float32, .float64: true
        case .bool, .string, .bytes, .timestamp: false
        }
    }
}
