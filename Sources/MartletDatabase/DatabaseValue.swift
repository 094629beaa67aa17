package import MartletCore

/// What a column or a parameter can hold.
package enum DatabaseValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case bytes([UInt8])

    package static func integer(_ value: Int) -> DatabaseValue { .integer(Int64(value)) }

    /// Microseconds since 1970-01-01T00:00:00Z.
    package static func timestamp(_ value: Timestamp) -> DatabaseValue { .integer(value.microseconds) }

    package static func optional(_ value: String?) -> DatabaseValue { value.map { .text($0) } ?? .null }
    package static func optional(_ value: Int64?) -> DatabaseValue { value.map { .integer($0) } ?? .null }
    package static func optional(_ value: Timestamp?) -> DatabaseValue { value.map { .timestamp($0) } ?? .null }
}

/// A row of an answer. Columns are numbered from 0 in the order of the query.
package struct DatabaseRow: Sendable, Hashable {
    package let values: [DatabaseValue]

    package init(values: [DatabaseValue]) { self.values = values }

    package func isNull(_ column: Int) -> Bool { values[column] == .null }

    /// - Throws: `corruptData` where the column holds something else; so do the others.
    package func integer(_ column: Int) throws -> Int64 {
        if case .integer(let value) = values[column] { return value }
        throw misfit(column, "a whole number")
    }

    package func real(_ column: Int) throws -> Double {
        switch values[column] {
        case .real(let value): return value
        case .integer(let value): return Double(value)
        default: throw misfit(column, "a number")
        }
    }

    package func text(_ column: Int) throws -> String {
        if case .text(let value) = values[column] { return value }
        throw misfit(column, "text")
    }

    package func bytes(_ column: Int) throws -> [UInt8] {
        if case .bytes(let value) = values[column] { return value }
        throw misfit(column, "bytes")
    }

    package func timestamp(_ column: Int) throws -> Timestamp { Timestamp(microseconds: try integer(column)) }

    package func optionalText(_ column: Int) throws -> String? { isNull(column) ? nil : try text(column) }
    package func optionalInteger(_ column: Int) throws -> Int64? { isNull(column) ? nil : try integer(column) }
    package func optionalTimestamp(_ column: Int) throws -> Timestamp? { isNull(column) ? nil : try timestamp(column) }

    private func misfit(_ column: Int, _ wanted: String) -> MartletError {
        MartletError(.corruptData, "column \(column) of a stored row is not \(wanted)")
    }
}
