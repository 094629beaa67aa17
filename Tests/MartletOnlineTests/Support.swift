import FoundationEssentials
import Glibc
import MartletCore
import MartletKeyValue
import MartletOnline
import MartletTestSupport

/// A store in a folder of the test's own.
func withStore<Result>(_ body: (LMDBOnlineStore) throws -> Result) throws -> Result {
    try withTemporaryFolder { folder in try body(try openStore(folder)) }
}

func openStore(_ folder: String) throws -> LMDBOnlineStore {
    try LMDBOnlineStore(path: folder, limits: EnvironmentLimits(mapSizeBytes: 1 << 30), durability: .unsynced)
}

func workspace(_ tenant: String = "acme", _ name: String = "main") -> WorkspaceID {
    WorkspaceID(tenant: TenantID(tenant)!, name: name)!
}

func identity(_ view: String = "payments", version: Int = 1, tenant: String = "acme") -> ViewIdentity {
    ViewIdentity(workspace: workspace(tenant), view: view, version: version)
}

/// A view with one int64 key `id` and one int64 feature `x`.
func simpleView(_ identity: ViewIdentity = identity(), ttl: TimeSpan? = nil) -> OnlineView {
    OnlineView(identity: identity, keys: [Field("id", .int64)], features: [Field("x", .int64)], ttl: ttl)
}

func load(_ values: LatestValues, into view: OnlineView, _ store: any OnlineStore, input: String = "a") throws
    -> WriteCounts
{
    var load = try OnlineLoad(
        LoadIdentity(view: view.identity, upTo: .epoch, input: input), of: view, into: store)
    try load.write(values)
    return try load.finish()
}

func simpleValues(_ rows: [(id: Int64, x: Int64?, event: Int64)], created: [Int64]? = nil, positions: [Int64]? = nil)
    -> LatestValues
{
    LatestValues(
        keys: [Column(.int64(rows.map(\.id)))],
        features: [Column(.int64(rows.map { $0.x ?? 0 }), validity: Bitmap(rows.map { $0.x != nil }))],
        eventTimes: rows.map(\.event), createdTimes: created, positions: positions)
}

func code(_ body: () throws -> Void) -> MartletError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? MartletError)?.code
    }
}
