package import MartletCore

/// An identifier as SQL text, whatever characters it holds.
package func quotedIdentifier(_ name: String) -> String {
    "\"" + doubled(name, "\"") + "\""
}

/// A text literal as SQL text.
package func quotedLiteral(_ text: String) -> String {
    "'" + doubled(text, "'") + "'"
}

/// A value as a SQL literal of its type.
package func sqlLiteral(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .bool(let x): x ? "TRUE" : "FALSE"
    case .int32(let x): "(\(quotedLiteral(x.description))::INTEGER)"
    case .int64(let x): "(\(quotedLiteral(x.description))::BIGINT)"
    case .float32(let x): "(\(quotedLiteral(x.description))::FLOAT)"
    case .float64(let x): "(\(quotedLiteral(x.description))::DOUBLE)"
    case .string(let x): quotedLiteral(x)
    case .bytes(let x): "(\(quotedLiteral(x.map { "\\x" + hexPair($0) }.joined()))::BLOB)"
    case .timestamp(let x): "make_timestamptz(\(x.microseconds))"
    case .list(let values): "[\(values.map(sqlLiteral).joined(separator: ", "))]"
    case .map(let values):
        "MAP {"
            + values.sorted { $0.key < $1.key }.map { "\(quotedLiteral($0)): \(sqlLiteral($1))" }
            .joined(separator: ", ") + "}"
    }
}

extension DataType {
    /// The type in DuckDB's SQL.
    package var sqlName: String {
        switch self {
        case .bool: "BOOLEAN"
        case .int32: "INTEGER"
        case .int64: "BIGINT"
        case .float32: "FLOAT"
        case .float64: "DOUBLE"
        case .string: "VARCHAR"
        case .bytes: "BLOB"
        case .timestamp: "TIMESTAMPTZ"
        case .list(let element): element.type.sqlName + "[]"
        case .map(let element): "MAP(VARCHAR, \(element.type.sqlName))"
        }
    }
}

/// By scalars: a quote with a combining mark behind it is one `Character`, and would slip through.
private func doubled(_ text: String, _ quote: Unicode.Scalar) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        if scalar == quote { result.append(quote) }
        result.append(scalar)
    }
    return String(result)
}

private func hexPair(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16, uppercase: true)
    return text.count == 1 ? "0" + text : text
}
