import Glibc
import MartletCore
import MartletKeyValue
import MartletOnline
import MartletTestSupport
import ServerTestSupport
import Synchronization
import Testing

/// Everything that keeps served records, embedded and real servers alike.
enum Backend: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case lmdb, redis, redisCluster, dynamodb

    var testDescription: String { rawValue }

    /// Opens the store; a second call opens it again.
    typealias Opener = () throws -> any OnlineStore

    /// Runs `body` with a store; what others keep there is of other tenants.
    func withStore<Result>(_ body: (any OnlineStore, Opener) throws -> Result) throws -> Result {
        switch self {
        case .lmdb:
            return try withTemporaryFolder { folder in
                // LMDB forbids a second handle in one process: the first goes before the second comes.
                let holder = LMDBHolder(folder)
                return try body(holder.store) {
                    holder.release()
                    return try holder.reopened()
                }
            }
        case .redis:
            let server = try Servers.redis.get()
            let open: Opener = { RedisOnlineStore(redisSettings([server])) }
            return try body(open(), open)
        case .redisCluster:
            let cluster = try Servers.cluster.get()
            let open: Opener = { RedisOnlineStore(redisSettings(cluster.masters, isCluster: true)) }
            return try body(open(), open)
        case .dynamodb:
            let server = try Servers.dynamodb.get()
            let open: Opener = { DynamoOnlineStore(dynamoSettings(server)) }
            return try body(open(), open)
        }
    }
}

/// Servers that all tests share: started at first use, gone with the process.
enum Servers {
    static let redis = Result { try RedisServer() }
    static let cluster = Result { try RedisCluster() }
    static let dynamodb = Result { try MotoServer() }
}

func dynamoSettings(_ server: MotoServer) -> DynamoSettings {
    var settings = DynamoSettings(
        region: "eu-central-1", table: "martlet", endpoint: server.endpoint, accessKey: "tester",
        secretKey: "of no value")
    settings.createsTable = true
    settings.readTimeoutMilliseconds = 60_000
    settings.writeTimeoutMilliseconds = 120_000
    return settings
}

func redisSettings(_ servers: [RedisServer], isCluster: Bool = false) -> RedisSettings {
    var settings = RedisSettings(
        endpoints: servers.map { .init(host: "127.0.0.1", port: $0.port) }, isCluster: isCluster)
    // A shared machine may stand still for a moment.
    settings.readTimeoutMilliseconds = 20_000
    settings.writeTimeoutMilliseconds = 60_000
    settings.connectTimeoutMilliseconds = 10_000
    return settings
}

/// A store that can be closed while a test still names it.
private final class LMDBHolder {
    private let folder: String
    private var held: LMDBOnlineStore?

    init(_ folder: String) { self.folder = folder }

    var store: any OnlineStore { Forwarding(self) }

    func release() { held = nil }

    func reopened() throws -> any OnlineStore {
        _ = try open()
        return store
    }

    func open() throws -> LMDBOnlineStore {
        if let held { return held }
        let store = try LMDBOnlineStore(
            path: folder, limits: EnvironmentLimits(mapSizeBytes: 1 << 30), durability: .unsynced)
        held = store
        return store
    }

    // @unchecked: `release` is called by the test's own thread while no other uses the store.
    struct Forwarding: ScannedStore, @unchecked Sendable {
        private let holder: LMDBHolder
        init(_ holder: LMDBHolder) { self.holder = holder }

        func handle(for view: ViewIdentity) throws -> ViewHandle { try holder.open().handle(for: view) }
        func read(
            _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
            _ body: (borrowing RecordTable) throws -> Void
        ) throws { try holder.open().read(lookups, keys: keys, into: &table, body) }
        func write(
            _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
        ) throws -> WriteCounts {
            try holder.open().write(chunk, keys: keys, order: order, to: view, cursor: cursor)
        }
        func cursor(of view: ViewIdentity) throws -> LoadCursor? { try holder.open().cursor(of: view) }
        func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws {
            try holder.open().setCursor(cursor, of: view)
        }
        func drop(_ view: ViewIdentity) throws { try holder.open().drop(view) }
        func recordCount(of view: ViewIdentity) throws -> Int { try holder.open().recordCount(of: view) }
        func scan(
            _ view: ViewIdentity, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
        ) throws { try holder.open().scan(view, body) }
        func changeMark(of view: ViewIdentity) throws -> UInt64? { try holder.open().changeMark(of: view) }
    }
}

private let nextTenant = Atomic<Int>(0)

/// A tenant that no other test has.
func freshTenant() -> String {
    "t\(getpid())x\(nextTenant.wrappingAdd(1, ordering: .relaxed).newValue)"
}

func identity(_ view: String = "payments", version: Int = 1, tenant: String) -> ViewIdentity {
    ViewIdentity(workspace: WorkspaceID(tenant: TenantID(tenant)!, name: "main")!, view: view, version: version)
}

/// A view with one int64 key `id` and one int64 feature `x`.
func simpleView(
    _ view: String = "payments", version: Int = 1, tenant: String = freshTenant(), ttl: TimeSpan? = nil
) -> OnlineView {
    OnlineView(
        identity: identity(view, version: version, tenant: tenant), keys: [Field("id", .int64)],
        features: [Field("x", .int64)], ttl: ttl)
}

struct Row {
    var id: Int64
    var x: Int64?
    var event: Int64
    var created: Int64 = 0
    var position: Int64 = 0
}

func values(_ rows: [Row]) -> LatestValues {
    LatestValues(
        keys: [Column(.int64(rows.map(\.id)))],
        features: [Column(.int64(rows.map { $0.x ?? 0 }), validity: Bitmap(rows.map { $0.x != nil }))],
        eventTimes: rows.map(\.event), createdTimes: rows.map(\.created), positions: rows.map(\.position))
}

func deletions(_ rows: [Row]) -> Deletions {
    Deletions(
        keys: [Column(.int64(rows.map(\.id)))], eventTimes: rows.map(\.event), createdTimes: rows.map(\.created),
        positions: rows.map(\.position))
}

@discardableResult
func load(_ values: LatestValues, into view: OnlineView, _ store: any OnlineStore, input: String = "a") throws
    -> WriteCounts
{
    var load = try OnlineLoad(
        LoadIdentity(view: view.identity, upTo: .epoch, input: input), of: view, into: store, isRestarted: true)
    try load.write(values)
    return try load.finish()
}

/// The stored bytes of each key.
func records(_ ids: [Int64], of view: OnlineView, _ store: any OnlineStore) throws -> [[UInt8]?] {
    let keys = try EntityKeys([Column(.int64(ids))], keys: view.keys)
    var table = RecordTable()
    var found: [[UInt8]?] = []
    let lookup = RecordLookup(view: try store.handle(for: view.identity), keyIndex: 0)
    try store.read([lookup], keys: [keys], into: &table) { table in
        for row in keys.rows { found.append(table.record(lookup: 0, key: Int(row)).map { Array($0) }) }
    }
    return found
}

func code(_ body: () throws -> Void) -> MartletError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? MartletError)?.code
    }
}
