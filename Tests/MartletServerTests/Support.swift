import FoundationEssentials
import Glibc
import MartletCore
import MartletFeatures
import MartletHTTP
import MartletKeyValue
import MartletOnline
import MartletServer
import MartletTestSupport

/// A server on a free port over a store in a folder of its own, with three views:
/// `driver_stats` (key driver_id int64; conv_rate float32, avg_daily_trips int64), `everything` (one feature of each
/// type, key id string) and `pairs` (composite key a int64, b string; v int32; a ttl of an hour).
final class TestServer {
    let server: FeatureServer
    let store: LMDBOnlineStore
    private let folder = TemporaryFolder()
    static let now = Timestamp(year: 2026, month: 11, day: 20, hour: 12)

    static let workspace = WorkspaceID(tenant: TenantID("acme")!, name: "main")!

    static func identity(_ view: String, _ version: Int) -> ViewIdentity {
        ViewIdentity(workspace: workspace, view: view, version: version)
    }

    static let driverStats = OnlineView(
        identity: identity("driver_stats", 1), keys: [Field("driver_id", .int64)],
        features: [Field("conv_rate", .float32), Field("avg_daily_trips", .int64)])
    static let oldDriverStats = OnlineView(
        identity: identity("driver_stats", 0), keys: [Field("driver_id", .int64)],
        features: [Field("conv_rate", .float32)])
    static let everything = OnlineView(
        identity: identity("everything", 3), keys: [Field("id", .string)],
        features: DataType.scalars.map { Field("f_\($0)", $0) })
    static let pairs = OnlineView(
        identity: identity("pairs", 1), keys: [Field("a", .int64), Field("b", .string)], features: [Field("v", .int32)],
        ttl: .hours(1))

    static let catalog = ServingCatalog(
        views: [driverStats, everything, pairs], pinnedViews: [oldDriverStats],
        services: [
            "drivers": [
                FeatureReference(view: "driver_stats", feature: "avg_daily_trips"),
                FeatureReference(view: "driver_stats", feature: "conv_rate"),
            ]
        ], entityKeys: ["driver": "driver_id"])

    init(_ change: (inout FeatureServerSettings) -> Void = { _ in }) throws {
        store = try LMDBOnlineStore(
            path: folder.path, limits: EnvironmentLimits(mapSizeBytes: 1 << 28), durability: .unsynced)
        var settings = FeatureServerSettings(http: HTTPServerSettings(port: 0), workspace: Self.workspace)
        change(&settings)
        server = try FeatureServer(
            settings, catalog: Self.catalog, store: store, time: FixedTimeSource(Self.now))
        try fill()
    }

    deinit {
        server.stop()
    }

    /// The status and the body that a request body gets.
    func answer(_ body: String) -> (status: Int, text: String) { answer(Array(body.utf8)) }

    func answer(_ body: [UInt8]) -> (status: Int, text: String) {
        var writer = ByteWriter()
        let status = server.answer(body: body, to: &writer)
        return (status, String(decoding: writer.bytes, as: UTF8.self))
    }

    func load(_ view: OnlineView, _ values: LatestValues) throws {
        var load = try OnlineLoad(
            LoadIdentity(view: view.identity, upTo: .epoch, input: ""), of: view, into: store, isRestarted: true)
        try load.write(values)
        _ = try load.finish()
    }

    private func fill() throws {
        let midnight = Timestamp(year: 2026, month: 11, day: 20).microseconds
        try load(
            Self.driverStats,
            LatestValues(
                keys: [Column(.int64([1001, 1002]))],
                features: [
                    Column(.float32([0.08548096567392349, 0]), validity: Bitmap([true, false])),
                    Column(.int64([562, -3])),
                ], eventTimes: [midnight, midnight + 1_500_000]))
        try load(
            Self.oldDriverStats,
            LatestValues(
                keys: [Column(.int64([1001]))], features: [Column(.float32([0.5]))], eventTimes: [midnight]))
        try load(
            Self.pairs,
            LatestValues(
                keys: [Column(.int64([1, 1])), Column(.string(ByteStrings(["x", "y"])))],
                features: [Column(.int32([7, 8]))],
                eventTimes: [Self.now.microseconds - 3_600_000_000, Self.now.microseconds - 3_600_000_001]))
        try load(Self.everything, everythingValues(midnight))
    }

    private func everythingValues(_ time: Int64) -> LatestValues {
        let columns = DataType.Element.allCases.map { element -> Column in
            switch element {
            case .bool: Column(.bool([true, false]))
            case .int32: Column(.int32([.max, .min]))
            case .int64: Column(.int64([.max, .min]))
            case .float32: Column(.float32([.nan, 0.1]))
            case .float64: Column(.float64([.infinity, -.infinity]))
            case .string: Column(.string(ByteStrings(["say \"hé\"\n", ""])))
            case .bytes: Column(.bytes(ByteStrings(["foo", ""])))
            case .timestamp: Column(.timestamp([1_700_000_000_000_000, 1_700_000_000_250_000]))
            }
        }
        return LatestValues(
            keys: [Column(.string(ByteStrings(["one", "two"])))], features: columns, eventTimes: [time, time])
    }
}
