internal import MartletCore

/// A piece of an expression's text.
struct ExpressionToken: Equatable {
    enum Kind: Equatable {
        case integer(Int64)
        case real(Double)
        case text(String)
        /// A name or a word of the language.
        case name(String)
        /// An operator, bracket, comma or dot.
        case symbol(String)
        case end
    }

    var kind: Kind
    /// The byte at which it begins.
    var offset: Int

    /// For messages: `` `+` ``, `the text`, `the end`.
    var phrase: String {
        switch kind {
        case .integer(let value): "`\(value)`"
        case .real(let value): "`\(value)`"
        case .text: "a text"
        case .name(let name): "`\(name)`"
        case .symbol(let symbol): "`\(symbol)`"
        case .end: "the end"
        }
    }
}

/// Cuts a text into tokens. Linear in the text.
struct ExpressionLexer {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    static func tokens(of text: String) throws(ExpressionFault) -> [ExpressionToken] {
        guard text.utf8.count <= ExpressionLimits.maximumLengthBytes else {
            throw ExpressionFault(
                "the expression has \(text.utf8.count) bytes, more than the limit of "
                    + "\(ExpressionLimits.maximumLengthBytes)", at: 0,
                fix: "make a part of it a derived feature of its own", .limitExceeded)
        }
        var lexer = ExpressionLexer(text)
        var tokens: [ExpressionToken] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private mutating func next() throws(ExpressionFault) -> ExpressionToken {
        while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
        let start = position
        guard start < bytes.count else { return ExpressionToken(kind: .end, offset: start) }
        let byte = bytes[start]
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
            position = end(of: start) { isNameByte($0) }
            return ExpressionToken(kind: .name(text(start)), offset: start)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(start)
        case UInt8(ascii: "'"): return try quoted(start)
        default: return try symbol(start)
        }
    }

    private mutating func number(_ start: Int) throws(ExpressionFault) -> ExpressionToken {
        let isDigit: (UInt8) -> Bool = { (48...57).contains($0) }
        position = end(of: start, while: isDigit)
        var isReal = false
        if position + 1 < bytes.count, bytes[position] == UInt8(ascii: "."), isDigit(bytes[position + 1]) {
            isReal = true
            position = end(of: position + 1, while: isDigit)
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            var digits = position + 1
            if digits < bytes.count, bytes[digits] == UInt8(ascii: "-") || bytes[digits] == UInt8(ascii: "+") {
                digits += 1
            }
            let stop = end(of: digits, while: isDigit)
            if stop > digits {
                isReal = true
                position = stop
            }
        }
        if position < bytes.count, isNameByte(bytes[position]) {
            throw ExpressionFault(
                "a number goes on with a letter", at: start, fix: "put a space or an operator between")
        }
        let text = text(start)
        if isReal {
            guard let value = Double(text), value.isFinite else {
                throw ExpressionFault("`\(text)` is beyond what a float64 holds", at: start)
            }
            return ExpressionToken(kind: .real(value), offset: start)
        }
        guard let value = Int64(text) else {
            throw ExpressionFault("`\(text)` is beyond what an int64 holds", at: start, fix: "write it as \(text).0")
        }
        return ExpressionToken(kind: .integer(value), offset: start)
    }

    /// A text in single quotes; a doubled quote stands for one.
    private mutating func quoted(_ start: Int) throws(ExpressionFault) -> ExpressionToken {
        var content: [UInt8] = []
        position = start + 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte != UInt8(ascii: "'") {
                content.append(byte)
            } else if position < bytes.count, bytes[position] == byte {
                content.append(byte)
                position += 1
            } else {
                return ExpressionToken(kind: .text(String(decoding: content, as: UTF8.self)), offset: start)
            }
        }
        throw ExpressionFault("a text is not closed", at: start, fix: "end it with a single quote")
    }

    private mutating func symbol(_ start: Int) throws(ExpressionFault) -> ExpressionToken {
        let pair = String(decoding: bytes[start..<min(start + 2, bytes.count)], as: UTF8.self)
        if ["<=", ">=", "!="].contains(pair) {
            position = start + 2
            return ExpressionToken(kind: .symbol(pair), offset: start)
        }
        let wrong: [String: String] = [
            "==": "write `=`", "<>": "write `!=`", "&&": "write `and`", "||": "write `or`, or concat(…) for texts",
        ]
        if let fix = wrong[pair] { throw ExpressionFault("`\(pair)` is no operator", at: start, fix: fix) }
        let single = String(decoding: bytes[start..<start + 1], as: UTF8.self)
        if "+-*/%=<>(),.[]".utf8.contains(bytes[start]) {
            position = start + 1
            return ExpressionToken(kind: .symbol(single), offset: start)
        }
        if bytes[start] == UInt8(ascii: "\"") {
            throw ExpressionFault("a text stands in single quotes", at: start, fix: "write it as 'text'")
        }
        let character = String(decoding: bytes[start...].prefix(4), as: UTF8.self).prefix(1)
        let fix = character == "!" ? "write `not`" : nil
        throw ExpressionFault("`\(character)` has no meaning here", at: start, fix: fix)
    }

    private func text(_ start: Int) -> String { String(decoding: bytes[start..<position], as: UTF8.self) }

    private func end(of start: Int, while isPart: (UInt8) -> Bool) -> Int {
        var end = start
        while end < bytes.count, isPart(bytes[end]) { end += 1 }
        return end
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || byte == 95
    }
}
