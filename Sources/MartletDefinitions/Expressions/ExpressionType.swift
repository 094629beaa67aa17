package import MartletCore

/// The types that expressions compute with. Narrow numbers are widened when they are read, so that an expression
/// has one kind of whole numbers and one kind of others.
package enum ExpressionType: Sendable, Hashable {
    case bool, integer, real, text, bytes, timestamp

    /// The type that values of a column's type have in expressions; nil for a type that expressions do not read.
    package init?(_ type: DataType) {
        switch type {
        case .bool: self = .bool
        case .int32, .int64: self = .integer
        case .float32, .float64: self = .real
        case .string: self = .text
        case .bytes: self = .bytes
        case .timestamp: self = .timestamp
        case .list, .map: return nil
        }
    }

    /// The type of a column of results.
    package var dataType: DataType {
        switch self {
        case .bool: .bool
        case .integer: .int64
        case .real: .float64
        case .text: .string
        case .bytes: .bytes
        case .timestamp: .timestamp
        }
    }

    package var isNumber: Bool { self == .integer || self == .real }
}
