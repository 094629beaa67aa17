import MartletCore
import MartletDatabase
import MartletDefinitions
import MartletRegistry
import MartletTestSupport
import Synchronization

/// A registry in a folder of its own, whose statements can be made to fail.
final class RegistryFixture {
    struct Stop: Error {}

    private let folder = TemporaryFolder()
    let database: SQLiteDatabase
    let registry: Registry
    let principal: Principal
    let now = Timestamp(year: 2026, month: 5, day: 1)
    private let remaining: RemainingStatements

    /// Counts down to the statement that fails.
    private final class RemainingStatements: Sendable {
        let count = Mutex(Int.max)
    }

    init() throws {
        let remaining = RemainingStatements()
        self.remaining = remaining
        var options = SQLiteOptions()
        options.interceptor = { _ in
            let isDue = remaining.count.withLock { count in
                count -= 1
                return count == 0
            }
            if isDue { throw Stop() }
        }
        database = try SQLiteDatabase(path: "\(folder.path)/registry.db", options: options)
        try RegistrySchema.migrator(for: database).apply(now: now)
        guard let tenant = TenantID("bank"), let workspace = WorkspaceID(tenant: tenant, name: "fraud") else {
            preconditionFailure("the names are valid")
        }
        registry = Registry(database: database, workspace: workspace)
        principal = Principal(tenant: tenant, name: "ada")
    }

    /// The n-th statement from now on fails; nil: none does.
    func failStatement(_ number: Int?) { remaining.count.withLock { $0 = number ?? .max } }

    func other(tenant: String, workspace: String) -> (registry: Registry, principal: Principal) {
        guard let tenant = TenantID(tenant), let workspace = WorkspaceID(tenant: tenant, name: workspace) else {
            preconditionFailure("the names are valid")
        }
        return (Registry(database: database, workspace: workspace), Principal(tenant: tenant, name: "eve"))
    }

    @discardableResult
    func apply(_ definitions: [Definition], key: String? = nil, after: TimeSpan = .zero) throws -> ApplyResult {
        try registry.apply(registry.plan(definitions), principal: principal, now: now + after, idempotencyKey: key)
    }
}

enum Samples {
    static func entity(_ name: String, type: DataType = .int64) -> Definition {
        .entity(EntityDefinition(about: About(name: name), keys: [Field("\(name)_id", type, isNullable: false)]))
    }

    static func source(_ name: String, extra: Int = 0) -> Definition {
        .source(
            SourceDefinition(
                about: About(name: name),
                columns: [
                    SourceColumn(name: "customer_id", type: .int64), SourceColumn(name: "at", type: .timestamp),
                    SourceColumn(name: "amount", type: .float64),
                ] + (0..<extra).map { SourceColumn(name: "extra_\($0)", type: .string) }, eventTime: "at"))
    }

    static func view(_ name: String, source: String = "payments", ttl: TimeSpan? = nil) -> Definition {
        .features(
            FeatureViewDefinition(
                about: About(name: name), entities: ["customer"], source: source, ttl: ttl,
                features: .latest([LatestFeature(name: "\(name)_amount", column: "amount", type: .float64)])))
    }

    static func service(_ name: String, _ views: String...) -> Definition {
        .service(ServiceDefinition(about: About(name: name), features: views.map { ServiceFeatures(view: $0) }))
    }

    static let first = [entity("customer"), source("payments"), view("spending"), service("score", "spending")]
    static let second = [
        entity("customer"), source("payments", extra: 1), view("spending", ttl: .days(7)), view("more"),
        service("score", "spending", "more"),
    ]
}
