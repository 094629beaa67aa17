/// The words of an SQL text outside of strings and comments, and whether its quotes and brackets close. A reader of
/// words, not of SQL: the engine judges the rest.
struct SQLWords {
    /// In lower case; quoted identifiers as they are.
    private(set) var words: [String] = []
    private(set) var fault: String?
    /// Whether something follows a semicolon.
    private(set) var hasSeveralStatements = false
    private(set) var hasSemicolon = false
    /// A comment of two dashes, which would hide what follows the text on its line.
    private(set) var hasLineComment = false

    init(_ text: String) {
        let bytes = Array(text.utf8)
        var position = 0
        var brackets: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            let next = position + 1 < bytes.count ? bytes[position + 1] : 0
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D:
                position += 1
                continue
            case UInt8(ascii: "-") where next == byte:
                hasLineComment = true
                while position < bytes.count, bytes[position] != 10 { position += 1 }
                continue
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"):
                guard let end = Self.end(ofCommentAt: position, in: bytes) else {
                    fault = "a comment is not closed"
                    return
                }
                position = end
                continue
            default: break
            }
            if hasSemicolon { hasSeveralStatements = true }
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                guard let end = Self.end(ofQuoteAt: position, in: bytes) else {
                    fault = "a quote is not closed"
                    return
                }
                if byte == UInt8(ascii: "\"") {
                    words.append(String(decoding: bytes[position + 1..<end - 1], as: UTF8.self))
                }
                position = end
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"):
                brackets.append(byte == UInt8(ascii: "(") ? byte + 1 : byte + 2)
                position += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
                guard brackets.popLast() == byte else {
                    fault = "a bracket is closed that is not open"
                    return
                }
                position += 1
            case UInt8(ascii: ";"):
                hasSemicolon = true
                position += 1
            case _ where Self.isWord(byte):
                let start = position
                while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
                words.append(String(decoding: bytes[start..<position], as: UTF8.self).lowercased())
            default:
                position += 1
            }
        }
        if !brackets.isEmpty { fault = "a bracket is not closed" }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || byte == 95 || byte >= 0x80
    }

    /// A doubled quote stands for itself.
    private static func end(ofQuoteAt start: Int, in bytes: [UInt8]) -> Int? {
        var position = start + 1
        while position < bytes.count {
            if bytes[position] == bytes[start] {
                guard position + 1 < bytes.count, bytes[position + 1] == bytes[start] else { return position + 1 }
                position += 1
            }
            position += 1
        }
        return nil
    }

    private static func end(ofCommentAt start: Int, in bytes: [UInt8]) -> Int? {
        var position = start + 2
        while position + 1 < bytes.count {
            if bytes[position] == UInt8(ascii: "*"), bytes[position + 1] == UInt8(ascii: "/") { return position + 2 }
            position += 1
        }
        return nil
    }
}

/// What is wrong with a text that stands for one boolean expression inside a larger query; nil where nothing is.
func expressionFault(_ text: String) -> String? {
    let words = SQLWords(text)
    if let fault = words.fault { return fault }
    if words.hasSemicolon { return "an expression has no semicolon" }
    if words.hasLineComment { return "an expression has no comment" }
    return words.words.isEmpty && !text.contains("'") ? "it says nothing" : nil
}
