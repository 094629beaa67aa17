package import MartletCore
package import MartletDefinitions

/// Expressions made ready: a list of steps, each of which makes a column from columns made before. Equal parts of the
/// expressions are one step.
package struct ExpressionProgram: Sendable, Hashable {
    /// What the steps read, each once.
    package private(set) var inputs: [ExpressionInput] = []
    /// The type of each result.
    package private(set) var types: [DataType] = []
    /// The step that makes each result.
    private(set) var results: [Int] = []
    private(set) var steps: [Step] = []

    enum Step: Sendable, Hashable {
        /// Index into `inputs`.
        case input(Int, ExpressionType)
        case constant(Value, ExpressionType)
        /// The operands are steps before this one.
        case apply(ExpressionOperation, [Int])
    }

    /// - Parameters:
    ///   - expressions: of one derived view, by name.
    ///   - wanted: the names of the results, in their order; nil means all. What they do not need is left out.
    ///   - view: the name of that view: its features are read where they are made.
    package init(
        _ expressions: [(name: String, expression: TypedExpression)], wanted: [String]? = nil, of view: String
    ) {
        var compiler = ExpressionCompiler(expressions, view)
        for name in wanted ?? expressions.map(\.name) {
            guard let made = compiler.feature(name) else { preconditionFailure("a program is made of known features") }
            results.append(made.step)
            types.append(made.type.dataType)
        }
        steps = compiler.steps
        inputs = compiler.inputs
    }
}

/// Turns trees into steps.
private struct ExpressionCompiler {
    private let view: String
    private let expressions: [String: TypedExpression]
    private(set) var steps: [ExpressionProgram.Step] = []
    private(set) var inputs: [ExpressionInput] = []
    private var numbers: [ExpressionProgram.Step: Int] = [:]
    private var features: [String: Int] = [:]

    init(_ expressions: [(name: String, expression: TypedExpression)], _ view: String) {
        self.view = view
        self.expressions = Dictionary(expressions.map { ($0.name, $0.expression) }) { first, _ in first }
    }

    /// Recursion ends because the definitions refuse circles and bound chains.
    mutating func feature(_ name: String) -> (step: Int, type: ExpressionType)? {
        guard let expression = expressions[name] else { return nil }
        if let known = features[name] { return (known, expression.type) }
        let step = self.step(expression)
        features[name] = step
        return (step, expression.type)
    }

    private mutating func step(_ expression: TypedExpression) -> Int {
        switch expression {
        case .literal(.float64(let value), let type) where value == 0 && value.sign == .minus:
            // Equal to 0.0 and not the same: it must not share its step.
            return number(.apply(.negate, [number(.constant(.float64(0), type))]))
        case .literal(let value, let type): return number(.constant(value, type))
        case .input(let input, let type):
            if case .feature(view, let name) = input, let own = feature(name) { return own.step }
            let index = inputs.firstIndex(of: input) ?? inputs.count
            if index == inputs.count { inputs.append(input) }
            return number(.input(index, type))
        case .apply(let operation, let operands, _):
            return number(.apply(operation, operands.map { step($0) }))
        }
    }

    private mutating func number(_ step: ExpressionProgram.Step) -> Int {
        if let known = numbers[step] { return known }
        numbers[step] = steps.count
        steps.append(step)
        return steps.count - 1
    }
}
