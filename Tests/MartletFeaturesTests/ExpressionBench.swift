import MartletCore
import MartletDefinitions
import MartletFeatures

/// Expressions over the request values of a derived view, from text to result: the way of a repository.
enum ExpressionBench {
    /// One request value of each type, and a second one of each that operations take two of.
    static let fields: [Field] = [
        Field("b", .bool), Field("c", .bool), Field("i", .int64), Field("j", .int64), Field("n", .int32),
        Field("x", .float64), Field("y", .float64), Field("f", .float32), Field("s", .string), Field("t", .string),
        Field("p", .timestamp), Field("q", .timestamp), Field("z", .bytes),
    ]

    /// Lists and maps, which come from features alone.
    static let nested: [Field] = [
        Field("lb", .list(.bool)), Field("li", .list(.int64)), Field("ln", .list(.int32)), Field("lx", .list(.float64)),
        Field("lf", .list(.float32)), Field("ls", .list(.string)), Field("lp", .list(.timestamp)),
        Field("mi", .map(.int64)), Field("mx", .map(.float64)), Field("ms", .map(.string)),
    ]

    /// What random expressions read.
    static let inputs = fields + nested

    static func view(_ features: [(String, String)]) throws -> DerivedView {
        let request = fields.map { "\($0.name): \($0.type)" }.joined(separator: ", ")
        // JSON's quotes are YAML's, too.
        let lines = features.map { "  \($0.0): \(JSONValue.string($0.1).text)" }.joined(separator: "\n")
        let text = "features: v\nrequest: {\(request)}\nderived:\n\(lines)\n"
        let read = RepositoryText(checking: [.init(path: "a.yaml", text: text)]) {
            .failure(MartletError(.notFound, "no file \($0)"))
        }
        if let fault = read.faults.first { throw fault }
        guard case .features(let view) = read.definitions.first else {
            throw MartletError(.internalFault, "the view is there")
        }
        // As the registry gives it back.
        guard case .features(let stored) = try Definition(canonical: Definition.features(view).canonicalText) else {
            throw MartletError(.internalFault, "the text is the view's")
        }
        return try DerivedView(stored, version: 1)
    }

    /// - Parameter values: a column for each field that the expression reads.
    static func evaluate(_ expression: String, _ values: [String: Column] = [:], count: Int = 1) throws -> Column {
        let plan = try DerivedPlan(
            [FeatureReference(view: "v", feature: "r")], derived: ["v": view([("r", expression)])])
        let request = plan.request.map { values[$0.name] ?? Column.nulls($0.type, count: count) }
        return try plan.evaluate(stored: { _ in Column(.bool([])) }, request: request, count: count)[0]
    }

    static func value(_ expression: String, _ values: [String: Value] = [:]) throws -> Value {
        let columns = values.map { name, value in
            var builder = ColumnBuilder(fields.first { $0.name == name }?.type ?? .bool)
            builder.append(value)
            return (name, builder.finish())
        }
        return try evaluate(expression, Dictionary(uniqueKeysWithValues: columns))[0]
    }
}
