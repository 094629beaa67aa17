import MartletCore
import MartletDefinitions
import MartletFeatures
import Testing

@Suite("Expressions over lists and maps")
struct ExpressionElementTests {
    private static let columns: [(String, Value)] = [
        ("ints", .list([.int32(3), .int32(-1), .int32(3)])),
        ("reals", .list([.float32(0.5), .float32(.nan), .float32(2)])),
        ("texts", .list([.string("a"), .string("é")])), ("none", .list([])), ("missing", .null),
        ("counts", .map(["a": .int64(2), "b": .int64(5)])), ("names", .map(["x": .string("y")])),
        ("huge", .list([.int64(.max), .int64(1), .int64(-1)])), ("one", .int64(1)),
    ]
    private static let types = [
        "ints": "list<int32>", "reals": "list<float32>", "texts": "list<string>", "none": "list<float64>",
        "missing": "list<int64>", "counts": "map<string,int64>", "names": "map<string,string>", "huge": "list<int64>",
        "one": "int64",
    ]

    private func derived(_ expression: String) throws -> DerivedView {
        let columns = Self.columns.map { "  \($0.0): {type: \"\(Self.types[$0.0] ?? "")\"}" }.joined(separator: "\n")
        let text = """
            entity: user
            key: id
            type: int64
            ---
            source: users
            columns:
              id: int64
              at: timestamp
            \(columns)
            event_time: at
            ---
            features: profile
            entity: user
            source: users
            latest: [\(Self.columns.map(\.0).joined(separator: ", "))]
            ---
            features: v
            derived:
              r: \(JSONValue.string(expression).text)
            """
        let read = RepositoryText(checking: [.init(path: "a.yaml", text: text)]) {
            .failure(MartletError(.notFound, "no file \($0)"))
        }
        if let fault = read.faults.first { throw fault }
        for case .features(let view) in read.definitions where view.isDerived {
            // As the registry gives it back.
            guard case .features(let stored) = try Definition(canonical: Definition.features(view).canonicalText) else {
                break
            }
            return try DerivedView(stored, version: 1)
        }
        throw MartletError(.internalFault, "the view is there")
    }

    private func value(_ expression: String) throws -> Value {
        let plan = try DerivedPlan(
            [FeatureReference(view: "v", feature: "r")], derived: ["v": derived(expression)])
        return try plan.evaluate(
            stored: { index in
                let name = plan.stored[index].feature
                var builder = ColumnBuilder(DataType(rawValue: Self.types[name] ?? "") ?? .bool)
                // Among other rows: each reads its own elements alone.
                builder.append(.null)
                builder.append(Self.columns.first { $0.0 == name }?.1 ?? .null)
                return builder.finish()
            }, request: [], count: 2)[0][1]
    }

    @Test(
        "say what the elements say",
        arguments: [
            ("length(ints)", Value.int64(3)), ("length(none)", .int64(0)), ("length(counts)", .int64(2)),
            ("length(missing)", .null), ("missing is null", .bool(true)), ("none is null", .bool(false)),
            ("contains(ints, -1)", .bool(true)), ("contains(ints, 2)", .bool(false)),
            ("contains(reals, 2)", .bool(true)), ("contains(texts, 'e')", .bool(false)),
            ("contains(texts, 'é')", .bool(true)), ("contains(counts, 'b')", .bool(true)),
            ("contains(missing, 1)", .null), ("contains(ints, null)", .null),
            ("element(ints, 1)", .int64(3)), ("element(ints, -2)", .int64(-1)), ("element(ints, 0)", .null),
            ("element(ints, 4)", .null), ("element(ints, -9223372036854775807 - 1)", .null),
            ("element(reals, 2)", .null), ("element(reals, 3)", .float64(2)), ("element(texts, one)", .string("a")),
            ("element(counts, 'b')", .int64(5)), ("element(counts, 'c')", .null), ("element(names, 'x')", .string("y")),
            ("coalesce(element(counts, 'c'), 0) + 1", .int64(1)),
            ("sum(ints)", .int64(5)), ("sum(reals)", .float64(2.5)), ("sum(none)", .float64(0)),
            ("sum(counts)", .int64(7)), ("sum(huge)", .null), ("sum(missing)", .null),
            ("mean(ints)", .float64(5.0 / 3)), ("mean(reals)", .float64(1.25)), ("mean(none)", .null),
            ("min(ints)", .int64(-1)), ("max(reals)", .float64(2)), ("max(none)", .null), ("max(counts)", .int64(5)),
            ("max(max(ints), length(ints), 4)", .int64(4)),
            ("if(contains(profile.ints, one), 'yes', 'no')", .string("no")),
        ])
    func values(expression: String, expected: Value) throws {
        #expect(try value(expression) == expected)
    }

    @Test(
        "are refused where they have no meaning, with the reason",
        arguments: [
            ("ints", "the expression is a list<int64>, and a derived feature is one value"),
            ("ints = ints", "`=` takes single values, not a list<int64>"),
            ("coalesce(ints, none)", "`coalesce` takes single values"),
            ("if(true, ints, ints)", "`if` takes single values"), ("ints + 1", "`+` needs numbers, not a list<int64>"),
            ("sum(texts)", "`sum` does not take a list<string>"), ("sum(one)", "`sum` needs a list or a map"),
            ("sum()", "`sum` does not take 0 arguments"), ("sum(ints, 1)", "does not take 2 arguments"),
            ("element(ints)", "does not take 1 arguments"),
            ("element(ints, 'a')", "`element` of a list<int64> needs an int64, not a string"),
            ("element(counts, 1)", "`element` of a map<string,int64> needs a string, not an int64"),
            ("contains(texts, 1)", "needs a string, not an int64"), ("lower(texts)", "needs a string"),
            ("max(texts)", "`max` does not take a list<string>"), ("ints in [1]", "takes single values"),
        ])
    func refusals(expression: String, message: String) {
        do {
            _ = try derived(expression)
            Issue.record("\(expression) is taken")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }
}
