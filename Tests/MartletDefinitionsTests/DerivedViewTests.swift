import MartletCore
import MartletDefinitions
import Testing

@Suite("Views that use other views")
struct DerivedViewTests {
    private static let base = """
        entity: customer
        key: customer_id
        type: int64
        ---
        entity: merchant
        key: merchant_id
        type: int64
        ---
        source: payments
        columns:
          customer_id: int64
          merchant_id: int64
          shop: string
          amount: float64
          paid: timestamp
        event_time: paid
        ---
        features: spending
        entity: customer
        source: payments
        windows: [1d]
        aggregates: {amount_mean: mean(amount), payments: count, last_paid: max(paid)}
        ---
        features: merchants
        entity: merchant
        source: payments
        latest: {last_amount: amount, shop: shop}
        ---

        """

    private func check(_ text: String) -> RepositoryText { Examples.check(Self.base + text) }

    private func view(_ text: String) throws -> FeatureViewDefinition {
        let read = check(text)
        #expect(read.faults.isEmpty, "\(read.faults)")
        for case .features(let view) in read.definitions where view.about.name == "v" { return view }
        throw MartletError(.notFound, "no view v")
    }

    @Test("types follow from expressions, and what is read from names")
    func types() throws {
        let view = try view(
            """
            features: v
            request: {amount: float64, at: timestamp, merchant: string}
            derived:
              over_mean: amount / amount_mean_1d
              is_large: {expression: over_mean > 3, description: much more than usual}
              n: payments_1d + 1
              who: if(is_large, upper(merchant), merchants.shop)
              when: coalesce(spending.last_paid_1d, request.at)
            """)
        #expect(view.featureFields.map(\.type) == [.float64, .bool, .int64, .string, .timestamp])
        #expect(view.entities == ["merchant", "customer"])
        #expect(view.source == nil)
        #expect(view.isOnline)
        #expect(view.reads.map(\.view) == ["merchants", "spending"])
        #expect(view.reads[1].features.map(\.name) == ["amount_mean_1d", "payments_1d", "last_paid_1d"])
        let text = Definition.features(view).canonicalText
        #expect(try Definition(canonical: text).canonicalText == text)
        #expect(try view.expressions().map(\.name) == ["over_mean", "is_large", "n", "who", "when"])
    }

    /// The expression of feature `a` beside `b: a + 1`, the column of the fault on the line, and what is said.
    @Test(
        "each faulty expression is found at its place with its fix",
        arguments: [
            ("'amount +'", 15, "the end stands where a value is expected", nil),
            ("amount + ", 14, "the end stands where a value is expected", nil),
            ("amout * 2", 6, "`amout` is no request value and no feature", "did you mean `amount`?"),
            ("request.amont", 6, "the view has no request value `amont`", "did you mean `amount`?"),
            ("spending.amount_meen_1d", 6, "feature view spending has no feature", "did you mean `amount_mean_1d`?"),
            ("spendings.payments_1d", 6, "there is no feature view named `spendings`", "did you mean `spending`?"),
            ("2 * (amount", 17, "the end stands where `)` is expected", nil),
            ("amount AND true", 13, "`AND` stands where an operator", nil),
            ("AMOUNT", 6, "`AMOUNT` is not a name", "write `amount`"),
            ("amount && true", 13, "`&&` is no operator", "write `and`"),
            ("amount == 1", 13, "`==` is no operator", "write `=`"),
            ("amount # 1", 6, "is no bool", nil),
            ("name + 'a'", 6, "`+` needs numbers, not a string", "join texts with concat(…)"),
            ("last_paid_1d - 1", 6, "`-` needs numbers, not a timestamp", "use seconds_between"),
            ("name > 1", 13, "`>` takes values of one type, not a string and an int64", "convert one of them"),
            ("not amount", 10, "`not` needs a bool, not a float64", "compare it"),
            ("amount = null", 13, "a comparison with null is null", "write `is null`"),
            ("1 < amount < 3", 17, "a comparison is compared", "write a < b and b < c"),
            ("true < false", 11, "`<` has no meaning for a bool", "they can be equal or not"),
            ("if(amount, 1, 2)", 9, "the condition of `if` needs a bool", nil),
            ("if(true, 1)", 6, "`if` does not take 2 arguments", "write if(condition, value, other)"),
            ("substr(name, 1)", 6, "there is no function `substr`", "did you mean `substring`?"),
            ("lenght(name)", 6, "there is no function `lenght`", "did you mean `length`?"),
            ("length(1)", 13, "`length` needs a string, not an int64", "write length(text)"),
            ("coalesce(amount, name)", 0, "", nil),
            ("case when true then 1 else 'a' end", 0, "", nil),
            ("'null'", 7, "the type of the expression is not known", "say which null"),
            ("name in [1]", 0, "", nil),
            ("name in [shop]", 15, "a list holds values as they are written", nil),
            ("int64(last_paid_1d)", 12, "a timestamp cannot become an int64", nil),
            ("'99999999999999999999'", 7, "is beyond what an int64 holds", "write it as 99999999999999999999.0"),
            ("2x", 6, "a number goes on with a letter", nil),
            ("a + 1", 6, "derived features need each other: `a` -> `a`", "break the circle"),
            ("b", 6, "", nil),
        ] as [(String, Int, String, String?)])
    func faults(expression: String, column: Int, message: String, fix: String?) throws {
        let text = """
            features: v
            request: {amount: float64, name: string}
            derived:
              a: \(expression)
              b: a + 1
            """
        let faults = check(text).faults
        if expression.contains("#") {
            // YAML takes it for a comment.
            #expect(faults.isEmpty)
            return
        }
        let fault = try #require(faults.first, "\(faults)")
        #expect(fault.message.contains(message), "\(fault)")
        if column > 0 {
            #expect(fault.place?.column == column, "\(fault)")
            #expect(fault.message.hasPrefix("`a`: ") || fault.message.hasPrefix("`b`: "))
        }
        if let fix { #expect(fault.fix?.hasPrefix(fix) == true, "\(fault)") }
    }

    @Test("a fault within lines is told by its line and column")
    func lines() throws {
        let fault = try #require(
            check("features: v\nrequest: {x: int64}\nderived:\n  a: |\n    x +\n    (y)\n").faults.first)
        #expect(fault.message.hasPrefix("`a`, line 2, column 2: `y` is no request value"))
    }

    @Test(
        "expressions are bounded",
        arguments: [
            (String(repeating: "(", count: 101) + "1" + String(repeating: ")", count: 101), "nested deeper than 100"),
            (String(repeating: "not ", count: 101) + "true", "nested deeper than 100"),
            (Array(repeating: "1", count: 120).joined(separator: " + "), "nested deeper than 100"),
            ("1 in [" + Array(repeating: "1", count: 2_000).joined(separator: ",") + "]", "more than 2000 parts"),
            ("'" + String(repeating: "a", count: 8_192) + "'", "8194 bytes, more than the limit of 8192"),
        ])
    func limits(expression: String, message: String) throws {
        let fault = try #require(
            check("features: v\nderived:\n  a: \(JSONValue.string(expression).text)\n").faults.first)
        #expect(fault.code == .limitExceeded)
        #expect(fault.message.contains(message), "\(fault)")
    }

    @Test("a long list is no deep expression")
    func longList() throws {
        let list = (0..<900).map(String.init).joined(separator: ",")
        #expect(
            try view("features: v\nrequest: {x: int64}\nderived:\n  a: x in [\(list)]\n").featureFields[0].type == .bool
        )
    }

    @Test(
        "circles and names that clash are refused, in words",
        arguments: [
            (
                "features: v\nderived: {a: w.b}\n---\nfeatures: w\nderived: {b: v.a}\n",
                "feature views read each other: v -> w -> v"
            ),
            (
                "features: v\nderived: {a: b, b: c, c: a}\n",
                "derived features need each other: `a` -> `b` -> `c` -> `a`"
            ),
            (
                """
                features: v
                entity: customer
                source: payments
                reads: [w]
                latest: {x: w__y}
                ---
                features: w
                entity: customer
                source: payments
                reads: [v]
                latest: {y: v__x}

                """, "feature views read each other: v -> w -> v"
            ),
            (
                "features: v\nrequest: {x: int64}\nderived: {x: request.x + 1}\n",
                "the feature `x` has the name of a request value"
            ),
            (
                "features: v\nrequest: {customer_id: int64}\nderived: {x: payments_1d}\n",
                "the request value `customer_id` has the name of a key"
            ),
            (
                "features: v\nrequest: {payments_1d: int64}\nderived: {x: payments_1d}\n",
                "`payments_1d` may mean `request.payments_1d` or `spending.payments_1d`"
            ),
            (
                "features: v\nsource: payments\nderived: {x: 1}\n", "a feature view has `source` and `derived`"
            ),
            ("features: v\nentity: customer\nlatest: [amount]\n", "a feature view has none of `source`, `derived`"),
            (
                "features: v\nentity: customer\nsource: payments\nreads: [w]\nlatest: [amount]\n---\n"
                    + "features: w\nderived: {x: 1}\n", "the view `w` is derived"
            ),
            (
                "features: v\nentity: customer\nsource: payments\nreads: [{view: merchants, key_columns: "
                    + "{merchant_id: shop}}]\nlatest: [amount]\n",
                "the key `merchant_id` of merchants is of type int64, but column `shop` is of type string"
            ),
            (
                "features: v\nentity: customer\nsource: payments\nreads: [{view: merchants, features: [shap]}]\n"
                    + "latest: [amount]\n", "feature view merchants has no feature `shap`"
            ),
            (
                "features: v\nentity: customer\nsource: payments\nreads: [merchants]\nlatest: [merchants__shap]\n",
                "feature `merchants__shap` needs the column `merchants__shap`"
            ),
            (
                "features: v\nrequest: {amount: float64}\nderived: {x: amount}\n---\nfeatures: w\n"
                    + "request: {amount: int64}\nderived: {y: amount}\n---\nservice: s\nfeatures: [v, w]\n",
                "the request value `amount` is of type float64 in v and int64 in w"
            ),
            (
                "features: v\nrequest: {payments_1d: float64}\nderived: {x: request.payments_1d}\n---\nservice: s\n"
                    + "features: [v, spending]\n",
                "the request value `payments_1d` has the name of a feature of spending"
            ),
        ])
    func refused(text: String, message: String) {
        let faults = check(text).faults
        #expect(faults.contains { $0.message.contains(message) }, "\(faults)")
        // One mistake is not told many times over.
        #expect(faults.count <= 2, "\(faults)")
    }

    private static let reader = """
        features: v
        entity: customer
        source: payments
        reads: [merchants]
        where: merchants__shop != 'x'
        windows: [1d]
        aggregates: {usual: mean(merchants__last_amount)}
        ---
        features: d
        derived: {twice: 2 * v.usual_1d}
        ---
        service: s
        features: [d]
        """

    @Test("a change of what is read is a change of its readers, and the plan says whom it touches")
    func change() throws {
        let before = check(Self.reader)
        #expect(before.faults.isEmpty, "\(before.faults)")
        let text = try #require(
            (Self.base + Self.reader).replacingFirst("latest: {last", by: "ttl: 5d\nlatest: {last"))
        let after = Examples.check(text)
        #expect(after.faults.isEmpty, "\(after.faults)")
        let diff = RepositoryDiff(from: before.definitions, to: after.definitions)
        #expect(
            diff.changes.map(\.key.description) == ["features d", "features merchants", "features v"])
        #expect(
            diff.downstream(of: DefinitionKey(.features, "merchants")).map(\.description) == [
                "features d", "features v", "service s",
            ])
        guard case .changed(let fields) = diff.changes[2].action else {
            Issue.record("v is changed")
            return
        }
        #expect(fields.map(\.path) == ["reads.merchants.definition"])
    }

    @Test("what is said for people changes no reader")
    func silence() throws {
        let text = try #require(
            (Self.base + Self.reader).replacingFirst("features: merchants\n", by: "features: merchants\nowner: me\n"))
        let diff = RepositoryDiff(from: check(Self.reader).definitions, to: Examples.check(text).definitions)
        #expect(diff.changes.map(\.key.description) == ["features merchants"])
    }

    @Test("the schema for editors knows them")
    func schema() throws {
        let schema = try JSONSchema(DefinitionSchema.definitions)
        let text = """
            features: v
            request: {amount: float64}
            derived: {a: request.amount, b: {expression: a + 1, description: more}}
            ---
            features: w
            entity: customer
            source: payments
            reads: [merchants, {view: spending, features: [payments_1d], key_columns: {customer_id: customer_id}}]
            latest: [amount]
            """
        let file = YAMLFile(parsing: Array(text.utf8), file: "a.yaml")
        #expect(file.documents.count == 2)
        for document in file.documents { #expect(schema.accepts(document.json)) }
        let wrong = YAMLFile(parsing: Array("features: v\nsource: s\nderived: {a: b}\n".utf8), file: "a.yaml")
        #expect(!schema.accepts(wrong.documents[0].json))
        #expect(check(text).faults.isEmpty)
    }

    @Test("columns that are read have the types of their features")
    func readTypes() throws {
        let view = try view(Self.reader)
        guard case .windowed(let aggregates) = view.features else {
            Issue.record("the view has windows")
            return
        }
        #expect(aggregates[0].columnType == .float64)
        #expect(view.reads[0].columns.map(\.name) == ["merchants__last_amount", "merchants__shop"])
    }
}
