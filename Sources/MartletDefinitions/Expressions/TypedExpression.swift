package import MartletCore

/// A value that an expression reads.
package enum ExpressionInput: Sendable, Hashable, CustomStringConvertible {
    /// Given with the request; in a training set a column of the labels.
    case request(String)
    case feature(view: String, name: String)

    /// As expressions write it.
    package var description: String {
        switch self {
        case .request(let name): "request.\(name)"
        case .feature(let view, let name): "\(view).\(name)"
        }
    }
}

/// An expression with its names and types resolved: what is compiled.
package indirect enum TypedExpression: Sendable, Hashable {
    /// A null has a type, too.
    case literal(Value, ExpressionType)
    case input(ExpressionInput, ExpressionType)
    /// The operands have the types that the operation takes.
    case apply(ExpressionOperation, [TypedExpression], ExpressionType)

    package var type: ExpressionType {
        switch self {
        case .literal(_, let type), .input(_, let type), .apply(_, _, let type): type
        }
    }

    /// What it reads, duplicates too.
    package var inputs: [ExpressionInput] {
        switch self {
        case .literal: []
        case .input(let input, _): [input]
        case .apply(_, let operands, _): operands.flatMap(\.inputs)
        }
    }
}

/// What expressions can do with values. `docs/definitions.md` says what each means; the kernels that do it are in
/// `MartletFeatures/Expressions`.
package enum ExpressionOperation: Sendable, Hashable {
    // Two numbers of one type; `divide` of float64 only.
    case add, subtract, multiply, divide, remainder
    case negate, absolute, floor, ceil, round
    // float64
    case squareRoot, naturalLogarithm, exponential, power
    // Two values of one type.
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    case and, or, not
    case isNull
    /// A condition and two values of one type.
    case choose
    // Any number of values of one type.
    case coalesce, minimum, maximum
    case lower, upper, trim, length, concat, contains, startsWith, endsWith
    /// A text, the first code point counted from 1, and how many.
    case substring
    case hour, dayOfWeek, day, month, year
    // From the first to the second timestamp.
    case daysBetween, secondsBetween
    case toInteger, toReal, toText, toTimestamp
    // Of a list, or of the values of a map.
    case elementCount, elementSum, elementMean, elementMinimum, elementMaximum
    /// A list and a value of its elements' type.
    case hasElement
    /// A list and a place, counted from 1, or from -1 at the end.
    case elementAt
    // A map and a text.
    case hasKey, valueOfKey
}
