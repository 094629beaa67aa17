internal import MartletCore

/// An expression as it is written, before names and types are known.
struct ExpressionSyntax {
    indirect enum Kind {
        case literal(Value)
        /// `view.feature`, `request.name`, or a bare name.
        case name(qualifier: String?, String)
        case negation(ExpressionSyntax)
        case not(ExpressionSyntax)
        case binary(String, ExpressionSyntax, ExpressionSyntax)
        case isNull(ExpressionSyntax, isNegated: Bool)
        case member(ExpressionSyntax, [ExpressionSyntax], isNegated: Bool)
        case call(String, [ExpressionSyntax])
        case cases([(when: ExpressionSyntax, then: ExpressionSyntax)], otherwise: ExpressionSyntax?)
    }

    let kind: Kind
    /// The byte of the text that faults point to.
    let offset: Int
    /// The levels of this node and of those below it.
    let depth: Int
}

extension ExpressionSyntax {
    /// Every name with its qualifier, duplicates too, in the order of the text.
    var names: [(qualifier: String?, name: String)] {
        switch kind {
        case .literal: []
        case .name(let qualifier, let name): [(qualifier, name)]
        case .negation(let operand), .not(let operand), .isNull(let operand, _): operand.names
        case .binary(_, let left, let right): left.names + right.names
        case .member(let operand, let items, _): operand.names + items.flatMap(\.names)
        case .call(_, let operands): operands.flatMap(\.names)
        case .cases(let branches, let otherwise):
            branches.flatMap { $0.when.names + $0.then.names } + (otherwise?.names ?? [])
        }
    }
}
