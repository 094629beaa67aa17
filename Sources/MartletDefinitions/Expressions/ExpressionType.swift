package import MartletCore

/// The types that expressions compute with. Narrow numbers are widened when they are read, so that an expression
/// has one kind of whole numbers and one kind of others.
package enum ExpressionType: Sendable, Hashable {
    case bool, integer, real, text, bytes, timestamp
    /// Of a feature, to be asked for its elements: nothing makes one.
    indirect case list(ExpressionType)
    indirect case map(ExpressionType)

    /// The type that values of a column's type have in expressions.
    package init(_ type: DataType) {
        switch type {
        case .bool: self = .bool
        case .int32, .int64: self = .integer
        case .float32, .float64: self = .real
        case .string: self = .text
        case .bytes: self = .bytes
        case .timestamp: self = .timestamp
        case .list(let element): self = .list(ExpressionType(element.type))
        case .map(let element): self = .map(ExpressionType(element.type))
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
        case .list(let element): element.dataType.element.map { .list($0) } ?? .bytes
        case .map(let element): element.dataType.element.map { .map($0) } ?? .bytes
        }
    }

    package var isNumber: Bool { self == .integer || self == .real }

    /// Of what a list or a map holds; nil for a scalar.
    package var element: ExpressionType? {
        switch self {
        case .list(let element), .map(let element): element
        case .bool, .integer, .real, .text, .bytes, .timestamp: nil
        }
    }
}
