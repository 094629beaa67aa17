import MartletCore
import MartletDefinitions
import Testing

@Suite("The difference of two sets of definitions")
struct DiffTests {
    private let before = Examples.check(Examples.payments).definitions

    private func changed(_ pairs: (String, String)...) throws -> [Definition] {
        var text = Examples.payments
        for (old, new) in pairs { text = try #require(text.replacingFirst(old, by: new)) }
        let result = Examples.check(text)
        #expect(result.faults.isEmpty, "\(result.faults)")
        return result.definitions
    }

    @Test("equal sets have none, whatever their order")
    func none() {
        let diff = RepositoryDiff(from: before, to: before.reversed())
        #expect(diff.isEmpty)
        #expect(diff.text == "no changes\n")
    }

    @Test("a first apply adds all")
    func first() {
        #expect(
            RepositoryDiff(from: [], to: before).text == """
                + entity branch
                + entity customer
                + source customers
                + source payments
                + features branch_flows
                + features customer_basics
                + features customer_profile
                + features customer_spending
                + service fraud_score
                + checks payments_quality

                10 to add, 0 to change, 0 to remove

                """)
    }

    @Test("changes are told by field, with what they touch")
    func fields() throws {
        let after = try changed(
            ("description: in euros", "description: in cents"), ("amount: {type: float64", "amount: {type: float32"),
            (
                "  kind: string\n  status: string\n",
                "  status: string\n  kind: string\n  note: {type: string, nullable: false}\n"
            ),
            ("owner: payments team\n", ""), ("ttl: 90d", "ttl: 30d"), ("[90m, 7d]", "[7d]"),
            ("severity: critical", "severity: warning"),
            ("  - \"customer_profile:born\"\n", ""),
            ("---\nfeatures: customer_basics\nentity: customer\nsource: customers\nlatest: [country]\n", ""))
        #expect(
            RepositoryDiff(from: before, to: after).text == """
                ~ entity customer: - owner
                    touches features branch_flows, features customer_basics, features customer_profile, \
                features customer_spending, service fraud_score
                ~ source payments: columns.amount.description in euros -> in cents
                ~ source payments: columns.amount.type float64 -> float32
                ~ source payments: + columns.note {nullable: false, type: string}
                ~ source payments: columns.order payment_id, payer_id, branch_id, region, amount, currency, kind, \
                status, terminal_online, booked,… -> payment_id, payer_id, branch_id, region, amount, currency, \
                status, kind, terminal_online, booked,…
                    touches features branch_flows, features customer_spending, service fraud_score, \
                checks payments_quality
                ~ features branch_flows: aggregates.amount_mean.type float64 -> float32
                    touches service fraud_score
                - features customer_basics
                ~ features customer_profile: ttl 90d -> 30d
                    touches service fraud_score
                ~ features customer_spending: aggregates.amount_max.type float64 -> float32
                ~ features customer_spending: aggregates.amount_sum.type float64 -> float32
                ~ features customer_spending: aggregates.amount_sum.windows [1h30m, 7d] -> [7d]
                    touches service fraud_score
                ~ service fraud_score: features [customer_spending, customer_profile:[born], branch_flows:[inflow_1d]] \
                -> [customer_spending, branch_flows:[inflow_1d]]
                ~ checks payments_quality: rules.not_null_payment_id.severity critical -> warning

                0 to add, 7 to change, 1 to remove

                """)
    }

    @Test("a query's change is told by its lines, and a source named only in a query touches its view")
    func query() throws {
        let after = RepositoryText(checking: [.init(path: "a.yaml", text: Examples.payments)]) { _ in
            .success(Examples.flows + "WHERE 1 = 1\n")
        }.definitions
        let diff = RepositoryDiff(from: before, to: after)
        #expect(
            diff.text == """
                ~ features branch_flows: sql.text \(Examples.flows.dropLast()) -> (2 lines)
                    touches service fraud_score

                0 to add, 1 to change, 0 to remove

                """)
        let graph = DefinitionGraph(before)
        #expect(
            graph.downstream(of: DefinitionKey(.source, "customers")).map(\.description) == [
                "features branch_flows", "features customer_basics", "features customer_profile", "service fraud_score",
            ])
    }

    @Test("downstream follows every arrow")
    func downstream() throws {
        let graph = DefinitionGraph(before)
        func names(_ kind: Definition.Kind, _ name: String) -> [String] {
            graph.downstream(of: DefinitionKey(kind, name)).map(\.description)
        }
        #expect(names(.entity, "branch") == ["features branch_flows", "service fraud_score"])
        #expect(
            names(.source, "payments") == [
                "features branch_flows", "features customer_spending", "service fraud_score", "checks payments_quality",
            ])
        #expect(names(.features, "customer_basics") == [])
        #expect(names(.service, "fraud_score") == [])
        let diff = RepositoryDiff(from: before, to: before.filter { $0.name != "customer_profile" })
        #expect(diff.downstream(of: DefinitionKey(.features, "customer_profile")).map(\.name) == ["fraud_score"])
        #expect(diff.downstream(of: DefinitionKey(.entity, "branch")) == [])
    }

    @Test("the diff is empty exactly where the texts are equal")
    func equality() throws {
        for (old, new) in [
            ("ttl: 90d", "ttl: 2160h"), ("windows: 1d", "windows: [24h]"),
            ("payments: count", "payments: {function: count}"),
            ("latest: [country]", "latest: {country: {column: country}}"),
        ] {
            let text = try #require(Examples.payments.replacingFirst(old, by: new))
            #expect(RepositoryDiff(from: before, to: Examples.check(text).definitions).isEmpty, "\(new)")
        }
    }
}
