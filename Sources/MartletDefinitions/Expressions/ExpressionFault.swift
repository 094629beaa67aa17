package import MartletCore

/// What is wrong with an expression, and where in its text.
package struct ExpressionFault: Error, Sendable {
    package let message: String
    package let fix: String?
    /// The byte of the text at which the fault lies.
    package let offset: Int
    package let code: MartletError.Code

    package init(
        _ message: String, at offset: Int, fix: String? = nil, _ code: MartletError.Code = .invalidDefinition
    ) {
        self.message = message
        self.fix = fix
        self.offset = offset
        self.code = code
    }

    /// Line and column within the text, counted from 1; columns are Unicode code points, as YAML counts them.
    package func position(in text: String) -> (line: Int, column: Int) {
        let before = text.utf8.prefix(offset)
        let line = before.count { $0 == 10 } + 1
        let start = before.lastIndex(of: 10).map { before.index(after: $0) } ?? before.startIndex
        // A continuation byte begins no code point.
        return (line, before[start...].count { $0 & 0xC0 != 0x80 } + 1)
    }
}

/// What an expression may cost. The bounds are part of the language: the same for everybody.
package enum ExpressionLimits {
    /// The length of its text.
    package static let maximumLengthBytes = 8_192
    /// Operations within each other.
    package static let maximumDepth = 100
    /// Literals, names and operations together.
    package static let maximumNodes = 2_000
    /// Values that a request gives to one view: as many as a request has columns, less one for a key.
    package static let maximumRequestValues = 63
    /// The length of a text that `concat` makes; a longer one is null.
    package static let maximumTextBytes = 65_536
}
