internal import MartletCore

/// What a name of an expression turned out to be.
enum ExpressionName {
    case input(ExpressionInput, DataType)
    /// Of a definition whose faults are reported where they stand.
    case faulty
}

/// Gives an expression its types and refuses what does not fit. Whole numbers widen to float64 where one is needed;
/// nothing else is converted without a cast.
struct ExpressionChecker {
    /// Finds what a name means.
    let resolve: (_ qualifier: String?, _ name: String, _ offset: Int) throws(ExpressionFault) -> ExpressionName

    /// - Returns: nil where a name belongs to a definition that has faults of its own.
    func check(_ syntax: ExpressionSyntax) throws(ExpressionFault) -> TypedExpression? {
        let checked: Checked
        do throws(Stop) {
            checked = try expression(syntax)
        } catch {
            switch error {
            case .faulty: return nil
            case .fault(let fault): throw fault
            }
        }
        guard let type = checked.type else {
            throw ExpressionFault(
                "the type of the expression is not known: it is always null", at: syntax.offset,
                fix: "say which null it is, such as float64(null)")
        }
        guard type.element == nil else {
            throw ExpressionFault(
                "the expression is \(phrase(type)), and a derived feature is one value", at: syntax.offset,
                fix: "ask for one of its elements, as in element(list, 1)", .typeMismatch)
        }
        return checked.typed(type)
    }

    private enum Stop: Error {
        case fault(ExpressionFault)
        case faulty
    }

    /// A checked expression; without a type it is the word `null`.
    private struct Checked {
        var expression: TypedExpression?
        var type: ExpressionType? { expression?.type }
        let offset: Int

        /// As of this type: `null` takes it, a whole number widens.
        func typed(_ type: ExpressionType) -> TypedExpression {
            guard let expression else { return .literal(.null, type) }
            if expression.type == .integer, type == .real {
                if case .literal(.int64(let value), _) = expression { return .literal(.float64(Double(value)), .real) }
                return .apply(.toReal, [expression], .real)
            }
            return expression
        }
    }

    private func fault(
        _ message: String, _ offset: Int, fix: String? = nil, _ code: MartletError.Code = .typeMismatch
    ) -> Stop {
        .fault(ExpressionFault(message, at: offset, fix: fix, code))
    }

    private func expression(_ syntax: ExpressionSyntax) throws(Stop) -> Checked {
        let offset = syntax.offset
        func made(_ operation: ExpressionOperation, _ operands: [TypedExpression], _ type: ExpressionType) -> Checked {
            Checked(expression: .apply(operation, operands, type), offset: offset)
        }
        switch syntax.kind {
        case .literal(let value): return Checked(expression: literal(value), offset: offset)
        case .name(let qualifier, let name):
            return Checked(expression: try named(qualifier, name, offset), offset: offset)
        case .negation(let operand):
            let checked = try expression(operand)
            guard let type = checked.type, type.isNumber else {
                throw fault("`-` needs a number, not \(phrase(checked))", offset)
            }
            switch checked.expression {
            case .literal(.int64(let value), _):
                return Checked(expression: .literal(.int64(-value), type), offset: offset)
            case .literal(.float64(let value), _):
                return Checked(expression: .literal(.float64(-value), type), offset: offset)
            default: return made(.negate, [checked.typed(type)], type)
            }
        case .not(let operand):
            return made(.not, [try condition(operand, of: "`not`")], .bool)
        case .isNull(let operand, let isNegated):
            let checked = try expression(operand)
            let test = made(.isNull, [checked.typed(checked.type ?? .bool)], .bool)
            return isNegated ? made(.not, [test.typed(.bool)], .bool) : test
        case .binary(let name, let left, let right): return try binary(name, left, right, offset)
        case .member(let operand, let items, let isNegated): return try member(operand, items, isNegated, offset)
        case .call(let name, let arguments): return try call(name, arguments, offset)
        case .cases(let branches, let otherwise): return try cases(branches, otherwise, offset)
        }
    }

    private func literal(_ value: Value) -> TypedExpression? {
        switch value {
        case .bool: .literal(value, .bool)
        case .int64: .literal(value, .integer)
        case .float64: .literal(value, .real)
        case .string: .literal(value, .text)
        default: nil
        }
    }

    private func named(_ qualifier: String?, _ name: String, _ offset: Int) throws(Stop) -> TypedExpression {
        let found: ExpressionName
        do throws(ExpressionFault) {
            found = try resolve(qualifier, name, offset)
        } catch {
            throw Stop.fault(error)
        }
        guard case .input(let input, let type) = found else { throw Stop.faulty }
        return .input(input, ExpressionType(type))
    }

    private func condition(_ syntax: ExpressionSyntax, of use: String) throws(Stop) -> TypedExpression {
        let checked = try expression(syntax)
        guard checked.type == nil || checked.type == .bool else {
            throw fault("\(use) needs a bool, not \(phrase(checked))", syntax.offset, fix: "compare it with something")
        }
        return checked.typed(.bool)
    }

    /// For messages: `a float64`, `null`.
    private func phrase(_ checked: Checked) -> String { checked.type.map(phrase) ?? "null" }

    private func phrase(_ type: ExpressionType) -> String {
        type == .integer ? "an int64" : type == .bytes ? "bytes" : "a \(type.dataType)"
    }

    /// The one type of several values; nil where all are `null`.
    private func common(_ values: [Checked], of use: String) throws(Stop) -> ExpressionType? {
        var common: ExpressionType?
        for value in values {
            guard let type = value.type else { continue }
            guard type.element == nil else {
                throw fault(
                    "\(use) takes single values, not \(phrase(type))", value.offset,
                    fix: "ask for its elements, as in element(list, 1)")
            }
            if let known = common, known != type {
                guard known.isNumber, type.isNumber else {
                    throw fault(
                        "\(use) takes values of one type, not \(phrase(known)) and \(phrase(type))", value.offset,
                        fix: "convert one of them, as in string(…) or float64(…)")
                }
                common = .real
            } else {
                common = type
            }
        }
        return common
    }

    private func binary(
        _ name: String, _ left: ExpressionSyntax, _ right: ExpressionSyntax, _ offset: Int
    ) throws(Stop) -> Checked {
        switch name {
        case "and", "or":
            let operands = [try condition(left, of: "`\(name)`"), try condition(right, of: "`\(name)`")]
            return Checked(expression: .apply(name == "and" ? .and : .or, operands, .bool), offset: offset)
        case "+", "-", "*", "/", "%":
            return try arithmetic(name, [try expression(left), try expression(right)], offset)
        default: return try comparison(name, [try expression(left), try expression(right)], offset)
        }
    }

    private func arithmetic(_ name: String, _ operands: [Checked], _ offset: Int) throws(Stop) -> Checked {
        for operand in operands {
            guard let type = operand.type, !type.isNumber else { continue }
            let fix =
                switch (type, name) {
                case (.text, "+"): "join texts with concat(…)"
                case (.text, _): "convert it with float64(…) or int64(…)"
                case (.timestamp, _): "use seconds_between(from, to) or days_between(from, to)"
                default: "convert it with int64(…)"
                }
            throw fault("`\(name)` needs numbers, not \(phrase(type))", operand.offset, fix: fix)
        }
        guard var type = try common(operands, of: "`\(name)`") else {
            throw fault("`\(name)` of nothing but null", offset, fix: "say which null it is, such as float64(null)")
        }
        let operation: ExpressionOperation =
            switch name {
            case "+": .add
            case "-": .subtract
            case "*": .multiply
            case "/": .divide
            default: .remainder
            }
        // A quotient is not rounded: 3 / 2 is 1.5.
        if operation == .divide { type = .real }
        return Checked(expression: .apply(operation, operands.map { $0.typed(type) }, type), offset: offset)
    }

    private func comparison(_ name: String, _ operands: [Checked], _ offset: Int) throws(Stop) -> Checked {
        if operands.contains(where: { $0.type == nil }) {
            throw fault("a comparison with null is null, whatever the value", offset, fix: "write `is null`")
        }
        guard let type = try common(operands, of: "`\(name)`") else { throw fault("nothing is compared", offset) }
        let operation: ExpressionOperation =
            switch name {
            case "=": .equal
            case "!=": .notEqual
            case "<": .less
            case "<=": .lessOrEqual
            case ">": .greater
            default: .greaterOrEqual
            }
        if type == .bool || type == .bytes, operation != .equal, operation != .notEqual {
            throw fault("`\(name)` has no meaning for \(phrase(type))", offset, fix: "they can be equal or not")
        }
        return Checked(expression: .apply(operation, operands.map { $0.typed(type) }, .bool), offset: offset)
    }

    /// `x in [a, b]` is `x = a or x = b`.
    private func member(
        _ operand: ExpressionSyntax, _ items: [ExpressionSyntax], _ isNegated: Bool, _ offset: Int
    ) throws(Stop) -> Checked {
        var tests: [TypedExpression] = []
        let value = try expression(operand)
        for item in items {
            let checked = try expression(item)
            guard case .literal? = checked.expression else {
                throw fault("a list holds values as they are written, and no null", item.offset)
            }
            guard let test = try comparison("=", [value, checked], item.offset).expression else { continue }
            tests.append(test)
        }
        // As a balanced tree, so that a long list is not a deep expression.
        while tests.count > 1 {
            tests = stride(from: 0, to: tests.count, by: 2).map {
                $0 + 1 < tests.count ? .apply(.or, [tests[$0], tests[$0 + 1]], .bool) : tests[$0]
            }
        }
        return Checked(expression: isNegated ? .apply(.not, tests, .bool) : tests[0], offset: offset)
    }

    private func cases(
        _ branches: [(when: ExpressionSyntax, then: ExpressionSyntax)], _ otherwise: ExpressionSyntax?, _ offset: Int
    ) throws(Stop) -> Checked {
        var conditions: [TypedExpression] = []
        var values: [Checked] = []
        for branch in branches {
            conditions.append(try condition(branch.when, of: "`when`"))
            values.append(try expression(branch.then))
        }
        if let otherwise { values.append(try expression(otherwise)) }
        guard let type = try common(values, of: "`case`") else { return Checked(expression: nil, offset: offset) }
        var result = otherwise == nil ? .literal(.null, type) : values[values.count - 1].typed(type)
        for (condition, value) in zip(conditions, values).reversed() {
            result = .apply(.choose, [condition, value.typed(type), result], type)
        }
        return Checked(expression: result, offset: offset)
    }

    private func call(_ name: String, _ arguments: [ExpressionSyntax], _ offset: Int) throws(Stop) -> Checked {
        guard let function = ExpressionFunction.all[name] else {
            let fix =
                ExpressionFunction.otherNames[name].map { "did you mean `\($0)`?" }
                ?? suggestion(for: name, among: Array(ExpressionFunction.all.keys))
            throw fault("there is no function `\(name)`", offset, fix: fix, .invalidDefinition)
        }
        func check(_ count: ClosedRange<Int>) throws(Stop) {
            guard count.contains(arguments.count) else {
                throw fault(
                    "`\(name)` does not take \(arguments.count) argument\(arguments.count == 1 ? "" : "s")", offset,
                    fix: "write \(function.usage)", .invalidDefinition)
            }
        }
        func made(_ operands: [TypedExpression], _ type: ExpressionType) -> Checked {
            Checked(expression: .apply(function.operation, operands, type), offset: offset)
        }
        func refuse(_ argument: Checked, _ wanted: String) -> Stop {
            fault("`\(name)` needs \(wanted), not \(phrase(argument))", argument.offset, fix: "write \(function.usage)")
        }
        // Lists and maps come from features alone, so that a name has to stand there.
        if case .name? = arguments.first?.kind, ExpressionFunction.ofElements.contains(name) {
            let first = try expression(arguments[0])
            if first.type?.element != nil { return try elements(name, first, arguments, offset) }
        }
        switch function.rule {
        case .elements:
            guard let first = arguments.first else {
                throw fault("`\(name)` does not take 0 arguments", offset, fix: "write \(function.usage)")
            }
            throw refuse(try expression(first), "a list or a map")
        case .fixed(let types, let result, let optional):
            try check(types.count - optional...types.count)
            var operands: [TypedExpression] = []
            for (argument, type) in zip(arguments, types) {
                let checked = try expression(argument)
                guard checked.type == nil || checked.type == type || (checked.type == .integer && type == .real) else {
                    throw refuse(checked, phrase(type))
                }
                operands.append(checked.typed(type))
            }
            return made(operands, result)
        case .sameNumber:
            try check(1...1)
            let checked = try expression(arguments[0])
            guard let type = checked.type, type.isNumber else { throw refuse(checked, "a number") }
            return made([checked.typed(type)], type)
        case .extreme, .texts, .coalesce:
            var values: [Checked] = []
            for argument in arguments { values.append(try expression(argument)) }
            return try several(function, name, values, offset)
        case .choice:
            try check(3...3)
            let condition = try condition(arguments[0], of: "the condition of `if`")
            let values = [try expression(arguments[1]), try expression(arguments[2])]
            guard let type = try common(values, of: "`if`") else { return Checked(expression: nil, offset: offset) }
            return made([condition] + values.map { $0.typed(type) }, type)
        case .cast(let types, let result):
            try check(1...1)
            let checked = try expression(arguments[0])
            guard let type = checked.type else { return Checked(expression: .literal(.null, result), offset: offset) }
            guard types.contains(type) else {
                throw fault("\(phrase(type)) cannot become \(phrase(result))", checked.offset)
            }
            return type == result ? checked : made([checked.typed(type)], result)
        }
    }

    /// A function of a list or a map.
    private func elements(
        _ name: String, _ first: Checked, _ arguments: [ExpressionSyntax], _ offset: Int
    ) throws(Stop) -> Checked {
        guard let whole = first.expression, let made = ExpressionFunction.elements(name, whole.type) else {
            throw fault("`\(name)` does not take \(phrase(first))", first.offset)
        }
        let usage = ExpressionFunction.elementUsage(name)
        guard arguments.count == (made.other == nil ? 1 : 2) else {
            throw fault(
                "`\(name)` of \(phrase(first)) does not take \(arguments.count) arguments", offset,
                fix: "write \(usage)", .invalidDefinition)
        }
        var operands = [whole]
        if let wanted = made.other {
            let other = try expression(arguments[1])
            guard other.type == nil || other.type == wanted || (other.type == .integer && wanted == .real) else {
                throw fault(
                    "`\(name)` of \(phrase(first)) needs \(phrase(wanted)), not \(phrase(other))", other.offset,
                    fix: "write \(usage)")
            }
            operands.append(other.typed(wanted))
        }
        return Checked(expression: .apply(made.operation, operands, made.result), offset: offset)
    }

    /// Functions of any number of values of one type.
    private func several(
        _ function: ExpressionFunction, _ name: String, _ values: [Checked], _ offset: Int
    ) throws(Stop) -> Checked {
        let least = if case .coalesce = function.rule { 1 } else { 2 }
        guard values.count >= least else {
            throw fault(
                "`\(name)` needs at least \(least) values", offset, fix: "write \(function.usage)", .invalidDefinition)
        }
        guard let type = try common(values, of: "`\(name)`") else { return Checked(expression: nil, offset: offset) }
        switch function.rule {
        case .texts where type != .text:
            throw fault("`\(name)` needs texts, not \(phrase(type))", offset, fix: "convert them with string(…)")
        case .extreme where !type.isNumber && type != .timestamp:
            throw fault("`\(name)` needs numbers or timestamps, not \(phrase(type))", offset)
        default: break
        }
        return Checked(
            expression: .apply(function.operation, values.map { $0.typed(type) }, type), offset: offset)
    }
}
