/// A function that expressions may call: how many arguments it takes and of which types.
struct ExpressionFunction {
    enum Rule {
        /// Arguments of exactly these types; whole numbers widen to float64. The last may be left out as often as
        /// `optional` says.
        case fixed([ExpressionType], ExpressionType, optional: Int = 0)
        /// One number; the result has its type.
        case sameNumber
        /// Two or more numbers or timestamps of one type, which is the result's.
        case extreme
        /// Two or more texts.
        case texts
        /// One or more values of any one type, which is the result's.
        case coalesce
        /// A condition and two values of any one type, which is the result's.
        case choice
        /// A cast from one of these types.
        case cast(from: Set<ExpressionType>, to: ExpressionType)
        /// A list or a map: see `ofElements`.
        case elements
    }

    let operation: ExpressionOperation
    let rule: Rule
    /// For messages: `substring(text, from, count)`.
    let usage: String

    static let all: [String: ExpressionFunction] = [
        "coalesce": .init(operation: .coalesce, rule: .coalesce, usage: "coalesce(value, other, …)"),
        "if": .init(operation: .choose, rule: .choice, usage: "if(condition, value, other)"),
        "min": .init(operation: .minimum, rule: .extreme, usage: "min(value, other, …)"),
        "max": .init(operation: .maximum, rule: .extreme, usage: "max(value, other, …)"),
        "abs": .init(operation: .absolute, rule: .sameNumber, usage: "abs(number)"),
        "floor": .init(operation: .floor, rule: .sameNumber, usage: "floor(number)"),
        "ceil": .init(operation: .ceil, rule: .sameNumber, usage: "ceil(number)"),
        "round": .init(operation: .round, rule: .sameNumber, usage: "round(number)"),
        "sqrt": .init(operation: .squareRoot, rule: .fixed([.real], .real), usage: "sqrt(number)"),
        "ln": .init(operation: .naturalLogarithm, rule: .fixed([.real], .real), usage: "ln(number)"),
        "exp": .init(operation: .exponential, rule: .fixed([.real], .real), usage: "exp(number)"),
        "pow": .init(operation: .power, rule: .fixed([.real, .real], .real), usage: "pow(number, exponent)"),
        "lower": .init(operation: .lower, rule: .fixed([.text], .text), usage: "lower(text)"),
        "upper": .init(operation: .upper, rule: .fixed([.text], .text), usage: "upper(text)"),
        "trim": .init(operation: .trim, rule: .fixed([.text], .text), usage: "trim(text)"),
        "length": .init(operation: .length, rule: .fixed([.text], .integer), usage: "length(text)"),
        "concat": .init(operation: .concat, rule: .texts, usage: "concat(text, other, …)"),
        "contains": .init(
            operation: .contains, rule: .fixed([.text, .text], .bool), usage: "contains(text, part)"),
        "starts_with": .init(
            operation: .startsWith, rule: .fixed([.text, .text], .bool), usage: "starts_with(text, part)"),
        "ends_with": .init(
            operation: .endsWith, rule: .fixed([.text, .text], .bool), usage: "ends_with(text, part)"),
        "substring": .init(
            operation: .substring, rule: .fixed([.text, .integer, .integer], .text, optional: 1),
            usage: "substring(text, from, count)"),
        "hour": .init(operation: .hour, rule: .fixed([.timestamp], .integer), usage: "hour(timestamp)"),
        "day_of_week": .init(
            operation: .dayOfWeek, rule: .fixed([.timestamp], .integer), usage: "day_of_week(timestamp)"),
        "day": .init(operation: .day, rule: .fixed([.timestamp], .integer), usage: "day(timestamp)"),
        "month": .init(operation: .month, rule: .fixed([.timestamp], .integer), usage: "month(timestamp)"),
        "year": .init(operation: .year, rule: .fixed([.timestamp], .integer), usage: "year(timestamp)"),
        "days_between": .init(
            operation: .daysBetween, rule: .fixed([.timestamp, .timestamp], .real), usage: "days_between(from, to)"),
        "seconds_between": .init(
            operation: .secondsBetween, rule: .fixed([.timestamp, .timestamp], .real),
            usage: "seconds_between(from, to)"),
        "element": .init(operation: .elementAt, rule: .elements, usage: elementUsage("element")),
        "sum": .init(operation: .elementSum, rule: .elements, usage: elementUsage("sum")),
        "mean": .init(operation: .elementMean, rule: .elements, usage: elementUsage("mean")),
        "float64": .init(
            operation: .toReal, rule: .cast(from: [.integer, .real, .bool, .text], to: .real), usage: "float64(value)"),
        "int64": .init(
            operation: .toInteger, rule: .cast(from: [.integer, .real, .bool, .text], to: .integer),
            usage: "int64(value)"),
        "string": .init(
            operation: .toText, rule: .cast(from: [.integer, .real, .bool, .text, .timestamp], to: .text),
            usage: "string(value)"),
        "timestamp": .init(
            operation: .toTimestamp, rule: .cast(from: [.text, .timestamp], to: .timestamp),
            usage: "timestamp('2026-05-01T12:30:00Z')"),
    ]

    /// What users of other languages write.
    static let otherNames: [String: String] = [
        "len": "length", "size": "length", "cardinality": "length", "get": "element", "list_extract": "element",
        "avg": "mean", "list_contains": "contains", "log": "ln", "power": "pow", "ceiling": "ceil",
        "substr": "substring", "iif": "if",
        "ifnull": "coalesce", "nvl": "coalesce", "least": "min", "greatest": "max", "double": "float64",
        "bigint": "int64", "varchar": "string", "text": "string", "dayofweek": "day_of_week", "weekday": "day_of_week",
        "startswith": "starts_with", "endswith": "ends_with", "concatenate": "concat", "toupper": "upper",
        "tolower": "lower", "sqroot": "sqrt", "int": "int64", "float": "float64", "str": "string",
    ]
}
