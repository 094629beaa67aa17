/// One value of any column type. For edges (answers, explanations, tests); never inside a loop over rows.
package enum Value: Sendable, Hashable {
    case null
    case bool(Bool)
    case int32(Int32)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case string(String)
    case bytes([UInt8])
    case timestamp(Timestamp)
    case list([Value])
    case map([String: Value])

    package var isNull: Bool { self == .null }

    /// The number as a double, or nil where the value is not a number.
    package var number: Double? {
        switch self {
        case .int32(let value): Double(value)
        case .int64(let value): Double(value)
        case .float32(let value): Double(value)
        case .float64(let value): value
        case .bool(let value): value ? 1 : 0
        case .null, .string, .bytes, .timestamp, .list, .map: nil
        }
    }
}

extension Value: CustomStringConvertible {
    /// As the command line prints it.
    package var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): value.description
        case .int32(let value): value.description
        case .int64(let value): value.description
        case .float32(let value): value.description
        case .float64(let value): value.description
        case .string(let value): value
        case .bytes(let value): "\(value.count) bytes"
        case .timestamp(let value): value.description
        case .list(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .map(let values):
            "{\(values.sorted { $0.key < $1.key }.map { "\($0): \($1)" }.joined(separator: ", "))}"
        }
    }
}
