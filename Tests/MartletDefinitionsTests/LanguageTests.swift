import MartletCore
import MartletDefinitions
import Testing

@Suite("The definition language")
struct LanguageTests {
    private let repository = Examples.check(Examples.payments)

    private func find(_ kind: Definition.Kind, _ name: String) throws -> Definition {
        try #require(repository.definitions.first { $0.kind == kind && $0.name == name })
    }

    @Test("the example has no faults and comes in the order of application")
    func example() {
        #expect(repository.faults.isEmpty, "\(repository.faults)")
        #expect(
            repository.definitions.map(\.key.description) == [
                "entity branch", "entity customer", "source customers", "source payments", "features branch_flows",
                "features customer_basics", "features customer_profile", "features customer_spending",
                "service fraud_score", "checks payments_quality",
            ])
    }

    @Test("entities have one key or several, in their order")
    func entities() throws {
        guard case .entity(let customer) = try find(.entity, "customer"),
            case .entity(let branch) = try find(.entity, "branch")
        else { return }
        #expect(customer.keys == [Field("customer_id", .int64, isNullable: false)])
        #expect(
            branch.keys == [
                Field("branch_id", .int32, isNullable: false), Field("region", .string, isNullable: false),
            ])
        #expect(customer.about.description == "A person who holds cards")
        #expect(customer.about.owner == "payments team")
        #expect(customer.about.tags == ["domain": "fraud", "tier": "1"])
        #expect(branch.about.place.description == "a.yaml:8:1")
    }

    @Test("a source has its columns, times, id and file format")
    func source() throws {
        guard case .source(let source) = try find(.source, "payments") else { return }
        #expect(source.columns.count == 12)
        #expect(
            source.columns[4]
                == SourceColumn(name: "amount", type: .float64, isNullable: false, description: "in euros"))
        #expect(
            source.columns[9]
                == SourceColumn(name: "booked", type: .timestamp, format: "%y%m%d", zone: "UTC", from: "date"))
        #expect(source.columns[11].constant == .timestamp(Timestamp(year: 2020, month: 1, day: 1)))
        #expect(source.columns[11].isNullable == false)
        #expect(source.eventTime == "booked" && source.arrivalTime == "arrived" && source.id == ["payment_id", "kind"])
        #expect(source.csv == CSVOptions(delimiter: ";", quote: "'", hasHeader: false, null: ""))
        guard case .source(let customers) = try find(.source, "customers") else { return }
        #expect(customers.arrivalTime == nil && customers.id == ["customer_id"] && customers.csv == CSVOptions())
    }

    @Test("aggregates take the view's windows and derive the types of their columns")
    func windowed() throws {
        guard case .features(let view) = try find(.features, "customer_spending") else { return }
        let windows: [TimeSpan] = [.hours(1), .days(1), .days(7), .days(30)]
        #expect(
            view.features
                == .windowed([
                    WindowAggregate(name: "payments", function: .count, windows: windows),
                    WindowAggregate(
                        name: "amount_max", function: .max, column: "amount", columnType: .float64, windows: windows),
                    WindowAggregate(
                        name: "last_booking", function: .max, column: "booked", columnType: .timestamp, windows: windows
                    ),
                    WindowAggregate(
                        name: "currencies", function: .distinct, column: "currency", columnType: .string,
                        windows: [.days(30)], description: "used lately"),
                    WindowAggregate(
                        name: "amount_sum", function: .sum, column: "amount", columnType: .float64,
                        windows: [.minutes(90), .days(7)], isExact: true),
                ]))
        #expect(view.featureNames.suffix(3) == ["currencies_30d", "amount_sum_1h30m", "amount_sum_7d"])
        #expect(view.keyColumns == ["customer_id": "payer_id"] && view.filter == "status = 'approved'")
        #expect(view.isOnline && view.ttl == nil && view.sql == nil)
    }

    @Test("a view over a query has its text and takes known columns' types from the source")
    func query() throws {
        guard case .features(let view) = try find(.features, "branch_flows") else { return }
        #expect(view.sql == SQLText(file: "sql/flows.sql", text: Examples.flows))
        #expect(view.entities == ["branch", "customer"] && view.eventTime == "seen" && !view.isOnline)
        guard case .windowed(let aggregates) = view.features else { return }
        #expect(aggregates.map(\.columnType) == [.float64, .float64])
    }

    @Test("latest values are named by mapping or by list")
    func latest() throws {
        guard case .features(let profile) = try find(.features, "customer_profile"),
            case .features(let basics) = try find(.features, "customer_basics")
        else { return }
        #expect(
            profile.features
                == .latest([
                    LatestFeature(name: "home_country", column: "country", type: .string),
                    LatestFeature(name: "born", column: "born", type: .timestamp, description: "day of birth"),
                ]))
        #expect(profile.ttl == .days(90))
        #expect(basics.features == .latest([LatestFeature(name: "country", column: "country", type: .string)]))
    }

    @Test("a service names views, single features and parts of views")
    func service() throws {
        guard case .service(let service) = try find(.service, "fraud_score") else { return }
        #expect(
            service.features == [
                ServiceFeatures(view: "customer_spending"), ServiceFeatures(view: "customer_profile", names: ["born"]),
                ServiceFeatures(view: "branch_flows", names: ["inflow_1d"]),
            ])
    }

    @Test("checks have names of their own, severities and values of the column's type")
    func checks() throws {
        guard case .checks(let definition) = try find(.checks, "payments_quality") else { return }
        #expect(
            definition.checks == [
                Check(name: "not_null_payment_id", rule: .notNull(column: "payment_id"), severity: .critical),
                Check(name: "unique_payment_id", rule: .unique(columns: ["payment_id"]), severity: .error),
                Check(
                    name: "unique_payment_id_kind", rule: .unique(columns: ["payment_id", "kind"]), severity: .error),
                Check(
                    name: "accepted_currency",
                    rule: .accepted(column: "currency", values: [.string("EUR"), .string("USD"), .string("no")]),
                    severity: .error),
                Check(
                    name: "accepted_branch_id", rule: .accepted(column: "branch_id", values: [.int32(1), .int32(2)]),
                    severity: .error),
                Check(
                    name: "range_amount", rule: .range(column: "amount", minimum: 0, maximum: 100_000), severity: .error
                ),
                Check(
                    name: "range_amount_2", rule: .range(column: "amount", minimum: -5.5, maximum: nil),
                    severity: .error),
                Check(name: "regex_currency", rule: .regex(column: "currency", pattern: "[A-Z]{3}"), severity: .error),
                Check(name: "row_count", rule: .rowCount(minimum: 1, maximum: nil), severity: .error),
                Check(
                    name: "freshness_booked", rule: .freshness(column: "booked", maximumAge: .days(1)), severity: .error
                ),
                Check(
                    name: "refunds_are_negative", rule: .sql(expression: "amount > 0 or kind = 'refund'"),
                    severity: .warning),
            ])
    }

    @Test("the order of files and documents does not matter")
    func order() {
        let parts = Examples.payments.split(separator: "---\n").map(String.init)
        let files = parts.reversed().enumerated().map { RepositoryText.File(path: "\($0).yaml", text: $1) }
        let reversed = RepositoryText(checking: files) { _ in .success(Examples.flows) }
        #expect(reversed.faults.isEmpty)
        #expect(reversed.definitions == repository.definitions)
    }

    @Test(
        "the hop of a window follows its length",
        arguments: [
            ("5m", "5m"), ("11h55m", "5m"), ("12h", "1h"), ("11d23h", "1h"), ("12d", "1d"), ("30d", "1d"),
        ])
    func hops(window: String, hop: String) throws {
        #expect(windowHop(try #require(TimeSpan(window))) == TimeSpan(hop))
    }
}
