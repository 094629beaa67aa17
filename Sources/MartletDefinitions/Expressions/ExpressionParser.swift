internal import MartletCore

/// Reads an expression:
///
///     expression := operand (operator operand)*      with the usual precedence, left to right
///     operators  := or | and | not | = != < <= > >= | is [not] null | [not] in [...] | + - | * / % | -
///     operand    := number | 'text' | true | false | null | name | view.name | name(arguments) | (expression)
///                 | case when … then … [else …] end
///
/// A comparison of a comparison is refused. Recursion is bounded by `ExpressionLimits.maximumDepth`.
struct ExpressionParser {
    private let tokens: [ExpressionToken]
    private var position = 0
    private var nodeCount = 0
    private var nesting = 0

    static let words: Set<String> = [
        "and", "or", "not", "is", "null", "in", "true", "false", "case", "when", "then", "else", "end",
    ]

    static func parse(_ text: String) throws(ExpressionFault) -> ExpressionSyntax {
        var parser = ExpressionParser(tokens: try ExpressionLexer.tokens(of: text))
        if parser.token.kind == .end { throw ExpressionFault("the expression is empty", at: 0) }
        let result = try parser.expression(0)
        guard parser.token.kind == .end else { throw parser.unexpected("an operator or the end") }
        return result
    }

    private init(tokens: [ExpressionToken]) { self.tokens = tokens }

    private var token: ExpressionToken { tokens[position] }

    private mutating func advance() { position += 1 }

    private func unexpected(_ wanted: String) -> ExpressionFault {
        ExpressionFault("\(token.phrase) stands where \(wanted) is expected", at: token.offset)
    }

    private mutating func node(
        _ kind: ExpressionSyntax.Kind, _ offset: Int, _ children: ExpressionSyntax...
    ) throws(ExpressionFault) -> ExpressionSyntax {
        try node(kind, offset, children)
    }

    private mutating func node(
        _ kind: ExpressionSyntax.Kind, _ offset: Int, _ children: [ExpressionSyntax]
    ) throws(ExpressionFault) -> ExpressionSyntax {
        nodeCount += 1
        guard nodeCount <= ExpressionLimits.maximumNodes else {
            throw ExpressionFault(
                "the expression has more than \(ExpressionLimits.maximumNodes) parts", at: offset,
                fix: "make a part of it a derived feature of its own", .limitExceeded)
        }
        let depth = 1 + children.reduce(0) { max($0, $1.depth) }
        guard depth <= ExpressionLimits.maximumDepth else { throw tooDeep(offset) }
        return ExpressionSyntax(kind: kind, offset: offset, depth: depth)
    }

    private func tooDeep(_ offset: Int) -> ExpressionFault {
        ExpressionFault(
            "the expression is nested deeper than \(ExpressionLimits.maximumDepth)", at: offset,
            fix: "make a part of it a derived feature of its own", .limitExceeded)
    }

    private enum Level {
        static let or = 1
        static let and = 2
        static let not = 3
        static let comparison = 4
        static let sum = 5
        static let product = 6
    }

    /// The level of the operator at the token; nil where there is none.
    private var level: Int? {
        switch token.kind {
        case .name("or"): Level.or
        case .name("and"): Level.and
        case .name("is"), .name("in"), .name("not"): Level.comparison
        case .symbol("="), .symbol("!="), .symbol("<"), .symbol("<="), .symbol(">"), .symbol(">="): Level.comparison
        case .symbol("+"), .symbol("-"): Level.sum
        case .symbol("*"), .symbol("/"), .symbol("%"): Level.product
        default: nil
        }
    }

    /// An expression of operators of at least this level.
    private mutating func expression(_ least: Int) throws(ExpressionFault) -> ExpressionSyntax {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= ExpressionLimits.maximumDepth else { throw tooDeep(token.offset) }
        var left: ExpressionSyntax
        if case .name("not") = token.kind {
            let offset = token.offset
            guard least <= Level.not else { throw unexpected("a value") }
            advance()
            let operand = try expression(Level.not)
            left = try node(.not(operand), offset, operand)
        } else {
            left = try operand()
        }
        var hasComparison = false
        while let level, level >= least {
            if level == Level.comparison {
                guard !hasComparison else {
                    throw ExpressionFault(
                        "a comparison is compared", at: token.offset, fix: "write a < b and b < c, or use brackets")
                }
                hasComparison = true
            } else if level < Level.comparison {
                hasComparison = false
            }
            left = try operation(on: left, level)
        }
        return left
    }

    private mutating func operation(
        on left: ExpressionSyntax, _ level: Int
    ) throws(ExpressionFault) -> ExpressionSyntax {
        let offset = token.offset
        switch token.kind {
        case .name("is"):
            advance()
            let isNegated = take("not")
            guard take("null") else { throw unexpected("`null`") }
            return try node(.isNull(left, isNegated: isNegated), offset, left)
        case .name("in"):
            advance()
            return try member(left, isNegated: false, offset)
        case .name("not"):
            advance()
            guard take("in") else { throw unexpected("`in`") }
            return try member(left, isNegated: true, offset)
        case .name(let name), .symbol(let name):
            advance()
            // `not` binds looser than everything below `and`, so it can follow only these.
            let right = try expression(level + 1)
            return try node(.binary(name, left, right), offset, left, right)
        default: throw unexpected("an operator")
        }
    }

    private mutating func member(
        _ left: ExpressionSyntax, isNegated: Bool, _ offset: Int
    ) throws(ExpressionFault) -> ExpressionSyntax {
        guard takeSymbol("[") else { throw unexpected("`[`") }
        let items = try list(until: "]")
        guard !items.isEmpty else { throw ExpressionFault("the list is empty", at: offset) }
        return try node(.member(left, items, isNegated: isNegated), offset, [left] + items)
    }

    private mutating func list(until close: String) throws(ExpressionFault) -> [ExpressionSyntax] {
        if takeSymbol(close) { return [] }
        var items: [ExpressionSyntax] = []
        while true {
            items.append(try expression(0))
            if takeSymbol(close) { return items }
            guard takeSymbol(",") else { throw unexpected("`,` or `\(close)`") }
        }
    }

    private mutating func operand() throws(ExpressionFault) -> ExpressionSyntax {
        let offset = token.offset
        switch token.kind {
        case .integer(let value):
            advance()
            return try node(.literal(.int64(value)), offset)
        case .real(let value):
            advance()
            return try node(.literal(.float64(value)), offset)
        case .text(let value):
            advance()
            return try node(.literal(.string(value)), offset)
        case .symbol("-"):
            advance()
            nesting += 1
            defer { nesting -= 1 }
            guard nesting <= ExpressionLimits.maximumDepth else { throw tooDeep(offset) }
            let operand = try operand()
            return try node(.negation(operand), offset, operand)
        case .symbol("("):
            advance()
            let inner = try expression(0)
            guard takeSymbol(")") else { throw unexpected("`)`") }
            return inner
        case .name(let name): return try named(name, offset)
        case .symbol, .end: throw unexpected("a value")
        }
    }

    private mutating func named(_ name: String, _ offset: Int) throws(ExpressionFault) -> ExpressionSyntax {
        switch name {
        case "true", "false":
            advance()
            return try node(.literal(.bool(name == "true")), offset)
        case "null":
            advance()
            return try node(.literal(.null), offset)
        case "case":
            advance()
            return try cases(offset)
        case _ where Self.words.contains(name): throw unexpected("a value")
        default: break
        }
        guard isIdentifier(name) else {
            let lower = name.lowercased()
            let fix = isIdentifier(lower) || Self.words.contains(lower) ? "write `\(lower)`" : nil
            throw ExpressionFault("`\(name)` is not a name", at: offset, fix: fix)
        }
        advance()
        if takeSymbol("(") {
            let arguments = try list(until: ")")
            return try node(.call(name, arguments), offset, arguments)
        }
        guard takeSymbol(".") else { return try node(.name(qualifier: nil, name), offset) }
        guard case .name(let member) = token.kind, isIdentifier(member) else { throw unexpected("a name") }
        advance()
        return try node(.name(qualifier: name, member), offset)
    }

    private mutating func cases(_ offset: Int) throws(ExpressionFault) -> ExpressionSyntax {
        var branches: [(when: ExpressionSyntax, then: ExpressionSyntax)] = []
        while take("when") {
            let condition = try expression(0)
            guard take("then") else { throw unexpected("`then`") }
            branches.append((condition, try expression(0)))
        }
        guard !branches.isEmpty else { throw unexpected("`when`") }
        // Each branch holds those after it.
        guard branches.count < ExpressionLimits.maximumDepth else { throw tooDeep(offset) }
        let otherwise = take("else") ? try expression(0) : nil
        guard take("end") else { throw unexpected("`when`, `else` or `end`") }
        let children = branches.flatMap { [$0.when, $0.then] } + (otherwise.map { [$0] } ?? [])
        return try node(.cases(branches, otherwise: otherwise), offset, children)
    }

    private mutating func take(_ word: String) -> Bool {
        guard token.kind == .name(word) else { return false }
        advance()
        return true
    }

    private mutating func takeSymbol(_ symbol: String) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        advance()
        return true
    }
}
