package import MartletCore

/// References to environment variables in a text: `${NAME}`. `$` alone is itself.
package enum EnvironmentReferences {
    package enum Place: Sendable {
        /// The value stands as it is.
        case text
        /// The value is a part of a URL: characters with a meaning there become `%XX`.
        case url
    }

    /// The names in their order; nil where a `${` has no proper name and end.
    package static func names(in text: String) -> [String]? {
        parts(of: text)?.compactMap { part in if case .reference(let name) = part { name } else { nil } }
    }

    /// The text with the values of its references.
    /// - Throws: `invalidSettings` where a variable is not set, with its name.
    package static func resolved(
        _ text: String, as place: Place, environment: (String) -> String?
    ) throws(MartletError) -> String {
        guard let parts = parts(of: text) else {
            throw MartletError(.invalidSettings, "a reference to an environment variable is not closed")
        }
        var result = ""
        for part in parts {
            switch part {
            case .literal(let literal): result += literal
            case .reference(let name):
                guard let value = environment(name) else {
                    throw MartletError(
                        .invalidSettings, "the environment variable \(name) is not set",
                        fix: "set \(name) where Martlet is started")
                }
                result += place == .url ? encoded(value) : value
            }
        }
        return result
    }

    private enum Part {
        case literal(String)
        case reference(String)
    }

    private static func parts(of text: String) -> [Part]? {
        var parts: [Part] = []
        var literal = ""
        var rest = text[...]
        while let character = rest.first {
            guard rest.hasPrefix("${") else {
                literal.append(character)
                rest = rest.dropFirst()
                continue
            }
            let name = rest.dropFirst(2).prefix { $0 != "}" }
            guard isName(name), rest.dropFirst(2 + name.count).first == "}" else { return nil }
            parts.append(.literal(literal))
            parts.append(.reference(String(name)))
            literal = ""
            rest = rest.dropFirst(3 + name.count)
        }
        parts.append(.literal(literal))
        return parts
    }

    private static func isName(_ name: Substring) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// RFC 3986, section 2.3: all but the unreserved.
    private static func encoded(_ value: String) -> String {
        var result = ""
        for byte in value.utf8 {
            if isAlphanumeric(byte) || "-._~".utf8.contains(byte) {
                result.append(Character(UnicodeScalar(byte)))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" + digits : digits)
            }
        }
        return result
    }
}
