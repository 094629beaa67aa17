package import MartletCore

/// A part of DuckDB's SQL that means the same in Spark's, row for row: one SELECT over one source, and conditions, of
/// columns, comparisons, `AND OR NOT`, `IS NULL`, `IN`, `BETWEEN`, `CASE`, `+ - *`, `coalesce`, `nullif` and `abs`.
/// Whatever else a text holds is refused by name; nothing is guessed.
package struct SparkDialect: Sendable {
    /// The columns that a text may name, with their types.
    private let columns: [String: DataType]
    private let sources: Set<String>
    /// For messages: `features card_activity`.
    private let place: String

    package init(columns: [Field], sources: [String], place: String) {
        self.columns = Dictionary(columns.map { ($0.name.lowercased(), $0.type) }) { first, _ in first }
        self.sources = Set(sources.map { $0.lowercased() })
        self.place = place
    }

    /// The text in Spark's SQL.
    /// - Parameter aliases: further names that it may use: those that a query around it gives.
    /// - Throws: `invalidDefinition` for what is beyond the part that both understand.
    package func translate(_ text: String, aliases: [String] = []) throws -> String {
        let tokens = try Self.tokens(text, place)
        var known = Set(aliases.map { $0.lowercased() })
        known.formUnion(Self.aliases(tokens))
        var out: [String] = []
        for (index, token) in tokens.enumerated() {
            let next = index + 1 < tokens.count ? tokens[index + 1] : nil
            switch token {
            case .number(let text):
                // A literal with a point is a DECIMAL in both, which meets doubles as a double.
                out.append(text.contains(".") ? text + "D" : text)
            case .string(let text): out.append(sparkLiteral(text))
            case .symbol(let text):
                guard Self.symbols.contains(text) else { throw refused(text) }
                out.append(text)
            case .quoted(let name):
                try admit(name, known)
                out.append(sparkIdentifier(name))
            case .word(let word):
                let lower = word.lowercased()
                if Self.keywords.contains(lower) {
                    out.append(lower)
                } else if next == .symbol("(") {
                    guard Self.functions.contains(lower) else { throw refused("\(word)(…)") }
                    out.append(lower)
                } else {
                    try admit(word, known)
                    out.append(sparkIdentifier(word))
                }
            }
        }
        return out.joined(separator: " ")
    }

    /// The names that a query gives to columns of its own.
    package func aliases(of text: String) throws -> [String] { Self.aliases(try Self.tokens(text, place)).sorted() }

    private func admit(_ name: String, _ aliases: Set<String>) throws {
        let lower = name.lowercased()
        if let type = columns[lower] {
            // Arithmetic and literals widen float32 at different places.
            guard type != .float32, !type.isNested else { throw refused("the \(type) column \(name)") }
            return
        }
        guard sources.contains(lower) || aliases.contains(lower) else { throw refused(name) }
    }

    private func refused(_ what: String) -> MartletError {
        MartletError(
            .invalidDefinition, "\(place): `\(what)` does not run on Spark",
            fix: "keep to what docs/engines.md lists, or build this set with `engine: duckdb`")
    }

    private static let keywords: Set<String> = [
        "select", "from", "where", "as", "case", "when", "then", "else", "end", "and", "or", "not", "is", "null", "in",
        "between", "true", "false",
    ]
    private static let functions: Set<String> = ["abs", "coalesce", "nullif"]
    private static let symbols: Set<String> = ["(", ")", ",", "*", "+", "-", "=", "<>", "!=", "<", "<=", ">", ">="]

    /// The words after AS, whose first letter does not tell them from others.
    private static func aliases(_ tokens: [Token]) -> Set<String> {
        var found: Set<String> = []
        for (token, next) in zip(tokens, tokens.dropFirst()) {
            guard case .word(let word) = token, word.lowercased() == "as" else { continue }
            switch next {
            case .word(let name), .quoted(let name): found.insert(name.lowercased())
            default: break
            }
        }
        return found
    }
}

extension SparkDialect {
    private enum Token: Equatable {
        case word(String)
        case quoted(String)
        case string(String)
        case number(String)
        case symbol(String)
    }

    /// Comments are left out, and the semicolon at the end.
    private static func tokens(_ text: String, _ place: String) throws -> [Token] {
        var tokens: [Token] = []
        var rest = Substring(text)
        func fault(_ what: String) -> MartletError { MartletError(.invalidDefinition, "\(place): \(what)") }
        while let first = rest.unicodeScalars.first {
            if first.properties.isWhitespace {
                rest.unicodeScalars.removeFirst()
            } else if rest.hasPrefix("--") {
                rest = rest.drop { !$0.isNewline }
            } else if rest.hasPrefix("/*") {
                guard let end = rest.ranges(of: "*/").first else { throw fault("a comment is not closed") }
                rest = rest[end.upperBound...]
            } else if first == "'" || first == "\"" {
                guard let text = quotedText(&rest, first) else { throw fault("a quote is not closed") }
                tokens.append(first == "'" ? .string(text) : .quoted(text))
            } else if first.properties.isXIDStart || first == "_" {
                let word = rest.prefix { $0 == "_" || $0.unicodeScalars.allSatisfy(\.properties.isXIDContinue) }
                tokens.append(.word(String(word)))
                rest = rest.dropFirst(word.count)
            } else if ("0"..."9").contains(first) {
                let number = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
                tokens.append(.number(String(number)))
                rest = rest.dropFirst(number.count)
            } else {
                let two = String(rest.prefix(2))
                let symbol = symbols.contains(two) || two == "::" || two == "||" ? two : String(rest.prefix(1))
                tokens.append(.symbol(symbol))
                rest = rest.dropFirst(symbol.count)
            }
        }
        while tokens.last == .symbol(";") { tokens.removeLast() }
        return tokens
    }

    /// What stands between quotes, doubled ones once; `rest` then begins behind it.
    private static func quotedText(_ rest: inout Substring, _ quote: Unicode.Scalar) -> String? {
        var text = String.UnicodeScalarView()
        var scalars = rest.unicodeScalars.dropFirst()
        while let scalar = scalars.popFirst() {
            if scalar == quote {
                guard scalars.first == quote else {
                    rest = Substring(scalars)
                    return String(text)
                }
                scalars.removeFirst()
            }
            text.append(scalar)
        }
        return nil
    }
}

/// An identifier as text of Spark's SQL, whatever characters it holds.
package func sparkIdentifier(_ name: String) -> String {
    var text = String.UnicodeScalarView()
    for scalar in name.unicodeScalars {
        if scalar == "`" { text.append("`") }
        text.append(scalar)
    }
    return "`\(String(text))`"
}

/// A text literal of Spark's SQL, where a backslash escapes and a doubled quote does not.
package func sparkLiteral(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        if scalar == "'" || scalar == "\\" { result.append("\\") }
        result.append(scalar)
    }
    return "'\(String(result))'"
}

extension DataType {
    /// The type in Spark's SQL.
    package var sparkName: String {
        switch self {
        case .bool: "BOOLEAN"
        case .int32: "INT"
        case .int64: "BIGINT"
        case .float32: "FLOAT"
        case .float64: "DOUBLE"
        case .string: "STRING"
        case .bytes: "BINARY"
        case .timestamp: "TIMESTAMP"
        case .list(let element): "ARRAY<\(element.type.sparkName)>"
        case .map(let element): "MAP<STRING, \(element.type.sparkName)>"
        }
    }
}
