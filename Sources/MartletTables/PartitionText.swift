internal import MartletCore
internal import MartletQuery

/// Partition values as text (Delta protocol, "Partition Value Serialization"); null stands for a null, and so does
/// the empty text for every type.
enum PartitionText {
    static func isSupported(_ type: DataType) -> Bool {
        switch type {
        case .bool, .int32, .int64, .string, .timestamp: true
        case .float32, .float64, .bytes, .list, .map: false
        }
    }

    /// - Throws: `corruptData` where the text is no value of the type.
    static func parse(_ text: String?, as type: DataType, column: String) throws -> Value {
        guard let text, !text.isEmpty else { return .null }
        let value: Value? =
            switch type {
            case .bool: text == "true" ? .bool(true) : text == "false" ? .bool(false) : nil
            case .int32: Int32(text).map { .int32($0) }
            case .int64: Int64(text).map { .int64($0) }
            case .float32: Float(text).map { .float32($0) }
            case .float64: Double(text).map { .float64($0) }
            case .string: .string(text)
            case .bytes: .bytes(Array(text.utf8))
            // With a zone, or without one and then in UTC.
            case .timestamp: (Timestamp(rfc3339: text) ?? Timestamp(rfc3339: text + "Z")).map { .timestamp($0) }
            case .list, .map: nil
            }
        guard let value else {
            throw MartletError(.corruptData, "a partition value of column \(column) is no \(type.rawValue)")
        }
        return value
    }

    /// SQL for the text of a column's value; it fails for values that Delta cannot tell from a null.
    static func sql(_ column: String, _ type: DataType) -> String {
        switch type {
        case .timestamp: "strftime(\(column) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
        case .string:
            """
            CASE WHEN \(column) IN ('', '\(nullFolder)') \
            THEN \(refusalSQL("a partition column holds an empty text, which Delta cannot keep apart from null")) \
            ELSE \(column) END
            """
        default: "CAST(\(column) AS VARCHAR)"
        }
    }

    /// What DuckDB, like Hive, calls the folder of the null.
    static let nullFolder = "__HIVE_DEFAULT_PARTITION__"
}
